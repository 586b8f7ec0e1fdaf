"""Decks beyond one layer along x: layers, more directions, moving textures, transients; each bad one is a sentence."""

import copy
import math
import tomllib

import pytest
from decks import (
    AXIS,
    BOX,
    CLOSED,
    GONE,
    HUMP,
    INITIAL,
    JUNCTION,
    JUNK,
    MOVES,
    PULSE,
    RAMP,
    RING,
    SLAB,
    SPIRAL,
    STACK,
    STOP,
    TEXTURES,
    TRANSIENT,
    WALL,
    changed,
    one_line,
    paths,
    reread,
    sentence,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpump.deck.read import deck_from_dict, read_deck
from mcpump.deck.sections import face_word
from mcpump.errors import InputError
from mcpump.problem.reduce import check_report, make_problem

GOOD = {
    "stack": STACK, "ring": RING, "box": BOX, "slab": SLAB, "transient": TRANSIENT, "initial": INITIAL,
    "plane": changed(INITIAL, initial__position=10.0), "ramp": changed(TRANSIENT, drive=RAMP),
    "hump": changed(TRANSIENT, drive=HUMP), "steady": changed(SPIRAL, drive={}),
    "wall": changed(TRANSIENT, texture=WALL, sample__x=CLOSED),
    "both": changed(TRANSIENT, initial={"spin": [1, 0, 0]}),
    "exact": changed(
        SPIRAL, results__channels=["exact", "second_ladder", "second", "first"], electrons__spin_relaxation_time=9
    ),
    "harmonics": changed(SPIRAL, results__harmonics=16, run__phases=64, run__max_flights=1e6),
    "general": changed(SPIRAL, run__walk="general", run__stop=STOP),
    "oblique": changed(BOX, texture__direction=[1, -2, 0], texture__wavelength=GONE,
                       texture__wavenumber=0.4 * math.pi * math.sqrt(5)),
    **MOVES,
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_good_decks_resolve_to_themselves_and_make_a_scene(name, tmp_path):
    deck = deck_from_dict(GOOD[name])
    again = reread(deck, tmp_path)
    assert again == deck
    assert again.resolved == deck.resolved
    assert make_problem(again).scene == make_problem(deck).scene


def test_resolved_deck_has_its_layers_faces_and_defaults():
    text = deck_from_dict(STACK).resolved
    assert text.count("[[layer]]") == 3
    for line in (
        'passage = "diffuse"',
        "transmission = 0.5",
        'name = "spacer"',
        'walk = "auto"',
        'phases = "auto"',
    ):
        assert line in text.splitlines()
    text = deck_from_dict(BOX).resolved
    assert "[sample.z.right]\nspecularity = 1.0\nabsorption = 0.5" in text
    assert "[[layer]]" not in text
    assert "harmonics = 0" in deck_from_dict(TRANSIENT).resolved
    assert 'channels = ["first"]' in deck_from_dict(INITIAL).resolved


@pytest.mark.parametrize(
    ("face", "word"),
    [
        ({}, "specular"), ({"specularity": 0}, "diffuse"), ({"absorption": 1}, "absorbing"),
        ({"absorption": 1, "specularity": 0.3}, "absorbing"), ({"specularity": 0.5}, ""),
        ({"absorption": 0.1}, ""), ("diffuse", "diffuse"),
    ],
)  # fmt: skip
def test_faces_that_are_words(face, word):
    deck = deck_from_dict(changed(SPIRAL, sample__x={**AXIS, "left": face, "right": "specular"}))
    assert face_word(deck.sample.x.left) == word


PLANE = GOOD["plane"]
BAD = [
    (SPIRAL, {"sample__z": AXIS}, ["sample.z", "without sample.y"]),
    (BOX, {"electrons__dimension": 2}, ["electrons.dimension = 2", "at least 3", "x and y and z"]),
    (SPIRAL, {"sample__y": AXIS, "electrons__dimension": 1}, ["electrons.dimension = 1", "at least 2"]),
    (BOX, {"sample__y__left": "diffuse"}, ["sample.y.left", "sample.y.right", "both faces are"]),
    (BOX, {"sample__z__left": "periodic"}, ["sample.z.left", "absorption", "both faces are"]),
    (BOX, {"sample__z__left": {"specularty": 1}}, ["sample.z.left has", "did you mean specularity?"]),
    (BOX, {"sample__z__left": {"specularity": 1.5}}, ["sample.z.left.specularity = 1.5", "from 0 to 1"]),
    (BOX, {"sample__z__left": {"absorption": -1}}, ["sample.z.left.absorption = -1", "from 0 to 1"]),
    (BOX, {"sample__z__left": {"absorption": "1"}}, ["sample.z.left.absorption", "plain number"]),
    (BOX, {"sample__z__left": 0.5}, ["sample.z.left = 0.5", "specular, diffuse, absorbing, periodic"]),
    (BOX, {"sample__z__left": "spekular"}, ["sample.z.left", "did you mean specular?"]),
    (BOX, {"sample__y__cells": 10**5, "sample__z__cells": 10**6}, ["sample.x.cells = 10 × sample.y.cells", "GB"]),
    (BOX, {"sample__y__length": 1e20}, ["sample.y.length / ℓ", "check the units"]),
    (BOX, {"sample__y__length": "1 nm"}, ["sample.y.length", "plain numbers"]),
    (BOX, {"texture__direction": [1, 1, 0]}, ["sample.x.length = 10", "1.414213562 periods"]),
    (BOX, {"texture__direction": [0, 0, 0]}, ["texture.direction", "length"]),
    (SPIRAL, {"texture__direction": [1, 0.5, 0]}, ["texture.direction = [1.0, 0.5, 0.0]", "along y", "[sample.y]"]),
    (RING, {"layer": {"start": 1.0}}, ["layer = ", "list of tables", "[[layer]]"]),
    (RING, {"layer": [3]}, ["layer[0] = 3", "must be a table"]),
    (RING, {"layer": [{"start": 1.0, "mean_free_pth": 2}]}, ["layer[0] has", "did you mean mean_free_path?"]),
    (RING, {"layer": [{"mean_free_path": 2}]}, ["layer[0].start is missing"]),
    (RING, {"layer": [{"start": 0}]}, ["layer[0].start = 0", "must be positive"]),
    (RING, {"layer": [{"start": 1e-12}]}, ["layer[0].start = 1e-12", "larger than 0", "[electrons]"]),
    (RING, {"layer": [{"start": 10.0}]}, ["layer[0].start = 10", "outside the sample"]),
    (RING, {"layer": [{"start": 4.0}, {"start": 4.0}]}, ["layer[1].start = 4", "larger than 4"]),
    (RING, {"layer": [{"start": 4.0, "mean_free_path": 2}]}, ["layer[0] differs from [electrons]", "periodic face"]),
    (RING, {"layer": [{"start": 4.0, "density_of_states": 2}]}, ["layer[0] differs from [electrons]"]),
    (RING, {"layer": [{"start": 4.0, "lifetime": 2, "mean_free_path": 3}]}, ["layer[0].lifetime = 2", "1 %"]),
    (RING, {"layer": [{"start": 4.0, "spin_relaxation_time": 2, "spin_diffusion_length": 3}]}, ["layer[0]", "1 %"]),
    (RING, {"layer": [{"start": 4.0, "resistivity": 2}]}, ["layer[0].resistivity = 2", "has no place", "reduced"]),
    (STACK, {"layer": [{"start": "10 nm", "conductivity": 1e6}]}, ["layer[0].conductivity", "no unit", "1.5e6 S/m"]),
    (
        STACK, {"layer": [{"start": "10 nm", "mean_free_path": "1 nm", "resistivity": "10 uohm cm"}]},
        ["layer[0].resistivity = 1e-07 ohm m disagrees with layer[0].mean_free_path", "density_of_states"],
    ),
    (RING, {"layer": [{"start": 4.0, "transmission": 0}]}, ["layer[0].transmission = 0", "above 0 and at most 1"]),
    (RING, {"layer": [{"start": 4.0, "transmission": 1.1}]}, ["layer[0].transmission = 1.1"]),
    (RING, {"layer": [{"start": 4.0, "specularity": -0.1}]}, ["layer[0].specularity = -0.1"]),
    (RING, {"layer": [{"start": 4.0, "passage": "direct"}]}, ["layer[0].passage", "straight, diffuse"]),
    (RING, {"layer": [{"start": 4.0, "fermi_velocity": 1e14}, {"start": 5}]}, ["layer[0]: v_F", "check the units"]),
    (RING, {"layer": [{"start": 4.0, "name": 5}]}, ["layer[0].name = 5", "text"]),
    (STACK, {"layer": [{"start": 4.0}]}, ["layer[0].start = 4.0", "no unit"]),
    (STACK, {"layer": [{"start": "50 nm"}]}, ["layer[0].start = 5e-08 m", "outside the sample"]),
    (SPIRAL, {"texture": TEXTURES["penetration"]}, ['"penetration" does not fit a periodic sample']),
    (MOVES["penetration"], {"texture__depth": 0}, ["texture.depth = 0", "positive"]),
    (MOVES["penetration"], {"texture__cone_angle": 4}, ["texture.cone_angle", "180"]),
    (MOVES["penetration"], {"texture__frequency": GONE}, ["frequency is missing"]),
    (MOVES["domain_wall"], {"texture__width": 0}, ["texture.width = 0", "positive"]),
    (MOVES["domain_wall"], {"texture__frequency": GONE}, ["texture.frequency is missing", "swings"]),
    (MOVES["domain_wall"], {"texture__amplitude": GONE}, ["texture.amplitude is missing"]),
    (MOVES["domain_wall"], {"texture__velocity": 0.1}, ["moves with texture.velocity", "results.end"]),
    (GOOD["wall"], {"texture__velocity": 1e14}, ["|velocity| / v_F", "check the units"]),
    (MOVES["domain_wall"], {"texture__center": 1e14}, ["|center| / ℓ", "check the units"]),
    (MOVES["domain_wall"], {"texture__cone_angle": 1}, ["texture has", '"cone_angle"']),
    (MOVES["domain_wall"], {"sample__x": AXIS}, ['"domain_wall" does not fit a periodic sample']),
    (MOVES["vortex"], {"sample__y": AXIS}, ['"vortex" does not fit a periodic sample (sample.y)']),
    (SPIRAL, {"texture": TEXTURES["vortex"]}, ['"vortex" varies along x and y', "[sample.y]"]),
    (SPIRAL, {"texture": TEXTURES["crossed_waves"]}, ["[sample.y]"]),
    (MOVES["vortex"], {"texture__center": 5.0}, ["texture.center = 5.0", "two lengths"]),
    (MOVES["vortex"], {"texture__center": [5.0, "a"]}, ["texture.center[1]", "plain numbers"]),
    (MOVES["vortex"], {"texture__polarity": 2}, ["texture.polarity = 2", "1 or -1"]),
    (MOVES["vortex"], {"texture__sense": True}, ["texture.sense = true", "1 or -1"]),
    (MOVES["vortex"], {"texture__core_radius": 1e-14}, ["ℓ / core_radius", "check the units"]),
    (MOVES["vortex"], {"texture__frequency": GONE}, ["frequency is missing"]),
    (MOVES["skyrmion"], {"texture__vorticity": 0}, ["texture.vorticity = 0", "1 or -1"]),
    (MOVES["skyrmion"], {"texture__radius": GONE}, ["texture.radius is missing"]),
    (MOVES["crossed_waves"], {"texture__wavenumber_y": GONE}, ["wavenumber_y or wavelength_y"]),
    (MOVES["crossed_waves"], {"texture__wavelength_y": 4.0}, ["texture.wavelength_y = 4", "1 %"]),
    (MOVES["crossed_waves"], {"sample__y": {**AXIS, "length": 12}}, ["sample.y.length = 12", "2.4 periods"]),
    (MOVES["crossed_waves"], {"texture__c": "1"}, ["texture.c", "plain number"]),
    (SPIRAL, {"texture": {"kind": "user"}}, ["texture.file is missing"]),
    (SPIRAL, {"texture": {"kind": "user", "file": "a.py"}}, ["texture.frequency is missing", "results.end"]),
    (SPIRAL, {"texture": {"kind": "user", "file": "a.py", "frequency": 0}}, ["must be positive"]),
    (TRANSIENT, {"results__harmonics": 1}, ["results.harmonics = 1", "must be 0", "time bins"]),
    (TRANSIENT, {"results__end": GONE}, ["results.end is missing"]),
    (TRANSIENT, {"results__time_bins": 0}, ["results.time_bins = 0"]),
    (TRANSIENT, {"results__mean_density": True, "electrons__spin_relaxation_time": 5}, ["results.mean_density"]),
    (TRANSIENT, {"run__stop": STOP}, ["run.stop", "transient"]),
    (TRANSIENT, {"results__time_bins": 10**9}, ["results.time_bins = 1000000000", "GB"]),
    (SPIRAL, {"drive": RAMP}, ['drive.kind = "ramp"', "results.end"]),
    (TRANSIENT, {"drive": {"kind": "ramp"}}, ["drive.rise is missing"]),
    (TRANSIENT, {"drive": {"kind": "rmp"}}, ["drive.kind", "did you mean ramp?"]),
    (TRANSIENT, {"drive": {**RAMP, "time": 1.0}}, ["drive.time does not belong", "ramp"]),
    (TRANSIENT, {"drive": {"kind": "pulse", "time": 1.0}}, ["drive.duration is missing"]),
    (TRANSIENT, {"drive": {"rise": 1.0}}, ["drive.rise does not belong", "steady"]),
    (INITIAL, {"drive": RAMP}, ["has nothing to drive", "no texture"]),
    (INITIAL, {"results__end": GONE, "results__time_bins": GONE}, ["[initial]", "results.end"]),
    (INITIAL, {"initial__spin": [0, 0, 0]}, ["initial.spin", "length"]),
    (INITIAL, {"initial__spin": GONE}, ["initial.spin is missing"]),
    (INITIAL, {"initial": GONE}, ["neither of [texture] and [pulse], nor [initial]"]),
    (PLANE, {"initial__position": 11.0}, ["initial.position = 11", "outside the sample"]),
    (PULSE, {"initial": {"spin": [0, 0, 1]}}, ["both of [initial] and [pulse]"]),
    (PULSE, {"run__walk": "general"}, ["run.walk", "[pulse]", "[initial]"]),
    (PULSE, {"sample__y": AXIS}, ["sample.y", "[pulse]"]),
    (PULSE, {"layer": [{"start": 1.0}]}, ["layer", "[pulse]"]),
    (SPIRAL, {"results__channels": ["first", "all"]}, ["results.channels[1]", "exact"]),
    (SPIRAL, {"results__channels": ["second_ladder", "second_ladder"]}, ["results.channels", "each once"]),
    (SPIRAL, {"results__channels": ["exact"]}, ["results.channels", "exact", "spin_relaxation_time"]),
    (SPIRAL, {"run__phases": 0}, ["run.phases = 0", "between 1 and 64"]),
    (SPIRAL, {"run__phases": "few"}, ["run.phases", '"auto"']),
    (SPIRAL, {"run__walk": "fast"}, ["run.walk", "auto, general"]),
    (SPIRAL, {"run__max_flights": 0}, ["run.max_flights = 0"]),
]  # fmt: skip


@pytest.mark.parametrize(("deck", "changes", "parts"), BAD, ids=lambda value: str(value)[:50])
def test_bad_decks(deck, changes, parts):
    text = sentence(changed(deck, **changes))
    for part in parts:
        assert part in text


def test_si_initial_state_needs_the_unit_of_its_spin():
    deck = changed(JUNCTION, texture=GONE, electrons__exchange=GONE, results__end="1 fs",
                   initial={"spin": [0, 0, 1]})  # fmt: skip
    assert "electrons.exchange is missing" in sentence(deck)
    deck_from_dict(changed(deck, electrons__exchange="50 meV"))


def test_too_long_a_texture_is_refused_when_it_is_made_ready():
    deck = deck_from_dict(changed(MOVES["crossed_waves"], texture__scale=2.0))
    with pytest.raises(InputError, match=r"scale = 2 makes \|S\| exceed 1"):
        make_problem(deck)


def test_overrides_reach_into_layers(tmp_path):
    path = tmp_path / "stack.toml"
    path.write_text(deck_from_dict(STACK).resolved, encoding="utf-8")
    assert read_deck(path, ["layer[1].start=15 nm"]).layer[1].start == pytest.approx(15e-9)
    assert len(read_deck(path, ["layer=[]"]).layer) == 0
    for text, part in (
        ("layer[3].start=15 nm", "a list of 3, counted from 0"),
        ("layer.start=15 nm", "layer is a list of 3, counted from 0: write e.g. layer[0]"),
        ("sample[0].x=1", "sample[0] is no table"),
        ("results.planes[0].x=1", "planes[0] is no table"),
        ("layer[1].strt=15 nm", "layer[1] has an unknown key"),
    ):
        with pytest.raises(InputError) as caught:
            read_deck(path, [text])
        assert part in str(caught.value)


PARTS = sorted(
    {
        (*path[:-1], path[-1])
        for deck in GOOD.values()
        for path in paths(deck)
        if path[0] in ("texture", "sample", "drive", "initial", "results", "run", "layer")
    }
)


@settings(max_examples=300, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nothing_but_sentences_escapes(data):
    deck = copy.deepcopy(data.draw(st.sampled_from(list(GOOD.values()))))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(PARTS))
        table = deck
        for part in path:
            inner = table.setdefault(part, {})
            table = inner if isinstance(inner, dict) else {}
        table[last] = data.draw(JUNK)
    if deck.get("layer") and isinstance(deck["layer"], list):
        key = data.draw(st.sampled_from(["start", "mean_free_path", "transmission", "name", "x"]))
        layer = deck["layer"][0]
        if isinstance(layer, dict):
            layer[key] = data.draw(JUNK)
    try:
        good = deck_from_dict(deck)
        problem = make_problem(good)
    except InputError as error:
        one_line(error)
        return
    assert deck_from_dict(tomllib.loads(good.resolved)) == good
    check_report(problem).encode()
    for value in problem.scene:
        numbers = value if isinstance(value, tuple) else (value,)
        assert not any(isinstance(n, float) and math.isnan(n) for n in numbers)
