"""Quantities: what is read, what is refused, and that nothing but InputError ever escapes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpump.deck.quantities import DIMENSIONS, dimension_of, number, parameter, quantity
from mcpump.errors import InputError, show

E = 1.602176634e-19


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("13.6 /nm", "wavenumber", 13.6e9),
        ("13.6/nm", "wavenumber", 13.6e9),
        ("13.6 nm^-1", "wavenumber", 13.6e9),
        ("13.6 nm**-1", "wavenumber", 13.6e9),
        ("13.6 nm⁻¹", "wavenumber", 13.6e9),
        ("1.36 1/Å", "wavenumber", 13.6e9),
        ("1.36 rad/angstrom", "wavenumber", 13.6e9),
        ("1 nm", "length", 1e-9),
        ("+.5e1 µm", "length", 5e-6),
        ("5 μm", "length", 5e-6),
        ("1_000 nm", "length", 1e-6),
        ("10 Å", "length", 1e-9),
        ("10 angstrom", "length", 1e-9),
        ("50 meV", "energy", 0.05 * E),
        ("10 GHz", "frequency", 1e10),
        ("3 rad/s", "angular_frequency", 3.0),
        ("0.2 1/fs", "angular_frequency", 2e14),
        ("180 deg", "angle", math.pi),
        ("180 °", "angle", math.pi),
        ("2 rad", "angle", 2.0),
        ("1e-6 ohm m", "resistivity", 1e-6),
        ("1e-6 Ω·m", "resistivity", 1e-6),
        ("1.5e6 S/m", "conductivity", 1.5e6),
        ("5.2 cm^2/s", "diffusion_coefficient", 5.2e-4),
        ("5.2 cm²/s", "diffusion_coefficient", 5.2e-4),
        ("1.2e6 m/s", "velocity", 1.2e6),
        ("1 ps", "time", 1e-12),
        ("9 1/(eV nm^3)", "density_of_states", 9e27 / E),
    ],
)
def test_units_are_read(text, dimension, expected):
    assert quantity(text, "a.key", dimension) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_every_example_is_accepted(dimension):
    assert quantity(DIMENSIONS[dimension].example, "a.key", dimension) > 0.0


@pytest.mark.parametrize(
    ("value", "dimension", "part"),
    [
        (1.0, "length", "has no unit"),
        ("1", "length", "has no unit"),
        ("nm", "length", "does not begin with a number"),
        ("1 s", "length", "not that of a length"),
        ("1 parsnip", "length", "not that of a length"),
        ("9**9**9 nm", "length", "not that of a length"),
        ("1 nm^9^9^9", "length", "not that of a length"),
        ("1 nm**99", "length", "not that of a length"),
        ("1 9**9**9*nm", "length", "not that of a length"),
        ("1 __import__('os')", "length", "not that of a length"),
        ("nan nm", "length", "not a finite number"),
        ("inf nm", "length", "not a finite number"),
        ("1e999 nm", "length", "not a finite number"),
        ("1e300 lightyear", "length", "out of range"),
        ("1e-300 nm", "length", "out of range"),
        (True, "length", "not a plain number"),
        (None, "length", "not a plain number"),
        ([], "length", "not a plain number"),
        (math.nan, "length", "not a finite number"),
        (10**400, "length", "not a finite number"),
        ("1 rad/s", "frequency", "angular_frequency takes rad/s"),
        ("1 1/s", "angular_frequency", None),
        ("60 rpm", "frequency", "a frequency counts periods in Hz"),
        ("1 Bq", "frequency", "a frequency counts periods in Hz"),
        ("1 GHz", "angular_frequency", "an angular frequency is in rad/s or 1/s"),
        ("60 rpm", "angular_frequency", "an angular frequency is in rad/s or 1/s"),
        ("1 rad m", "length", "unit without dimension"),
        ("1 degC", "energy", "not that of an energy"),
    ],
)
def test_bad_quantities_are_refused_with_a_sentence(value, dimension, part):
    if part is None:
        assert quantity(value, "a.key", dimension) == 1.0
        return
    with pytest.raises(InputError) as caught:
        quantity(value, "a.key", dimension)
    text = str(caught.value)
    assert part in text
    assert text.startswith("a.key = ")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("unit", "dimension", "power"),
    [
        ("nm", "length", -9), ("Å", "length", -10), ("angstrom", "length", -10), ("µm", "length", -6),
        ("pm", "length", -12), ("ps", "time", -12), ("fs", "time", -15), ("GHz", "frequency", 9),
        ("/nm", "wavenumber", 9), ("uohm cm", "resistivity", -8),
    ],
)  # fmt: skip
def test_numbers_are_the_doubles_that_are_written(unit, dimension, power):
    for n in (*range(1, 101), 0.3, 13.6, 2.725):
        assert quantity(f"{n} {unit}", "a.key", dimension) == float(f"{n}e{power}")


@pytest.mark.parametrize(
    ("text", "dimension", "meant"),
    [
        ("1,5 nm", "length", "1.5 nm"),
        ("9.4 Ghz", "frequency", "9.4 GHz"),
        ("9.4 ghz", "frequency", "9.4 GHz"),
        ("5 NM", "length", "5 nm"),
        ("5 Nm", "length", "5 nm"),
        ("1,5 NM", "length", "1.5 nm"),
        ("50 mev", "energy", "50 meV"),
        ("1 PS", "time", "1 ps"),
        ("1.5e6 s/m", "conductivity", "1.5e6 S/m"),
        ("\N{MINUS SIGN}5 nm", "length", "-5 nm"),
        ("1.2x10^6 m/s", "velocity", "1.2e6 m/s"),
        ("1.2·10⁶ m/s", "velocity", "1.2e6 m/s"),
        ("13.6 nm-1", "wavenumber", "13.6 nm^-1"),
        ("13.6 nm -1", "wavenumber", "13.6 nm^-1"),
        ("10 A", "length", "10 angstrom"),
    ],
)
def test_what_was_meant(text, dimension, meant):
    with pytest.raises(InputError) as caught:
        quantity(text, "a.key", dimension)
    assert str(caught.value) == f'a.key = "{text}" cannot be used: did you mean "{meant}"?'
    quantity(meant, "a.key", dimension)


def test_magnetization_in_units_of_magnetometers():
    mu_0 = 1.25663706127e-6
    assert quantity("800 emu/cm^3", "a.key", "magnetization") == pytest.approx(8e5, rel=1e-14)
    assert quantity("800 emu/cc", "a.key", "magnetization") == pytest.approx(8e5, rel=1e-14)
    assert quantity("1 T", "a.key", "magnetization") == pytest.approx(1.0 / mu_0, rel=1e-14)
    assert quantity("1005 mT", "a.key", "magnetization") == pytest.approx(1.005 / mu_0, rel=1e-14)
    for text in ("10 kG", "10 kOe"):
        with pytest.raises(InputError, match="M_s or 4πM_s"):
            quantity(text, "a.key", "magnetization")
    for text, dimension in (("80 emu/g", "magnetization"), ("1 T", "length"), ("1 T", "energy")):
        with pytest.raises(InputError, match="not that of"):
            quantity(text, "a.key", dimension)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("10 %", "did you mean 0.1?"),
        ("-3%", "did you mean -0.03?"),
        ("0,5", "did you mean 0.5?"),
        ("0.5", "leave out the quotes"),
    ],
)
def test_texts_that_are_plain_numbers(text, hint):
    with pytest.raises(InputError) as caught:
        number(text, "a.key")
    assert str(caught.value) == f'a.key = "{text}" is not a plain number: {hint}'


def test_reduced_decks_take_plain_numbers():
    assert quantity(3, "a.key", "length", reduced=True) == 3.0
    assert quantity("90 deg", "a.key", "angle", reduced=True) == pytest.approx(math.pi / 2)
    assert quantity(0.5, "a.key", "angle", reduced=True) == 0.5
    with pytest.raises(InputError, match="takes plain numbers"):
        quantity("3 nm", "a.key", "length", reduced=True)


def test_show_is_short_and_printable():
    for value in (10**5000, "x" * 500, "\ud800", "a\nb", [[["x"] * 99]], math.nan, True):
        text = show(value)
        assert len(text) <= 60
        assert "\n" not in text
        text.encode()


def one_line(text):
    assert "\n" not in text
    text.encode()


UNIT_TEXT = st.text(alphabet="0123456789.eE+-*/^() nmµsradHzJVÅ_'\"\\{}[]:,;=\x00é", max_size=50)


@settings(max_examples=300, deadline=5000)
@given(
    st.one_of(UNIT_TEXT, st.text(max_size=30), UNIT_TEXT.map("1 ".__add__)), st.sampled_from(list(DIMENSIONS))
)
def test_any_text_is_a_number_or_a_sentence(text, dimension):
    try:
        assert math.isfinite(quantity(text, "a.key", dimension))
    except InputError as error:
        one_line(str(error))


# --- numbers of the user's own ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "reduced", "expected"),
    [
        ("20 nm", False, 20e-9), ("9.4 GHz", False, 9.4e9), ("2 rad/s", False, 2.0), ("90 deg", False, math.pi / 2),
        ("1 meV", False, 1.602176634e-22), (3, False, 3.0), (-0.5, True, -0.5), ("90 deg", True, math.pi / 2),
    ],
)  # fmt: skip
def test_parameters(value, reduced, expected):
    assert parameter(value, "key", reduced) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    "value", ["20 sheep", "20 degC", "wide", "1e99 nm", "nan nm", "2", True, None, "9**9**9 nm", [1]]
)
def test_parameters_that_are_none(value):
    with pytest.raises(InputError, match="key = "):
        parameter(value, "key")


def test_dimension_of_a_text():
    assert [dimension_of(text) for text in ("1 nm", "3 GHz", "2 rad/s", "5 V", 3.0)] == [
        "length", "frequency", "angular_frequency", "", "",
    ]  # fmt: skip
