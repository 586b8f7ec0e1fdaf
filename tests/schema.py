"""The tables of docs/RESULTS.md, and whether a file is as they say."""

import re
from itertools import product
from pathlib import Path

import h5py
from conventions import assert_conventional

from mcpump import results

PAGE = Path(__file__).resolve().parent.parent / "docs" / "RESULTS.md"
NOTHING = "–"
EITHER = {
    "clock": (("harmonic",), ("time",)),
    "flow": (("direction",), ("normal",)),
    "mesh": (("x",), ("x", "y"), ("x", "y", "z")),
}
"""Words of the tables that stand for axes."""


def tables(head):
    """Rows of the page's tables whose first column has this head: (name, cells behind it), a row for every name in it."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", PAGE.read_text(encoding="utf-8"), re.M):
        first, _, *rows = [
            re.split(r" (?<!\\)\| ", line.strip().strip("|").strip()) for line in block.splitlines()
        ]
        if first[0] == head:
            found += [(name, row[1:]) for row in rows for name in re.findall(r"`([^`]+)`", row[0])]
    return found


def names(head, number=0):
    """Names in the first columns of one table, of those with this head the one of a number."""
    text = PAGE.read_text(encoding="utf-8").split(f"| {head} |")[1 + number]
    rows = re.findall(r"^\|(.*?) \| ", text.split("\n\n")[0], re.M)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def meant(axes):
    """Tuples of axes that a cell of the table allows."""
    words = [] if axes == NOTHING else axes.split(", ")
    return {sum(parts, ()) for parts in product(*(EITHER.get(word, ((word,),)) for word in words))}


def rows_of(name, reduced):
    """What the tables say of a variable: (axes, unit, whether it has a standard error)."""
    rows = [cells for row, cells in tables("variable") if row == name and len(cells) == 7]
    return [(meant(cells[0]), cells[2 if reduced else 1], cells[3] == "yes") for cells in rows]


def assert_as_told(path, deck):
    """A results file has nothing that the page does not tell, and all that it says the deck's file has."""
    result = results.read(path)
    units = {name: cells[:2] for name, cells in tables("axis")}
    reduced = result.coords["x"].units == "ell"
    for name, axis in result.coords.items():
        assert (
            units[name] == [NOTHING] * 2 if isinstance(axis, tuple) else axis.units == units[name][reduced]
        ), name
    for name, estimate in result.estimates.items():
        found = estimate.dims, estimate.units, estimate.stderr is not None
        told = rows_of(name, reduced)
        assert any(found[0] in axes and found[1:] == (unit, error) for axes, unit, error in told), (
            name,
            found,
            told,
        )
    assert_conventional(path)
    promised = {name for name, cells in tables("variable") if len(cells) == 7 and cells[-1] == f"`{deck}`"}
    assert promised <= set(result.estimates)
    with h5py.File(path) as file:
        assert set(file.attrs) == names("root attribute")
        held = set(file["checkpoint"]) - {key for key in file["checkpoint"] if re.fullmatch(r"n\d+", key)}
        assert held == (set() if result.solved else names("dataset"))
        assert set(file["provenance"].attrs) <= names("attribute", 0)
        described = {
            key for name in file if name in result.estimates for key in file[name].attrs if key.islower()
        }
        assert described <= names("attribute of a variable")


def assert_sweep_as_told(path, keys):
    """A sweep file has the axes, attributes and extra variables of the page, and the variables of its points."""
    assert_conventional(path)
    with h5py.File(path) as file:
        assert set(file.attrs) == names("root attribute", 1)
        extra = {name for name, _ in tables("variable") if not rows_of(name, True)} - {"<key>"}
        axes = {name for name, _ in tables("axis")}
        known = (
            {name for name, _ in tables("variable")} | axes | {f"{name}_bounds" for name in axes} | set(keys)
        )
        known.add("bnds")  # the axis of bounds, which has no coordinates
        others = {
            name.removesuffix("_stderr") for name in file if isinstance(file[name], h5py.Dataset)
        } - known
        patterns = [re.escape(name).replace("…", ".*").replace("<axis>", ".*") for name in extra]
        assert [name for name in others if not any(re.fullmatch(pattern, name) for pattern in patterns)] == []
        assert {name for name in extra if name.startswith("point_")} <= set(file)
        assert set(file["provenance"].attrs) == {"wall_time_s"}
