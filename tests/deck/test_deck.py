"""Decks: every bad input is one sentence that names the key, the value and what is accepted."""

import copy
import math
import subprocess
import sys
from pathlib import Path

import pytest
from decks import GONE, JUNCTION, JUNK, PULSE, SPIRAL, STOP, changed, one_line, paths, sentence
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpump.cli import examples
from mcpump.deck.read import deck_from_dict, read_deck
from mcpump.errors import InputError

RUN = Path(__file__).parents[2] / "run"


@pytest.mark.parametrize("name", examples.names())
def test_example_decks_are_good_and_resolve_to_themselves(name, tmp_path):
    deck = read_deck(RUN / f"{name}.toml")
    assert deck.name == f"{name}.toml"
    path = tmp_path / "resolved.toml"
    path.write_text(deck.resolved, encoding="utf-8")
    again = read_deck(path)
    assert again == deck
    assert again.resolved == deck.resolved
    assert examples.text(name) == (RUN / f"{name}.toml").read_text(encoding="utf-8")


def test_resolved_deck_has_the_defaults():
    text = deck_from_dict(JUNCTION).resolved
    for line in (
        'units = "SI"', "walkers_per_block = 4096", 'first_flights = "auto"', "mean_density = false",
        'spin_relaxation_time = "none"', "effective_mass = 1.0", 'mean_free_path = "1 nm"', "seed = 1",
        'channels = ["first", "second"]', "axis = [0.0, 0.0, 1.0]", "ellipticity = 1.0", "harmonics = 1",
    ):  # fmt: skip
        assert line in text.splitlines()


def test_unknown_example():
    with pytest.raises(InputError, match="did you mean junction"):
        examples.text("junktion")


