"""What somebody who wrote a value that cannot be read probably meant, for the end of a refusal."""

from __future__ import annotations

import difflib
import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator

_SYMBOLS = (
    "fm", "pm", "nm", "µm", "um", "mm", "cm", "m", "km", "angstrom", "fs", "ps", "ns", "µs", "us", "ms", "s", "meV", "eV",
    "keV", "J", "Hz", "kHz", "MHz", "GHz", "THz", "rad", "mrad", "deg", "degree", "degrees", "S", "kS", "MS", "ohm",
    "uohm", "µohm", "mohm", "Ω", "µΩ", "A", "kA", "MA", "T", "mT", "V", "mV", "kV", "emu",
)  # fmt: skip
"""Symbols of units as they are written, the likelier one first where only capitals tell them apart."""
_WORD = re.compile(r"[A-Za-zµμÅΩ]+")
_COMMA = re.compile(r"(?<=\d),(?=\d)")
_POWER = re.compile(r"\s*[x×*·]\s*10\s*(?:\^|\*\*)?\s*([+-]?[0-9]+)(?![0-9.])")
_SIGNS = str.maketrans("−–", "--")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_AFTER_TEN = re.compile(r"(?<=10)[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LINE = re.compile(r"\(at line (\d+),")
_BARE = re.compile(r"\s*([\w.-]+)\s*=\s*([^\s\"'{#][^#\"']*?)\s*(?:#.*)?")
_LONGEST = 60
_MOST_WORDS = 4


def nearest(word: str, words: Iterable[str]) -> str:
    """Word of a list that was probably meant; empty if none is near."""
    known = list(words)
    same = [one for one in known if one.casefold() == word.casefold()]
    return (same or difflib.get_close_matches(word, known, n=1) or [""])[0]


def mended_quantities(text: str) -> Iterator[str]:
    """Texts that a NUMBER UNIT which cannot be read may have meant, without the text itself."""
    if len(text) > _LONGEST:
        return
    dashed = _AFTER_TEN.sub(lambda power: power[0].translate(_SUPERSCRIPTS), text.strip().translate(_SIGNS))
    powers = _POWER.sub(r"e\1", dashed)
    numbers = [_COMMA.sub(".", powers), _COMMA.sub("", powers)]
    for number in dict.fromkeys(numbers):
        match = _PLAIN.match(number)
        if match is None:
            continue
        for unit in dict.fromkeys(_mended_units(number[match.end() :].strip())):
            mended = f"{match[0]} {unit}".strip()
            if mended != text:
                yield mended


def _mended_units(unit: str) -> Iterator[str]:
    """Unit as it is, with its exponents marked, with Å for A, and with its symbols' capitals as usual."""
    powers = re.sub(r"(?<=[A-Za-zµÅ])(\s*-[0-9]|[0-9])", lambda n: "^" + n[0].strip(), unit)
    yield from (unit, powers, re.sub(r"\bA\b", "angstrom", unit))
    words = _WORD.findall(powers)
    if len(words) > _MOST_WORDS:
        return
    between = _WORD.split(powers)
    for usual in itertools.product(*map(_usual, words)):
        yield between[0] + "".join(map("".join, zip(usual, between[1:], strict=True)))


def _usual(word: str) -> list[str]:
    """Symbols that a word is but for capitals; the word itself if there is none."""
    return [one for one in _SYMBOLS if one.casefold() == word.casefold()] or [word]


def of_number(text: object, whole: bool = False) -> str:
    """End of a sentence on a text that stands where a plain number is wanted: "10 %", "0,5"; empty if it is none.

    In whole numbers a comma is taken for one between thousands.
    """
    if not isinstance(text, str) or not (meant := _number(text, "" if whole else ".")):
        return ""
    return ": leave out the quotes" if meant == text.strip() else f": did you mean {meant}?"


def _number(text: str, comma: str) -> str:
    """Write the plain number that a text amounts to; empty if it is none."""
    mended = _COMMA.sub(comma, text.strip().translate(_SIGNS)) if len(text) <= _LONGEST else ""
    digits = mended.removesuffix("%").strip()
    if not _PLAIN.fullmatch(digits):
        return ""
    return f"{float(digits) / 100.0:g}" if mended.endswith("%") else digits


def of_metres(text: str) -> str:
    """End of a sentence on a length that is too long: nm in place of m."""
    digits = text.strip().removesuffix("m").strip()
    return f': did you mean "{digits} nm"?' if _PLAIN.fullmatch(digits) else ": check its unit"


def of_toml(text: str, reason: str) -> str:
    """Say what a line that TOML refuses may want; empty where nothing comes to mind.

    Parameters
    ----------
    text : str
        The whole file.
    reason : str
        The parser's sentence, with the line's number.
    """
    place = _LINE.search(reason)
    lines = text.split("\n")
    if place is None or int(place[1]) > len(lines):
        return ""
    # a list that is not closed is told of at the end of the file or at its next line
    for line in itertools.islice(reversed(lines[: int(place[1])]), 2):
        match = _BARE.fullmatch(line.rstrip("\r")) if len(line) < 200 else None
        # what holds a control character is not repeated: it would break the sentence
        if match is not None and not _is_toml(line) and line.replace("\t", " ").rstrip("\r").isprintable():
            return _of_value(match[1], match[2])
    return ""


def _is_toml(line: str) -> bool:
    """Whether a line can stand in a TOML file."""
    try:
        tomllib.loads(line)
    except ValueError:
        return False
    return True


def _of_value(key: str, value: str) -> str:
    """Say what a value without quotes may want."""
    if value.casefold() in ("true", "false"):
        return "" if value in ("true", "false") else f": write {key} = {value.lower()}"
    inner = value.strip("“”„‘’«»")
    if value.startswith("["):
        parts = [part.strip(" “”„‘’«»") for part in value.strip("[]").split(",")]
        if not any(_WORD.search(part) for part in parts):
            return ""
        listed = ", ".join(f'"{part}"' for part in filter(None, parts))
        return f": quantities and words stand in quotes, {key} = [{listed}]"
    if not _WORD.search(inner) and "," not in inner and "%" not in inner:
        return ""
    if (number := _number(inner, ".")) and number != inner:
        return f": did you mean {key} = {number}?"
    return f': quantities and words stand in quotes, {key} = "{inner}"'
