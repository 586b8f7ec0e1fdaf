"""Materials: their numbers, the Einstein check, what they fill in of a deck, and the command."""

import math

import pytest
from decks import JUNK, one_line
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcpump.cli.commands import main
from mcpump.constants import E_CHARGE, HBAR
from mcpump.deck.materials import einstein_ratio, material, materials, thermal_density_of_states
from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import write_toml
from mcpump.errors import InputError
from mcpump.simulate.sweep import Sweep

METALS = [name for name, found in materials().items() if not found.insulator]
DECK = {
    "electrons": {"material": "Py"},
    "layer": [{"name": "Cu", "start": "5 nm", "material": "Cu"}, {"name": "Pt", "start": "10 nm", "material": "Pt"}],
    "sample": {"x": {"length": "16 nm", "cells": 16, "left": "specular", "right": "specular"}},
    "texture": {
        "kind": "junction", "interface": "5 nm", "width": "0.3 nm", "cone_angle": "5 deg", "frequency": "10 GHz",
    },
}  # fmt: skip


def changed(**sections):
    """DECK with other sections; within a table the keys given replace those there."""
    deck = dict(DECK)
    for name, section in sections.items():
        both = isinstance(section, dict) and isinstance(deck.get(name), dict)
        deck[name] = {**deck[name], **section} if both else section
    return deck


def sentence(deck):
    with pytest.raises(InputError) as caught:
        deck_from_dict(deck)
    return str(caught.value)


def test_the_list_has_what_was_asked_for():
    assert list(materials()) == ["Cu", "Ag", "Al", "Au", "Pt", "Pd", "Ta", "W", "Py", "Co", "Fe", "Ni", "YIG"]
    assert material("YIG").insulator


@pytest.mark.parametrize("name", METALS)
def test_einstein_and_completeness(name):
    found = material(name)
    assert einstein_ratio(found) == pytest.approx(1.0, abs=1e-12)
    for key in (
        "resistivity",
        "mean_free_path",
        "fermi_velocity",
        "density_of_states",
        "spin_diffusion_length",
    ):
        assert found[key] > 0.0
    for key, entry in found.entries.items():
        assert entry.source, key
        if entry.range is not None:
            assert entry.range[0] <= entry.value <= entry.range[1], key
    # a year in every source but what is derived, and what a handbook keeps up to date
    for entry in found.entries.values():
        assert (
            entry.derived
            or "CRC" in entry.source
            or "that of Ni" in entry.source
            or any(f"({year})" in entry.source for year in range(1950, 2025))
        )
    # spin relaxes in more than a few collisions
    assert found["spin_diffusion_length"] > found["mean_free_path"]
    k_F = found["effective_mass"] * found["fermi_velocity"] / HBAR
    assert k_F**3 / (2 * math.pi**2 * k_F * HBAR * found["fermi_velocity"]) == pytest.approx(
        found["density_of_states"]
    )


@pytest.mark.parametrize("name", ["Cu", "Ag", "Al", "Au"])
def test_the_conductivity_gives_the_density_of_states_of_the_specific_heat(name):
    # which phonons enhance by a factor of at most 1.5 in these metals
    found = material(name)
    assert 0.65 < found["density_of_states"] / thermal_density_of_states(found) < 1.05


def test_copper_has_the_fermi_wave_number_of_free_electrons():
    found = material("Cu")
    assert found["effective_mass"] * found["fermi_velocity"] / HBAR == pytest.approx(13.6e9, rel=0.02)


def test_platinum_says_how_far_the_literature_disagrees():
    assert material("Pt").entries["spin_diffusion_length"].shown_range == pytest.approx((0.5, 14.0))


