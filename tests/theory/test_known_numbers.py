"""The table of known numbers beyond diffusion in docs/PHYSICS: every value of it is worked out."""

from __future__ import annotations

import inspect
import math
import re
from pathlib import Path

import numpy as np
import pytest

from mcpump import theory
from mcpump.theory.medium import Medium

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "PHYSICS.md"
HEAD = "## Known numbers beyond diffusion"
NUMBER = re.compile(r"−?\d+(?:\.\d+)?")
NAMES = {
    "τ/τ_sf": "ratio",
    "2Jτ/ħ": "turn",
    "x/ℓ": "x",
    "c": "c",
    "μ": "mu",
    "R": "R",
    "T×": "T",
    "Ω_so τ": "angle",
    "qℓ": "q",
}


def table():
    """Rows of the table, cells as written."""
    section = PAGE.read_text(encoding="utf-8").split(HEAD)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[0] == ["function", "number", "closed form", "at", "value", "held by"]
    return rows[2:]


def number(text):
    """A number as written, real or a ± bi."""
    return complex(text.replace("−", "-").replace(" ", "").replace("i", "j"))


def points(cell):
    """The named values of a cell: one of them may be a list."""
    told = {}
    for part in cell.split(";"):
        name, values = part.split(" = ")
        told[NAMES[name.strip()]] = [number(value) for value in values.split(", ")]
    size = max(map(len, told.values()))
    assert all(len(values) in (1, size) for values in told.values()), cell
    return [{name: v[i % len(v)] for name, v in told.items()} for i in range(size)]


def metal(at):
    """Reduced metal of a given τ/τ_sf and 2Jτ/ħ."""
    ratio, turn = (at.get(name, 0.0).real for name in ("ratio", "turn"))
    return Medium.reduced(0.5 * turn or 0.1, 1.0 / ratio if ratio else math.inf)


def of_sharvin(function, **more):
    """A conductance over g_Sh."""
    return lambda at: function(metal(at), **more) / theory.sharvin_conductance(metal(at))


def effective(at):
    return theory.thick_metal_conductance(at["R"], metal(at)) / theory.sharvin_conductance(metal(at))


def between(at):
    R, T, one = at["R"], at["T"], metal(at)
    return theory.magnet_between_metals((R, R), T, (one, one))[0] / theory.sharvin_conductance(one)


def share(at, **more):
    return complex(theory.half_space_current(at["x"].real, metal(at), across="turn" in at, **more))


def three_dimensional(at):
    return theory.spin_orbit_rates(theory.rashba_turn(at["angle"].real, (0.0, 0.0, 1.0)))


def diffusion_length(at):
    return math.sqrt(metal(at).D * metal(at).tau_sf)


step, resistance = theory.ideal_step_conductance, theory.thick_metal_resistance
WORKED_OUT = [
    ("chandrasekhar_H", "H(μ)", lambda at: theory.chandrasekhar_H(at["mu"].real, at["c"])),
    ("albedo", "A", lambda at: theory.albedo(metal(at))),
    (
        "thick_metal_resistance",
        "back flow",
        of_sharvin(lambda m: resistance(m) * theory.sharvin_conductance(m) ** 2),
    ),
    (
        "spin_resistance",
        "the textbook's",
        lambda at: theory.spin_resistance(metal(at)) / resistance(metal(at)),
    ),
    ("thick_metal_conductance", "Re g_eff", lambda at: effective(at).real),
    ("thick_metal_conductance", "Im g_eff", lambda at: effective(at).imag),
    ("magnet_between_metals", "Re g_eff", lambda at: between(at).real),
    ("magnet_between_metals", "Im g_eff", lambda at: between(at).imag),
    ("half_space_flux", "flux out", lambda at: theory.half_space_flux(metal(at), 1.0)),
    ("half_space_flux", "its local part", lambda at: theory.half_space_flux(metal(at), 1.0, local=True)),
    ("ideal_step_conductance", "Re g/g_Sh of a step", lambda at: of_sharvin(step)(at).real),
    ("ideal_step_conductance", "Im g/g_Sh", lambda at: of_sharvin(step)(at).imag),
    ("ideal_step_conductance", "local part", lambda at: of_sharvin(step, local=True)(at).real),
    ("ideal_step_conductance", "Re g/g_Sh where spin relaxes", lambda at: of_sharvin(step)(at).real),
    ("slowest_decay", "λ_s/ℓ", lambda at: 1.0 / theory.slowest_decay(metal(at))),
    ("Medium", "the same by diffusion", diffusion_length),
    ("transverse_mode_end", "2Jτ/ħ beyond", lambda at: theory.transverse_mode_end(metal(at))),
    ("slowest_decay", "Re kℓ/Re γ", lambda at: theory.slowest_decay(metal(at), across=True).real),
    ("half_space_current", "share", share),
    ("half_space_current", "its local part", lambda at: share(at, local=True)),
    ("half_space_current", "Re of the share", lambda at: share(at).real),
    ("half_space_current", "Re of its local part", lambda at: share(at, local=True).real),
    ("valet_fert_excess", "Valet and Fert's", lambda at: theory.valet_fert_excess(at["x"].real, metal(at))),
    (
        "half_space_current",
        "Valet and Fert's",
        lambda at: math.exp(-at["x"].real / diffusion_length(at)) / share(at),
    ),
    ("rashba_decay", "λτ of a uniform spin", lambda at: theory.rashba_decay(at["angle"].real)),
    ("rashba_decay", "λτ in the plane", lambda at: theory.rashba_decay(at["angle"].real, across=True)),
    ("spin_orbit_rates", "λτ along", lambda at: three_dimensional(at)[2]),
    ("spin_orbit_rates", "λτ across", lambda at: three_dimensional(at)[0]),
    ("helix_decay", "λτ of a helix", lambda at: theory.helix_decay(at["angle"].real, at["q"].real)),
    ("helix_decay", "the same", lambda at: theory.helix_decay(at["angle"].real, at["q"].real, 3)),
]


