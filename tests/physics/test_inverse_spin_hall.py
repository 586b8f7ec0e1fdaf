"""The inverse spin Hall formula of every channel: by hand, in means over meshes, beside the paper's rule."""

import numpy as np
import pytest

import mcpump
from mcpump import report
from mcpump.constants import E_CHARGE, HBAR
from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import override
from mcpump.errors import InputError

LAB = {
    "electrons": {"material": "Py"},
    "layer": [{"name": "Pt", "start": "10 nm", "material": "Pt"}],
    "sample": {"x": {"length": "16 nm", "cells": 32, "left": "specular", "right": "specular"}},
    "texture": {"kind": "junction", "width": "0.3 nm", "cone_angle": "0.5 deg", "frequency": "9.4 GHz"},
    "spin_orbit": {"contact_distance": "1 mm"},
    "results": {"channels": ["second", "exact"], "planes": ["10 nm", "10.6 nm"]},
    "run": {"walkers": 4096, "walkers_per_block": 64},
}
"""Py(10 nm)|Pt(6 nm) at 9.4 GHz, and all that a voltage asks for: θ_SH of the materials and a contact distance."""


@pytest.fixture(scope="module")
def lab():
    return mcpump.run(LAB)


def test_voltage_of_a_stack_by_hand(lab):
    """Py(10 nm)|Pt(6 nm): short-circuit current ∫j_c dx of both layers, over Σσd of both, times 1 mm."""
    per_spin = 2.0 * 1.602176634e-19 / 1.054571817e-34  # A/m² of one J/m²
    current = lab["spin_current"].sel(
        channel="exact", part="total", direction="x", harmonic="dc", component="z"
    )
    width = 0.5e-9
    permalloy, platinum = current.mean[:20].sum() * width, current.mean[20:].sum() * width
    # j_c,y = θ ε_yxz j_x^z = −θ j_x^z
    short = -per_spin * (0.005 * permalloy + 0.056 * platinum)
    sheet = 10e-9 / 20e-8 + 6e-9 / 17.3e-8  # 20 and 17.3 µΩ cm in parallel
    assert sheet == pytest.approx(0.0846821, rel=1e-6)
    field = lab["inverse_spin_hall_field"]
    dc = {"channel": "exact", "part": "total", "charge_direction": "y", "harmonic": "dc"}
    assert field.sel(**dc).mean == pytest.approx(-short / sheet, rel=1e-9)
    voltage = lab["inverse_spin_hall_voltage"].sel(**dc)
    assert voltage.mean == pytest.approx(-short / sheet * 1e-3, rel=1e-9)
    # 1 to 3 µV, of which platinum makes most: no channel of low order in J comes near
    assert 1e-6 < voltage.mean < 3e-6
    assert 4.0 * voltage.error < voltage.mean
    assert 0.056 * platinum > 0.5 * abs(short) / per_spin
    assert "sum of sigma d = 0.08468 S" in lab["inverse_spin_hall_voltage"].long_name
    second = lab["inverse_spin_hall_voltage"].sel(**{**dc, "channel": "second"})
    assert second.mean > 20.0 * voltage.mean


def test_local_current_is_the_paper_s_answer(lab):
    """Without noise, for the local part is worked out: half and more of the voltage, the far tail being diffusive."""
    voltage = lab["inverse_spin_hall_voltage"].sel(channel="exact", charge_direction="y", harmonic="dc")
    local, diffusive, total = (voltage.sel(part=part) for part in ("local", "diffusive", "total"))
    assert 0.0 < local.error < 1e-4 * local.mean
    assert total.mean == pytest.approx(local.mean + diffusive.mean, rel=1e-12)
    assert not lab.result.estimates.keys() & {"charge_current", "open_circuit_voltage"}


def test_table_tells_the_voltage_of_the_channel_that_holds(lab):
    text = " ".join(report.table(lab.result).split())
    assert "inverse spin Hall voltage between contacts 0.001 m apart" in text
    assert (
        "channel exact [1e-6 V], of the total spin current (in brackets: if only its local part converts"
        in text
    )
    low = mcpump.run(override(LAB, ["results.channels=['second']", "run.walkers=1024"]))
    text = " ".join(report.table(low.result).split())
    assert "Inverse spin Hall voltage is not told: channel second, which does not hold at Jτ/ħ = 4.15" in text


def small(spin_orbit, **more):
    """A reduced deck of a spiral on a plane, or along x."""
    deck = {
        "units": "reduced",
        "electrons": {"exchange": 0.1, "spin_relaxation_time": 3},
        "sample": {"x": {"length": 6, "cells": 6, "left": "specular", "right": "absorbing"}},
        "texture": {"kind": "spiral", "wavelength": 6, "cone_angle": "50 deg", "angular_frequency": 0.3},
        "results": {"planes": [3], "channels": ["first", "second"]},
        "run": {"walkers": 4096, "walkers_per_block": 64},
    }
    return {**deck, **more} | ({"spin_orbit": spin_orbit} if spin_orbit else {})