BAD = [
    (JUNCTION, {"electrons__mean_free_pth": "1 nm"}, ["electrons", '"mean_free_pth"', "mean_free_path?"]),
    (JUNCTION, {"texture__widht": "1 nm"}, ["texture has", '"widht"', "did you mean width?"]),
    (JUNCTION, {"rnu": {}}, ["the deck has", '"rnu"', "did you mean run?"]),
    (JUNCTION, {"units": "si"}, ['units = "si"', "SI, reduced"]),
    (JUNCTION, {"units": []}, ["units = []", "SI, reduced"]),
    (JUNCTION, {"electrons": 3}, ["electrons = 3", "must be a table"]),
    (JUNCTION, {"electrons": GONE}, ["electrons is missing"]),
    (JUNCTION, {"electrons__exchange": GONE}, ["electrons.exchange is missing", "50 meV"]),
    (JUNCTION, {"electrons__exchange": "0 meV"}, ['electrons.exchange = "0 meV"', "must be positive"]),
    (JUNCTION, {"electrons__mean_free_path": GONE}, ["electrons", "missing", "mean_free_path, lifetime"]),
    (JUNCTION, {"electrons__mean_free_path": 1.0}, ["electrons.mean_free_path = 1.0", "no unit", '"1 nm"']),
    (JUNCTION, {"electrons__mean_free_path": "1 s"}, ['electrons.mean_free_path = "1 s"', '"1 nm"']),
    (JUNCTION, {"electrons__mean_free_path": "-1 nm"}, ["electrons.mean_free_path", "must be positive"]),
    (
        JUNCTION, {"electrons__mean_free_path": GONE, "electrons__lifetime": "1e20 s"},
        ["ℓ / sample.x.length", "check the units"],
    ),
    (JUNCTION, {"electrons__mean_free_path": "1e40 m"}, ["longer than any sample", '"1e40 nm"']),
    (JUNCTION, {"sample__x__length": "16 m"}, ['sample.x.length = "16 m" is longer', 'did you mean "16 nm"?']),
    (JUNCTION, {"texture__interface": "2e3 km"}, ["texture.interface", "longer than any sample: check its unit"]),
    (JUNCTION, {"results__planes": ["0 nm", "5 m"]}, ["results.planes[1]", 'did you mean "5 nm"?']),
    (JUNCTION, {"electrons__spin_diffusion_length": "inf"}, ['"inf" must be a number and a unit', '"none"']),
    (JUNCTION, {"electrons__spin_relaxation_time": math.inf}, ["= inf must be", '"1 ps", or "none"']),
    (SPIRAL, {"electrons__spin_relaxation_time": "infinity"}, ["must be a plain number", '"none"']),
    (JUNCTION, {"electrons__mean_free_path": "1,5 nm"}, ["electrons.mean_free_path", 'did you mean "1.5 nm"?']),
    (JUNCTION, {"texture__frequency": "9.4 Ghz"}, ["texture.frequency", 'did you mean "9.4 GHz"?']),
    (JUNCTION, {"sample__x__left": {"absorption": "10 %"}}, ["absorption", "did you mean 0.1?"]),
    (JUNCTION, {"texture__ellipticity": "0,5"}, ["texture.ellipticity", "did you mean 0.5?"]),
    (JUNCTION, {"run__first_flights": "4"}, ["run.first_flights", "leave out the quotes"]),
    (JUNCTION, {"units": "si"}, ["did you mean SI?"]),
    (JUNCTION, {"Electrons": {}}, ['"Electrons"', "did you mean electrons?"]),
    (JUNCTION, {"electrons__mean_free_path": "1e-40 m"}, ["sample.x.length / ℓ", "check the units"]),
    (JUNCTION, {"electrons__effective_mass": "1 kg"}, ["electrons.effective_mass", "plain number"]),
    (JUNCTION, {"electrons__effective_mass": 0}, ["electrons.effective_mass = 0", "must be positive"]),
    (JUNCTION, {"electrons__dimension": 2}, ["electrons.dimension = 2", "reduced"]),
    (JUNCTION, {"electrons__lifetime": "9 fs"}, ["electrons.lifetime", "mean_free_path", "1 %"]),
    (JUNCTION, {"electrons__spin_relaxation_time": "never"}, ["electrons.spin_relaxation_time", "number"]),
    (JUNCTION, {"sample__x__length": "0 nm"}, ['sample.x.length = "0 nm"', "must be positive"]),
    (JUNCTION, {"sample__x__length": "nan nm"}, ["sample.x.length", "finite"]),
    (JUNCTION, {"sample__x__cells": 0}, ["sample.x.cells = 0", "between 1"]),
    (JUNCTION, {"sample__x__cells": 2.5}, ["sample.x.cells = 2.5", "whole number"]),
    (JUNCTION, {"sample__x__cells": True}, ["sample.x.cells = true", "whole number"]),
    (JUNCTION, {"sample__x__cells": "80"}, ["sample.x.cells", "whole number", "leave out the quotes"]),
    (JUNCTION, {"run__walkers": "100,000"}, ["run.walkers", "did you mean 100000?"]),
    (JUNCTION, {"sample__x__cells": 10**400}, ["sample.x.cells", "bits", "between 1"]),
    (JUNCTION, {"sample__x__cells": 10**12}, ["sample.x.cells = 1000000000000", "GB", "this machine has"]),
    (JUNCTION, {"sample__x__left": "spekular"}, ["sample.x.left", "absorbing", "did you mean specular?"]),
    (JUNCTION, {"sample__x__left": "periodic"}, ["sample.x.left", "sample.x.right", "both faces are"]),
    (
        JUNCTION, {"sample__x__left": "periodic", "sample__x__right": "periodic"},
        ['texture.kind = "junction"', "periodic sample"],
    ),
    (JUNCTION, {"texture": GONE}, ["neither of [texture] and [pulse]"]),
    (JUNCTION, {"texture": 5}, ["texture = 5", "table"]),
    (JUNCTION, {"texture__kind": "junktion"}, ["texture.kind", "did you mean junction?"]),
    (JUNCTION, {"texture__kind": []}, ["texture.kind = []", "junction, uniform"]),
    (JUNCTION, {"texture__kind": GONE}, ["texture.kind is missing"]),
    (JUNCTION, {"texture__interface": "50 nm"}, ["texture.interface", "outside the sample"]),
    (JUNCTION, {"texture__width": "-1 nm"}, ["texture.width", "at least 0"]),
    (JUNCTION, {"texture__frequency": GONE}, ["frequency is missing", "angular_frequency"]),
    (JUNCTION, {"texture__frequency": "1 rad/s"}, ["texture.frequency", "angular_frequency takes rad/s"]),
    (JUNCTION, {"texture__frequency": "-1 Hz"}, ["texture.frequency", "at least 0"]),
    (JUNCTION, {"texture__angular_frequency": "1 rad/s"}, ["texture.angular_frequency = 1 rad/s", "1 %"]),
    (JUNCTION, {"texture__cone_angle": "200 deg"}, ["texture.cone_angle = 200 deg", "180"]),
    (JUNCTION, {"texture__axis": [0, 0, 0]}, ["texture.axis", "length"]),
    (JUNCTION, {"texture__axis": [0, "z", 1]}, ["texture.axis", "plain number"]),
    (JUNCTION, {"texture__axis": "z"}, ["texture.axis", "three plain numbers"]),
    (JUNCTION, {"texture__ellipticity": 1.5}, ["texture.ellipticity = 1.5", "between -1 and 1"]),
    (JUNCTION, {"results__planes": ["41 nm"]}, ["results.planes", "outside the sample"]),
    (JUNCTION, {"results__planes": ["1 nm", "1 nm"]}, ["results.planes", "twice"]),
    (JUNCTION, {"results__planes": ["1 nm", "1 s"]}, ["results.planes[1]", '"1 s"']),
    (JUNCTION, {"results__planes": "1 nm"}, ["results.planes", "list"]),
    (JUNCTION, {"results__channels": ["third"]}, ["results.channels[0]", "first, second"]),
    (JUNCTION, {"results__channels": []}, ["results.channels = []", "first, second"]),
    (JUNCTION, {"results__harmonics": 17}, ["results.harmonics = 17", "between 0 and 16"]),
    (JUNCTION, {"results__mean_density": 1}, ["results.mean_density = 1", "true or false"]),
    (JUNCTION, {"results__time_bins": 5}, ["results.end is missing", "results.time_bins = 5"]),
    (JUNCTION, {"run__walkers": 0}, ["run.walkers = 0", "between 1"]),
    (JUNCTION, {"run__walkers": -1}, ["run.walkers = -1"]),
    (JUNCTION, {"run__walkers": math.inf}, ["run.walkers = inf", "whole number"]),
    (JUNCTION, {"run__seed": 2**64}, ["run.seed", "18446744073709551615"]),
    (JUNCTION, {"run__walkers_per_block": 7}, ["run.walkers_per_block = 7", "even"]),
    (JUNCTION, {"run__first_flights": 0}, ["run.first_flights = 0"]),
    (JUNCTION, {"run__first_flights": "many"}, ["run.first_flights", '"auto"']),
    (JUNCTION, {"run__score_interval": 3}, ["run.score_interval = 3", "64"]),
    (JUNCTION, {"run__stop": {}}, ["run.stop", "missing"]),
    (SPIRAL, {"electrons__exchange": "50 meV"}, ["electrons.exchange", "plain numbers"]),
    (SPIRAL, {"electrons__mean_free_path": 2}, ["electrons.mean_free_path = 2", "must be 1"]),
    (SPIRAL, {"electrons__dimension": 4}, ["electrons.dimension = 4", "between 1 and 3"]),
    (SPIRAL, {"texture__wavelength": 3.0}, ["sample.x.length", "3.333333333 periods", "whole number"]),
    (SPIRAL, {"texture__wavelength": GONE}, ["wavenumber or wavelength"]),
    (SPIRAL, {"texture__wavenumber": 0}, ["texture.wavenumber = 0", "not 0"]),
    (SPIRAL, {"texture__wavenumber": 2.0}, ["texture.wavelength = 5", "texture.wavenumber", "1 %"]),
    (SPIRAL, {"results__mean_density": True}, ["results.mean_density", "without a sink"]),
    (PULSE, {"texture": SPIRAL["texture"]}, ["both of [texture] and [pulse]"]),
    (PULSE, {"pulse__position": 11}, ["pulse.position", "outside the sample"]),
    (PULSE, {"pulse__spin": [0, 0]}, ["pulse.spin", "three"]),
    (PULSE, {"results__end": GONE}, ["results.end is missing"]),
    (PULSE, {"results__channels": ["second"]}, ["results.channels", '["first"]']),
    (PULSE, {"results__harmonics": 1}, ["results.harmonics = 1", "must be 0"]),
    (PULSE, {"run__first_flights": 3}, ["run.first_flights = 3", "[pulse]", "leave it out"]),
    (PULSE, {"run__score_interval": 4}, ["run.score_interval = 4", "[pulse]", "leave it out"]),
    (PULSE, {"results__planes": [5]}, ["results.planes", "[pulse]", "leave it out"]),
    (PULSE, {"results__time_bins": 10**10}, ["results.time_bins", "GB"]),
]  # fmt: skip


