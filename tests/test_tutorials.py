"""The tutorials are notebooks that hold what they gave: executed again they give the same."""

import re
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
NotebookClient = pytest.importorskip("nbclient").NotebookClient
pytest.importorskip("ipykernel")

FOLDER = Path(__file__).parents[1] / "docs" / "tutorials"
TUTORIALS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
SLOW = ("own_texture.ipynb",)
LONGEST = 300
"""Seconds that a cell may take; on a machine of its own no notebook takes a minute."""


def printed(notebook):
    """What the cells printed."""
    return "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stdout"
    )


def numbers(text):
    return [float(number) for number in re.findall(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?", text)]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in TUTORIALS]
)
def test_a_tutorial_gives_what_it_shows(name, tmp_path):
    held = nbformat.read(FOLDER / name, 4)
    again = nbformat.from_dict(held)
    NotebookClient(
        again, timeout=LONGEST, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    # machines of other kinds may round the last digit otherwise
    assert numbers(printed(again)) == pytest.approx(numbers(printed(held)), rel=2e-2)
    assert len(numbers(printed(held))) >= 6
    figures = [o for cell in held.cells for o in cell.get("outputs", ()) if "image/png" in o.get("data", {})]
    assert figures


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_holds_no_error_and_no_path(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert '"output_type": "error"' not in text
    assert "Traceback" not in text
    assert "/tmp/" not in text


def test_tutorials_are_in_the_site():
    index = (FOLDER.parent / "index.md").read_text(encoding="utf-8")
    assert len(TUTORIALS) == 2
    for name in TUTORIALS:
        assert f"tutorials/{Path(name).stem}\n" in index