def test_material_fills_in_electrons_and_layers():
    deck = deck_from_dict(DECK)
    gas, (py, cu, pt) = deck.gas, deck.media
    for found, layer in zip(map(material, ("Py", "Cu", "Pt")), (py, cu, pt), strict=True):
        assert layer.v * gas.v_F == pytest.approx(found["fermi_velocity"])
        assert layer.v / layer.rate * gas.ell == pytest.approx(found["mean_free_path"])
        assert layer.nu * gas.nu == pytest.approx(found["density_of_states"])
        D = layer.v**2 / layer.rate / 3.0
        assert math.sqrt(D / layer.gamma_sf) * gas.ell == pytest.approx(found["spin_diffusion_length"])
    assert gas.exchange == pytest.approx(0.15 * E_CHARGE)
    assert gas.sigma == pytest.approx(1.0 / material("Py")["resistivity"])
    assert gas.notes == ()


def test_given_values_override_and_the_others_follow():
    deck = deck_from_dict(changed(electrons={"resistivity": "40 uohm cm", "spin_relaxation_time": "none"}))
    found = material("Py")
    assert deck.gas.ell == pytest.approx(0.5 * found["mean_free_path"])
    assert math.isinf(deck.gas.tau_sf)
    layer = {"start": "5 nm", "material": "Pt", "mean_free_path": "1 nm", "spin_relaxation_time": "none"}
    deck = deck_from_dict(changed(layer=[layer]))
    pt = deck.media[1]
    assert pt.v / pt.rate * deck.gas.ell == pytest.approx(1e-9)
    assert pt.gamma_sf == 0.0
    wave_number = deck_from_dict(changed(electrons={"fermi_wavenumber": "13.6 /nm", "effective_mass": 1.0}))
    assert wave_number.gas.v_F == pytest.approx(1.5744e6, rel=1e-4)


def stack_of(**layer):
    """The medium of a layer on free electrons, v_F [m/s], ℓ [m], σ [S/m], and the notes."""
    electrons = {"fermi_velocity": "1.2e6 m/s", "mean_free_path": "5 nm", "exchange": "50 meV"}
    deck = deck_from_dict({**DECK, "electrons": electrons, "layer": [{"start": "5 nm", **layer}]})
    gas, (_, medium) = deck.gas, deck.media
    ell, v = medium.v / medium.rate * gas.ell, medium.v * gas.v_F
    return v, ell, 2.0 * E_CHARGE**2 * medium.nu * gas.nu * v * ell / 3.0, list(deck.notes)


@pytest.mark.parametrize(
    "beside", [{}, {"density_of_states": "20 1/(eV nm^3)"}, {"fermi_velocity": "0.5e6 m/s"}]
)
def test_layers_take_what_electrons_take(beside):
    v, ell, sigma, _ = stack_of(mean_free_path="2 nm", **beside)
    assert ell == pytest.approx(2e-9, rel=1e-14)
    for key, value in {
        "lifetime": f"{ell / v!r} s", "diffusion_coefficient": f"{v * ell / 3.0!r} m^2/s",
        "conductivity": f"{sigma!r} S/m", "resistivity": f"{1.0 / sigma!r} ohm m",
    }.items():  # fmt: skip
        assert stack_of(**{key: value}, **beside)[:3] == pytest.approx((v, ell, sigma), rel=1e-12)
        agreeing = stack_of(mean_free_path="2.01 nm", **{key: value}, **beside)
        assert agreeing[1] == pytest.approx(2.01e-9)
        assert agreeing[3] == [
            f"layer[0].{key} agrees with layer[0].mean_free_path to 1 %; mean_free_path is used"
        ]
        with pytest.raises(
            InputError, match=rf"layer\[0\]\.{key} = .* disagrees with layer\[0\]\.mean_free_path"
        ):
            stack_of(mean_free_path="2.1 nm", **{key: value}, **beside)


def test_a_resistivity_beside_a_material_sets_its_mean_free_path():
    found = material("Pt")
    v, ell, sigma, notes = stack_of(material="Pt", resistivity="34.6 uohm cm")
    assert v == pytest.approx(found["fermi_velocity"])
    assert ell == pytest.approx(0.5 * found["mean_free_path"])
    assert sigma == pytest.approx(1.0 / 34.6e-8)
    assert notes == []