@pytest.mark.parametrize(("deck", "changes", "parts"), BAD, ids=lambda value: str(value)[:40])
def test_bad_decks(deck, changes, parts):
    text = sentence(changed(deck, **changes))
    for part in parts:
        assert part in text


@pytest.mark.parametrize("deck", [JUNCTION, SPIRAL, PULSE])
def test_the_decks_that_are_spoilt_above_are_good(deck):
    deck_from_dict(deck)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({}, ""),
        ({"quantity": "spin_current.local.x.sin1"}, ""),
        ({"quantity": "spin_density.total.x.cos1", "at": 3.0}, ""),
        ({"quantity": "spin_density.local.z.dc"}, ""),
        ({"quantity": "spin_current.total.z.cos2"}, "must be spin_current|spin_density.local"),
        ({"quantity": "spin_current.total.z"}, "must be spin_current|spin_density.local"),
        ({"quantity": 5}, "run.stop.quantity = 5 must be text"),
        ({"quantity": "spin_density.total.z.dc"}, "the DC density is infinite"),
        ({"at": 4.0}, "must be one of results.planes (5)"),
        ({"quantity": "spin_density.total.z.cos1", "at": 12.0}, "outside the sample"),
        ({"relative_error": 0}, "run.stop.relative_error = 0 must be positive"),
        ({"walkers": 3}, "unknown key"),
    ],
)
def test_stop_rule(changes, part):
    deck = changed(SPIRAL, run__stop={**STOP, **changes})
    if part:
        assert part in sentence(deck)
    else:
        deck_from_dict(deck)