@pytest.mark.parametrize("row", range(len(WORKED_OUT)))
def test_every_value_of_the_table(row):
    """To the last digit that is printed."""
    function, head, worked_out = WORKED_OUT[row]
    cells = table()[row]
    assert cells[0] == f"`{function}`"
    assert cells[1].startswith(head)
    at, values = points(cells[3]), cells[4].split(", ")
    assert len(at) == len(values)
    for where, value in zip(at, values, strict=True):
        assert NUMBER.fullmatch(value)
        digits = len(value.partition(".")[2])
        found = complex(worked_out(where))
        assert abs(found.imag) <= 1e-12 * abs(found.real)
        assert round(found.real, digits) == number(value).real, (where, found)


def test_the_table_is_whole():
    rows = table()
    assert len(rows) == len(WORKED_OUT)
    for function, what, form, at, values, holds in rows:
        # functions with a docstring, numbers in the two columns that are read, and files of tests that name the function
        thing = getattr(theory, function.strip("`"))
        assert inspect.getdoc(thing)
        assert not re.search(r"\d\.\d", what + form + holds)
        assert NUMBER.search(at)
        assert NUMBER.search(values)
    named = ""
    for function, *_, holds in rows:
        files = re.findall(r"`([a-z_/]+\.py)`", holds)
        named = "\n".join((TESTS / file).read_text(encoding="utf-8") for file in files) if files else named
        assert files or holds == "the same"
        assert function.strip("`") in named or any(file.startswith("theory/test_slab") for file in files), (
            function
        )


def test_text_around_the_table_has_no_numbers():
    """What is not read by a test is not told."""
    section = PAGE.read_text(encoding="utf-8").split(HEAD)[1].split("\n## ")[0]
    text = "\n".join(line for line in section.splitlines() if not line.startswith("|"))
    assert not re.search(r"\d\.\d", text)


def test_limits_that_the_text_tells():
    """τ_sf far above and far below τ, and exchange that is strong or weak."""
    slow, fast = ({"ratio": complex(ratio)} for ratio in (1e-10, 1e10))
    lam_s = diffusion_length(slow)
    assert 1.0 / theory.slowest_decay(metal(slow)) == pytest.approx(lam_s, rel=1e-9)
    back_flow = of_sharvin(lambda m: resistance(m) * theory.sharvin_conductance(m) ** 2)(slow)
    assert back_flow == pytest.approx(0.75 * lam_s, rel=1e-4)
    assert theory.half_space_flux(metal(slow), 1.0) == pytest.approx(lam_s, rel=1e-4)
    assert theory.slowest_decay(metal(fast)) == pytest.approx(1.0 + 1e10, rel=1e-12)
    assert theory.albedo(metal(fast)) == pytest.approx(2e-10 / 3.0 * (1.0 - math.log(2.0)), rel=1e-8)
    assert theory.half_space_flux(metal(fast), 1.0) == pytest.approx(0.25e-10, rel=1e-8)
    strong, weak = ({"turn": complex(turn)} for turn in (1e8, 1e-8))
    for local in (True, False):
        assert of_sharvin(step, local=local)(strong) == pytest.approx(1.0, abs=1e-7)
    wanted = 4.0 / math.sqrt(3.0) * np.sqrt(1e-8j)
    assert of_sharvin(step)(weak) == pytest.approx(wanted, rel=5e-4)
    assert wanted.real == pytest.approx(wanted.imag, rel=1e-12)