def test_resolved_deck_is_self_contained():
    deck = deck_from_dict(DECK)
    text = deck.resolved
    for line in (
        'material = "Py"',
        'exchange = "0.15 eV"',
        'mean_free_path = "2.6 nm"',
        "spin_hall_angle = 0.056",
    ):
        assert line in text.splitlines()
    import tomllib

    tables = tomllib.loads(text)
    again = deck_from_dict(tables)
    assert again == deck
    assert again.resolved == text
    for table in (tables["electrons"], *tables["layer"]):
        del table["material"]
    unnamed = deck_from_dict(tables)
    assert unnamed.gas == deck.gas
    assert unnamed.media == deck.media


def test_no_exchange_without_a_texture():
    deck = changed(
        electric_field={"field": "1 kV/m", "direction": [0, 1, 0], "spin_hall_conductivity": "1e5 S/m"}
    )
    del deck["texture"]
    assert deck_from_dict(deck).gas.exchange == 0.0


def test_sentences():
    text = sentence(changed(electrons={"material": "Ptt"}))
    assert text == (
        'electrons.material = "Ptt" must be one of Cu, Ag, Al, Au, Pt, Pd, Ta, W, Py, Co, Fe, Ni, YIG (did you mean Pt?)'
    )
    text = sentence(changed(layer=[{"start": "5 nm", "material": "Xx"}]))
    assert text.startswith('layer[0].material = "Xx" must be one of Cu, Ag')
    assert "insulator" in sentence(changed(electrons={"material": "YIG", "exchange": "1 meV"}))
    assert "must be one of" in sentence(changed(electrons={"material": 3}))
    reduced = {**DECK, "units": "reduced", "layer": []}
    assert 'electrons.material = "Py" has no place in a deck with units = "reduced"' in sentence(reduced)


OWN = {
    "resistivity": "25 uohm cm",
    "mean_free_path": "1.4 nm",
    "fermi_velocity": "0.5e6 m/s",
    "spin_diffusion_length": "2 nm",
    "spin_hall_angle": 0.03,
    "exchange": "0.2 eV",
}
CLOSED = ("resistivity", "mean_free_path", "fermi_velocity", "density_of_states")


def own(metal=OWN, **sections):
    """DECK whose last layer is a metal of its own."""
    layers = [*DECK["layer"][:1], {"name": "NiCr", "start": "10 nm", "material": "NiCr"}]
    return {**DECK, "materials": {"NiCr": metal}, "layer": layers, **sections}


def without(metal, *keys):
    return {key: value for key, value in metal.items() if key not in keys}


def test_a_metal_of_ones_own_obeys_einstein():
    deck = deck_from_dict(own())
    gas, medium = deck.gas, deck.media[-1]
    nu, v = medium.nu * gas.nu, medium.v * gas.v_F
    # σ/(2e²D) by hand, D = v_F ℓ/3
    assert nu == pytest.approx(1.0 / 25e-8 / (2.0 * E_CHARGE**2) / (0.5e6 * 1.4e-9 / 3.0), rel=1e-10)
    assert (v, medium.v / medium.rate * gas.ell) == pytest.approx((0.5e6, 1.4e-9), rel=1e-12)
    assert math.sqrt(v * 1.4e-9 / 3.0 * gas.tau / medium.gamma_sf) == pytest.approx(2e-9, rel=1e-10)
    assert deck.layer[-1].spin_hall_angle == 0.03
    electrons = deck_from_dict(own(electrons={"material": "NiCr"})).gas
    assert (electrons.sigma, electrons.ell, electrons.v_F) == pytest.approx(
        (1 / 25e-8, 1.4e-9, 0.5e6), rel=1e-10
    )
    assert electrons.exchange == pytest.approx(0.2 * E_CHARGE)
    assert electrons.mass == pytest.approx(math.sqrt(2 * math.pi**2 * HBAR**3 * electrons.nu / electrons.v_F))
    assert electrons.notes == ()