def test_impurities_convert_the_local_part():
    """Means of the charge current along y and z are the formula's of the local part, channel by channel."""
    run = mcpump.run(small({"impurity": {"spin_hall_angle": 0.1}}))
    for source, channel in (("impurity_first", "first"), ("impurity_second", "second"), ("sum", "sum")):
        for direction in "yz":
            charge = run["charge_current_mean"].sel(source=source, part="total", charge_direction=direction)
            formula = run["inverse_spin_hall_current_mean"].sel(
                channel=channel, part="local", charge_direction=direction
            )
            scale = np.abs(
                run["inverse_spin_hall_current_mean"].sel(channel=channel, part="local").mean
            ).max()
            np.testing.assert_allclose(charge.mean, formula.mean, atol=1e-4 * scale)


@pytest.mark.parametrize("walk", ["auto", "general"])
def test_mean_is_that_of_the_mesh(walk):
    """In two dimensions, layers of different θ_SH: both estimates come of the same sums."""
    deck = small(None, layer=[{"start": 3, "spin_hall_angle": -0.2}])
    deck["electrons"] |= {"spin_hall_angle": 0.1}
    deck["sample"] = {
        "x": {"length": 6, "cells": 6, "left": "periodic", "right": "periodic"},
        "y": {"length": 6, "cells": 4, "left": "periodic", "right": "periodic"},
    }
    deck["sample"]["x"] |= {"left": "specular", "right": "specular"}
    deck["texture"]["direction"] = [1, 1, 0]
    deck["texture"]["wavelength"] = 6 / np.sqrt(2.0)
    deck["run"] |= {"walk": walk, "walkers": 2048, "walkers_per_block": 64}
    run = mcpump.run(deck)
    profile, mean = run["inverse_spin_hall_current"], run["inverse_spin_hall_current_mean"]
    assert np.abs(mean.mean).max() > 0.0
    np.testing.assert_allclose(
        mean.mean, profile.mean.mean(axis=(-2, -1)), atol=1e-9 * np.abs(profile.mean).max()
    )
    # θ_SH of each side: (2e/ħ)θ ε_zxy j_x^y + ε_zyx j_y^x
    current = run["spin_current"].sel(channel="second", part="total", harmonic="dc")
    j_xy = current.sel(direction="x", component="y").mean
    j_yx = current.sel(direction="y", component="x").mean
    here = profile.sel(channel="second", part="total", harmonic="dc", charge_direction="z").mean
    angle = np.array([0.1, 0.1, 0.1, -0.2, -0.2, -0.2])[:, None]
    np.testing.assert_allclose(here, 2.0 * angle * (j_xy - j_yx), rtol=1e-12)


def test_reduced_decks_have_no_voltage():
    deck = small({"contact_distance": 100})
    deck["electrons"] |= {"spin_hall_angle": 0.1}
    run = mcpump.run(deck)
    assert run["inverse_spin_hall_current_mean"].units == "e nu J v_F"
    assert "inverse_spin_hall_voltage" not in run


def test_impurities_say_where_the_formula_acts():
    """[spin_orbit.impurity] with a layer takes the place of the materials' angles."""
    deck = deck_from_dict(
        {**LAB, "spin_orbit": {"impurity": {"spin_hall_angle": "material", "layer": "Pt"}}}, ""
    )
    assert [layer.angle for layer in deck.layers] == [0.0, 0.056]
    assert [layer.angle for layer in deck_from_dict(LAB, "").layers] == [0.005, 0.056]


def test_a_contact_distance_needs_an_angle():
    deck = small({"contact_distance": 100})
    with pytest.raises(
        InputError, match=r"contact_distance = 100 has no voltage to tell: give electrons.spin_hall_angle"
    ):
        deck_from_dict(deck, "")


def test_units_of_the_formula(lab):
    """2e/ħ, the attribute that makes amperes of spin currents."""
    assert lab.result.coords["charge_direction"] == ("x", "y", "z")
    here = {"channel": "exact", "part": "total", "harmonic": "dc"}
    j = lab["spin_current"].sel(direction="x", component="z", **here).mean
    formula = lab["inverse_spin_hall_current"].sel(charge_direction="y", **here).mean
    np.testing.assert_allclose(formula[20:], -0.056 * 2.0 * E_CHARGE / HBAR * j[20:], rtol=1e-12)