def test_overrides(tmp_path):
    path = RUN / "junction.toml"
    for text in ("electrons.mean_free_path=5 nm", 'electrons.mean_free_path="5 nm"'):
        assert read_deck(path, [text]).electrons.mean_free_path == pytest.approx(5e-9)
    assert read_deck(path, ["run.walkers=500", "sample.x.cells = 20"]).run.walkers == 500
    for text, part in (
        ("electrons.mean_free_pth=5 nm", "did you mean mean_free_path?"),
        ("run.seed.deep=1", "seed is no table"),
        ("run.seed", "must be KEY=VALUE"),
        ("run.seed=1\nwalkers=2", "run.seed"),
        ("electrns.exchange=1 eV", "did you mean electrons?"),
        ("run.seed=" + "[" * 5000, "run.seed"),
    ):
        with pytest.raises(InputError) as caught:
            read_deck(path, [text])
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"a = \n", "line 1"),
        (b"units = 'SI'\nunits = 'SI'\n", "line 2"),
        (b"a = 'x'\n\xff\n", "not UTF-8 text (line 2)"),
        (
            b"[a]\nb = 5 nm  # width\n",
            '(at line 2, column 7): quantities and words stand in quotes, b = "5 nm"',
        ),
        (b"a = 1,5 nm\n", 'quantities and words stand in quotes, a = "1,5 nm"'),
        (b"a = [5 nm, 6 nm]\n[b]\n", 'stand in quotes, a = ["5 nm", "6 nm"]'),
        (b"kind = junction\n", 'stand in quotes, kind = "junction"'),
        ("a = “5 nm”\n".encode(), 'stand in quotes, a = "5 nm"'),
        (b"a = True\n", "(at line 1, column 5): write a = true"),
        (b"a = 0,5\n", "did you mean a = 0.5?"),
        (b"a = 10 %\n", "did you mean a = 0.1?"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "`mcpump show FILE` prints its table"),
        (b"\x89HDF\r\n\x1a\n" + bytes(20_000_000), "`mcpump run --resume FILE` goes on with it"),
        (b"# OOMMF OVF 2.0\n", "a deck names it in texture.files"),
        (b"a = " + b"9" * 5000, "too long"),
        (b"a = " + b"[" * 5000, "too deeply"),
        (b"", "is missing"),
    ],
)
def test_files_that_are_no_decks(tmp_path, content, part):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^[^\n]*$") as caught:
        read_deck(path)
    assert part in str(caught.value)


def test_only_the_line_that_is_wrong_gets_a_hint(tmp_path):
    path = tmp_path / "bad.toml"
    for text in (
        "a = inf\nb = ]\n",
        "a = 80  # cells\nb = ]\n",
        "a = 1/2\n",
        "a: 5\n",
        "a = 'x\n",
        "a = 4\x0bA\n",
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"not valid TOML: [^:]*$"):
            read_deck(path)


@pytest.mark.parametrize("name", ["absent.toml", "", "a\x00b"])
def test_files_that_cannot_be_read(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"):
        read_deck(f"{tmp_path}/{name}")


def test_import_is_light():
    code = "import sys, mcpump; assert not {'pint', 'pydantic', 'mcpump.deck.read'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=RUN.parent)


@settings(max_examples=400, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nothing_but_sentences_escapes(data):
    from mcpump.problem.reduce import make_problem

    deck = copy.deepcopy(data.draw(st.sampled_from([JUNCTION, SPIRAL, PULSE])))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(sorted(paths(deck))))
        table = deck
        for part in path:
            table = table[part]
        table[data.draw(st.sampled_from([last, "dimension", "x", "\ud800"]))] = data.draw(JUNK)
    try:
        scene = make_problem(deck_from_dict(deck)).scene
    except InputError as error:
        one_line(error)
        return
    vectors = (*scene.lengths, *scene.parameters, *scene.planes, *scene.initial_spin)
    for value in (scene.layers[0].gamma_sf, scene.Omega, *vectors):
        assert math.isfinite(value)


@settings(max_examples=100, deadline=5000)
@given(JUNK)
def test_junk_is_no_deck(junk):
    with pytest.raises(InputError):
        deck_from_dict(junk)