def test_any_three_numbers_give_the_fourth():
    whole = {
        **OWN,
        "density_of_states": f"{deck_from_dict(own(electrons={'material': 'NiCr'})).gas.nu!r} /J/m^3",
    }
    found = [whole, *(without(whole, key) for key in CLOSED)]
    found.append({**without(whole, "resistivity", "fermi_velocity"), "conductivity": "4e6 S/m"})
    gases = [deck_from_dict(own(metal, electrons={"material": "NiCr"})).gas for metal in found]
    for gas in gases:
        assert gas[:-1] == pytest.approx(gases[0][:-1], rel=1e-9)


def test_a_resolved_deck_with_a_metal_of_its_own_is_self_contained():
    import tomllib

    deck = deck_from_dict(own({**OWN, "spin_diffusion_length": "none"}))
    assert "[materials.NiCr]" in deck.resolved
    tables = tomllib.loads(deck.resolved)
    assert tables["layer"][1]["mean_free_path"] == "1.4 nm"
    assert tables["layer"][1]["spin_diffusion_length"] == "none"
    again = deck_from_dict(tables)
    assert again == deck
    assert again.resolved == deck.resolved
    # its numbers stand in the layers: the metal's own table does not matter any more
    del tables["materials"], tables["layer"][1]["material"]
    unnamed = deck_from_dict(tables)
    assert unnamed.media == deck.media


@pytest.mark.parametrize(
    ("metal", "text"),
    [
        (
            without(OWN, "resistivity"),
            "materials.NiCr gives mean_free_path and fermi_velocity of resistivity, mean_free_path, fermi_velocity, "
            "density_of_states: give three, the fourth follows from σ = 2e²νD",
        ),
        ({}, "materials.NiCr gives none of resistivity"),
        ({**OWN, "density_of_states": "1 1/(eV nm^3)"}, "materials.NiCr: its numbers give 2e²νD/σ = 0.01"),
        (
            {**OWN, "conductivity": "5e6 S/m"},
            "materials.NiCr.conductivity = 5e+06 S/m disagrees with materials.NiCr.resis",
        ),
        (
            {**OWN, "resistivty": "1 ohm m"},
            'materials.NiCr has an unknown key "resistivty": did you mean resistivity?',
        ),
        (
            {**OWN, "resistivity": "25 nm"},
            'materials.NiCr.resistivity = "25 nm" cannot be used: its unit is not that of',
        ),
        ({**OWN, "resistivity": 25}, "materials.NiCr.resistivity = 25 has no unit"),
        ({**OWN, "mean_free_path": "-1 nm"}, 'materials.NiCr.mean_free_path = "-1 nm" must be positive'),
        (
            {**OWN, "mean_free_path": "none"},
            'materials.NiCr.mean_free_path = "none" does not begin with a number',
        ),
        (
            {**OWN, "spin_hall_angle": "10 %"},
            'materials.NiCr.spin_hall_angle = "10 %" is not a plain number: did you mean 0.1?',
        ),
        (3, "materials.NiCr = 3 must be a table"),
    ],
)
def test_sentences_on_metals_of_ones_own(metal, text):
    assert sentence(own(metal)).startswith(text)


def test_names_of_metals_of_ones_own():
    assert sentence({**DECK, "materials": {"Pt": OWN}}) == (
        "materials.Pt is a name that `mcpump materials` has: choose another"
    )
    assert sentence({**DECK, "materials": {"a b": OWN}}) == (
        'materials has the name "a b": letters, digits, - and _ are accepted'
    )
    assert sentence({**DECK, "materials": 3}).startswith(
        "materials = 3 must be tables: write [materials.NAME] above"
    )
    assert sentence(own(electrons={"material": "NiCu"})).endswith("YIG, NiCr (did you mean NiCr?)")
    reduced = {"units": "reduced", "electrons": {}, "materials": {"NiCr": OWN}}
    assert sentence(reduced) == 'materials has no place in a deck with units = "reduced": leave it out'


