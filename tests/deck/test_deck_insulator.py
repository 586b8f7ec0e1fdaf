"""Decks of insulating magnets: faces with a mixing conductance, and one sentence for each that cannot be."""

import pytest
from decks import GONE, JUNCTION, SPIRAL, changed, reread, sentence

from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem.reduce import check_report, make_problem

FACE = {"mixing_conductance": ["5e18 1/m^2", "5e17 1/m^2"], "specularity": 0.0}
YIG = {
    "electrons": {"material": "Pt"},
    "sample": {"x": {"length": "7 nm", "cells": 35, "left": FACE, "right": "specular"}},
    "texture": {"kind": "insulator", "cone_angle": "5 deg", "frequency": "10 GHz"},
    "results": {"channels": ["exact"], "planes": ["1 nm"]},
}
REDUCED = changed(
    YIG, units="reduced", electrons={"spin_relaxation_time": 10}, sample__x__length=5.0,
    sample__x__left={"reflection": [0.3, -0.2]}, texture__frequency=0.001, results__planes=[1.0],
)  # fmt: skip
PT_SHARVIN = 2.6888e19


def test_a_conductance_is_a_reflection(tmp_path):
    deck = deck_from_dict(YIG)
    assert deck.reflection[0] == pytest.approx(1.0 - (5e18 + 5e17j) / PT_SHARVIN, rel=1e-4)
    assert deck.reflection[1] == 1.0
    assert make_problem(deck).scene.reflection[:2] == (deck.reflection[0].real, deck.reflection[0].imag)
    one = deck_from_dict(changed(YIG, sample__x__left__mixing_conductance="5e18 1/m^2"))
    assert one.reflection[0] == pytest.approx(1.0 - 5e18 / PT_SHARVIN, rel=1e-4)
    for deck in (one, deck_from_dict(YIG), deck_from_dict(REDUCED)):
        assert reread(deck, tmp_path) == deck


def test_magnets_on_both_sides_and_of_other_metals():
    layer = {"start": "3 nm", "material": "Cu"}
    deck = deck_from_dict(changed(YIG, layer=[layer], sample__x__right={"reflection": 0.5}))
    assert deck.reflection[1] == 0.5
    # g_Sh is that of the metal at the face
    cu = deck_from_dict(
        changed(YIG, layer=[layer], sample__x__left="specular", sample__x__right=FACE)
    ).reflection[1]
    assert abs(1.0 - cu) > 1.5 * abs(1.0 - deck.reflection[0])


def test_no_exchange_is_needed_and_none_is_told():
    report = check_report(make_problem(deck_from_dict(YIG)))
    assert "walk: in lanes, after first flights by discrete ordinates" in report
    assert "held against the solution without walkers" in report


WRONG = [
    (YIG, {"sample__x__left": "specular"}, ['texture.kind = "insulator" is beyond no face', "mixing_conductance"]),
    (YIG, {"sample__x__left": {"reflection": 1}}, ["is beyond no face", "other than 1"]),
    (YIG, {"results__channels": ["first", "exact"]}, ["results.channels", 'give ["exact"]']),
    (YIG, {"results__channels": GONE}, ["results.channels", 'give ["exact"]']),
    (YIG, {"results__planes": ["0 nm"]}, ["results.planes holds 0 m, the left face", "name planes in the metal"]),
    (YIG, {"sample__x__left__reflection": 0.2}, ["both of mixing_conductance and reflection"]),
    (YIG, {"sample__x__left__absorption": 0.2}, ["sample.x.left.absorption = 0.2", "leave it out"]),
    (YIG, {"sample__x__left__mixing_conductance": "9e19 1/m^2"}, ["[9e+19, 0] 1/m^2", "at most 1, with g_Sh"]),
    (YIG, {"sample__x__left__mixing_conductance": "-1e18 1/m^2"}, ["|1 − g/g_Sh| = 1.037", "at most 1"]),
    (YIG, {"sample__x__left__mixing_conductance": 5e18}, ["sample.x.left.mixing_conductance", "has no unit"]),
    (YIG, {"sample__x__left__mixing_conductance": "5 nm"}, ["sample.x.left.mixing_conductance", "1/m^2"]),
    (YIG, {"sample__x__left__mixing_conductance": ["1e18 1/m^2"] * 3}, ["must be one number, or two"]),
    (YIG, {"sample__x__left": {"reflection": [0.9, 0.9]}}, ["reflection = [0.9, 0.9]", "at most 1 in magnitude"]),
    (YIG, {"sample__x__left": {"reflection": "all"}}, ["sample.x.left.reflection"]),
    (YIG, {"sample__x__left": {"reflection": -1.5}}, ["sample.x.left.reflection", "from -1 to 1"]),
    (YIG, {"electrons__spin_relaxation_time": "none", "electrons__material": GONE,
           "electrons__fermi_wavenumber": "13.6 /nm", "electrons__mean_free_path": "1 nm"},
     ['results.channels holds "exact"', "no end here"]),
    (YIG, {"electrons__material": GONE, "electrons__exchange": "50 meV", "electrons__spin_diffusion_length": "5 nm",
           "electrons__fermi_wavenumber": "13.6 /nm", "electrons__mean_free_path": "1 nm"},
     ["electrons.exchange cannot be used", "leave it out"]),
    (YIG, {"texture__ellipticity": 0.5}, ["texture.ellipticity = 0.5"]),
    (YIG, {"texture__cone_angle": "200 deg"}, ["texture.cone_angle", "180"]),
    (YIG, {"texture__frequency": GONE}, ["frequency is missing"]),
    (YIG, {"results__end": "1 ps"}, ["results.end cannot be used"]),
    (YIG, {"run__walk": "general"}, ['run.walk = "general" cannot be used']),
    (YIG, {"electric_field": {"field": "1 kV/m", "direction": [0, 1, 0], "spin_hall_conductivity": "1 S/m"}},
     ["[electric_field] cannot be used"]),
    (YIG, {"sample__y": {"length": "5 nm", "cells": 5, "left": "periodic", "right": "periodic"}},
     ["sample.y cannot be used"]),
    (YIG, {"sample__y": {"length": "5 nm", "cells": 5, "left": FACE, "right": "specular"}},
     ["sample.y.left.mixing_conductance", "along x alone"]),
    (YIG, {"sample__x__left": "periodic", "sample__x__right": "periodic"},
     ['"insulator" does not fit a periodic sample']),
    (JUNCTION, {"sample__x__right": {"mixing_conductance": "1e18 1/m^2"}}, ['needs texture.kind = "insulator"']),
    (SPIRAL, {"sample__x__left": {"reflection": 0}, "sample__x__right": "specular"},
     ['needs texture.kind = "insulator"']),
    (REDUCED, {"sample__x__left": {"mixing_conductance": 0.5}}, ["mixing_conductance has no unit", "R = 1 − g/g_Sh"]),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_what_cannot_be_is_one_sentence(case):
    deck, changes, said = WRONG[case]
    told = sentence(changed(deck, **changes))
    for part in said:
        assert part in told, told


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"electrons__mean_cosine": 0.3}, "electrons.mean_cosine asks for the general walk"),
        ({"texture__cone_angle": "0 deg"}, "a texture at rest asks for the general walk"),
    ],
)
def test_walks_that_do_not_know_it(changes, why):
    with pytest.raises(InputError, match=r'texture\.kind = "insulator" needs a sample along x') as caught:
        make_problem(deck_from_dict(changed(YIG, **changes)))
    assert why in str(caught.value)