@settings(max_examples=150, deadline=5000)
@given(JUNK, st.sampled_from([*OWN, "conductivity", "density_of_states"]))
@example({"\n": {}}, "resistivity")
def test_nothing_but_sentences_escapes(junk, key):
    for tables in (junk, {"NiCr": junk}, {"NiCr": {**OWN, key: junk}}, {"NiCr": {key: junk}}):
        try:
            deck_from_dict({**own(), "materials": tables})
        except InputError as error:
            one_line(error)


def test_a_metal_of_ones_own_can_be_swept(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(write_toml(own()), encoding="utf-8")
    sweep = Sweep(path, [], [["materials.NiCr.resistivity=10:30 uohm cm:3"]])
    [[coordinate]] = sweep.coordinates()
    assert (coordinate.name, coordinate.units) == ("resistivity", "ohm m")
    assert coordinate.values == pytest.approx((1e-7, 2e-7, 3e-7))
    nus = [deck.media[-1].nu for deck in map(sweep.deck, sweep.points)]
    assert [nus[0] / nu for nu in nus] == pytest.approx([1.0, 2.0, 3.0])


def impurity(**keys):
    return {"impurity": {"spin_hall_angle": "material", **keys}}


def test_spin_hall_angle_of_each_layer():
    deck = deck_from_dict(changed(spin_orbit=impurity()))
    found = [0.5 * layer.impurity for layer in deck.layers]
    assert found == pytest.approx([0.005, 0.0032, 0.056])
    # a place inside a layer, cut from it
    deck = deck_from_dict(changed(spin_orbit=impurity(between=["7 nm", "12 nm"])))
    found = [0.5 * layer.impurity for layer in deck.layers]
    assert found == pytest.approx([0.0, 0.0, 0.0032, 0.056, 0.0])
    own = changed(spin_orbit=impurity(layer="Pt"))
    own["layer"] = [DECK["layer"][0], {**DECK["layer"][1], "spin_hall_angle": -0.1}]
    assert 0.5 * deck_from_dict(own).layers[-1].impurity == pytest.approx(-0.1)


def test_spin_hall_angle_is_used_only_if_asked_for():
    deck = deck_from_dict(DECK)
    assert all(layer.impurity == 0.0 for layer in deck.layers)
    given = deck_from_dict(changed(spin_orbit={"impurity": {"spin_hall_angle": 0.02}}))
    assert [0.5 * layer.impurity for layer in given.layers] == pytest.approx([0.02] * 3)


def test_missing_and_odd_spin_hall_angles():
    text = sentence(changed(electrons={"material": "Ni"}, spin_orbit=impurity()))
    assert text.startswith("electrons.spin_hall_angle is missing")
    deck_from_dict(changed(electrons={"material": "Ni"}, spin_orbit=impurity(layer="Pt")))
    text = sentence(changed(spin_orbit={"impurity": {"spin_hall_angle": "materials"}}))
    assert text == 'spin_orbit.impurity.spin_hall_angle = "materials" must be a plain number or "material"'
    assert "must be not 0" in sentence(changed(spin_orbit={"impurity": {"spin_hall_angle": 0}}))


def test_command_lists_and_tells_sources(capsys):
    assert main(["materials"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in materials())
    assert "3.4 {0.5…14}" in text
    assert main(["materials", "Pt"]) == 0
    text = capsys.readouterr().out
    assert "from 0.5 to 14 in the literature" in text
    assert "Phys. Rev. Lett. 112" in text
    assert "σ/(2e²νD) = 1.000" in text
    assert max(map(len, text.splitlines())) <= 120
    assert main(["materials", "YIG"]) == 0
    assert "insulator" in capsys.readouterr().out
    assert main(["materials", "Xx"]) == 2
    assert "known are Cu, Ag" in capsys.readouterr().err


def test_permalloy_is_warned_of():
    from mcpump.problem.reduce import make_problem

    deck = changed(results={"channels": ["second", "exact"]}, spin_orbit=impurity(layer="Pt"))
    warnings = " ".join(make_problem(deck_from_dict(deck)).warnings)
    assert "Jτ/ħ = 4.15 is not small" in warnings
    assert "`exact` holds, `second` does not, nor does the charge that follows from it" in warnings
