"""Anything may be handed over: the answer is an answer or one sentence, in time, and nothing is written for bad input."""

import io
import json
import os
import shutil
import string
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from runs import AT_ONCE, DECKS, call, contents, furnish, good, sentence

import mcpump
from mcpump import results
from mcpump.cli import examples
from mcpump.deck.toml import read_toml
from mcpump.errors import McpumpError
from mcpump.simulate import engine as simulate

SECONDS = 30.0
RUN = Path(__file__).parents[2] / "run"
many = settings(deadline=None, suppress_health_check=list(HealthCheck))


class WouldWalkError(McpumpError):
    """Stands for the walk, where only what comes before it is tested."""

    status = 99


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with decks and results, in which nothing walks."""
    where, back = furnish(tmp_path_factory.mktemp("fuzz")), Path.cwd()
    (where / "a_folder").mkdir()
    (where / "binary.toml").write_bytes(bytes(range(256)))
    os.chdir(where)
    good("run", "junction.toml", "--quiet", "-o", "out.h5")
    good("run", "junction.toml", "--quiet", *AT_ONCE, "-o", "early.h5", status=75)
    good("run", "pulse.toml", "--quiet", "-o", "pulse.h5")
    good("run", "junction.toml", "--quiet", "--part", "1/2", "-o", "part.h5")

    def walk(*_, **__):
        raise WouldWalkError("walk")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulate, "run", walk)
        patch.setattr(simulate, "compile_kernels", lambda *_: None)
        patch.setattr(simulate, "is_compiled", lambda *_: True)
        yield where
    os.chdir(back)


def answer(*arguments, statuses):
    """Status of a call that is as it should be: one sentence where it is refused, and no trace of Python."""
    status, out, err = call(*arguments, seconds=SECONDS)
    assert status in statuses, (status, err)
    assert "Traceback" not in out + err
    if status == 2:
        assert out == ""
        assert len(sentence(err)) < 2000
    return status


# --- decks -----------------------------------------------------------------------------------------------------

BASES = [*(read_toml(RUN / f"{name}.toml") for name in examples.names())]
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from(
        [0, -1, 1, 2, 16, 17, 1e-300, 1e300, 5e-324, 10**18, 10**400, -0.0, 2**63, 2**64, True, False]
    ),
)
UNITS = [
    "nm",
    "m",
    "meV",
    "K",
    "Hz",
    "GHz",
    "rad/s",
    "/nm",
    "1/nm",
    "s",
    "kg",
    "",
    "nm^9",
    "nm**99",
    "°",
    "µm",
    "Å",
]
WORDS = [
    "none", "auto", "specular", "diffuse", "absorbing", "periodic", "junction", "spiral", "user", "general", "SI",
    "reduced", "exact", "first", "second", "x", "nan", "inf", "-inf nm", "1e999 nm", "1__0 nm", "0x10 nm", "9**9**9",
    "9**9**9 nm", "1 nm + 1 nm", "(1 nm)", "__import__('os').system('touch hacked')", "1 nm; import os", "¹ nm", "٣ nm",
    "1 \u200bnm", "\ud7ff", "\U0001f600", "\x7f", "a\nb", "", " ", "x" * 1000, "%s%n{0}", "wall.py", "../wall.py",
    "a_folder", "none.py", "binary.toml", "/dev/null", "spin_current.total.z.dc", "spin_density.local.x.cos1",
    "spin_current.total.z.dc.dc",
]  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(WORDS),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    st.builds("{} {}".format, NUMBERS, st.sampled_from(UNITS)),
)
KEYS = st.sampled_from(
    sorted(
        {
            key
            for base in BASES
            for table in (base, *base.values())
            if isinstance(table, dict)
            for key in table
        }
    )
) | st.text(string.ascii_letters + "_é.", max_size=12)
VALUES = st.recursive(
    NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)


def literal(value):
    """TOML text of a value, tables inline."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(str(key))} = {literal(part)}" for key, part in value.items()) + "}"
    return repr(value) if isinstance(value, int) else repr(value).replace("e+", "e")


def toml(deck):
    return "".join(f"{literal(str(key))} = {literal(value)}\n" for key, value in deck.items())


def tables(value):
    """All tables of a deck, however deep."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from tables(part)
    elif isinstance(value, list):
        for part in value:
            yield from tables(part)


@st.composite
def decks(draw):
    """A good deck with some of it changed, taken away, put elsewhere or made up."""
    deck = json.loads(json.dumps(draw(st.sampled_from(BASES))))
    for _ in range(draw(st.integers(1, 3))):
        table = draw(st.sampled_from(list(tables(deck))))
        key = draw(st.sampled_from(sorted(table)) if table and draw(st.booleans()) else KEYS)
        change = draw(st.integers(0, 5))
        if change == 0:
            table.pop(key, None)
        elif change == 1 and isinstance(table.get(key), str):
            table[key] = draw(st.sampled_from(["-", "1e30 ", "0 ", ""])) + table[key]
        elif change == 2:
            table[key] = draw(NUMBERS)
        elif change == 3:
            table[key] = draw(TEXTS)
        else:
            table[key] = draw(VALUES)
    return toml(deck)


def tried(folder, data):
    """Check a deck; where it is refused, running it is as well, and leaves nothing behind."""
    (folder / "fuzz.toml").write_bytes(data)
    before = set(os.listdir(folder))
    status = answer("check", "fuzz.toml", statuses=(0, 2))
    if status == 2:
        assert answer("run", "fuzz.toml", "--quiet", statuses=(2,)) == 2
        assert answer("replay", "fuzz.toml", "--walker", 0, statuses=(2,)) == 2
    else:
        answer("run", "fuzz.toml", "--quiet", statuses=(99, 2))
    assert set(os.listdir(folder)) - {"__pycache__"} == before - {"__pycache__"}


@many
@given(deck=decks())
def test_decks(folder, deck):
    tried(folder, deck.encode())


@many
@given(deck=VALUES)
@example(deck={"electrons": {"exchange": {"a": {"b": {"c": {}}}}}})
def test_decks_of_anything(folder, deck):
    tried(folder, toml(deck if isinstance(deck, dict) else {"a": deck}).encode())


@many
@given(data=st.data())
def test_damaged_deck_texts(folder, data):
    text = bytearray((folder / f"{data.draw(st.sampled_from(sorted(DECKS)))}.toml").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(at, min(len(text), at + 20)))
        text[at:end] = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"[[", b"]", b"= ", b"\n", b'"""', b"."])
        )
    tried(folder, bytes(text))


@pytest.mark.parametrize("depth", [10, 100, 1000, 100_000])
@pytest.mark.parametrize(("left", "right"), [("[", "]"), ("{a=", "}"), ("{a=[", "]}")])
def test_deep_decks(depth, left, right, folder):
    for place in ("a", "electrons.exchange", "run.walkers", "layer", "texture.axis"):
        tried(folder, f"{place} = {left * depth}1{right * depth}\n".encode())
    tried(folder, ("a." * depth + "a = 1\n").encode())


def test_long_decks(folder):
    tried(folder, b"a = " + b"9" * 100_000)
    tried(folder, b"a = '" + b"x" * 1_000_000 + b"'")
    tried(folder, b"\n".join(b"key%d = 1" % i for i in range(20_000)))


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")
def test_a_deck_without_end(folder):
    for command in ("check", "run"):
        assert answer(command, "/dev/zero", statuses=(2,)) == 2
    assert answer("check", "user.toml", "--set", "texture.file=/dev/zero", statuses=(2,)) == 2


# --- a texture file is a program --------------------------------------------------------------------------------

PROGRAM = "open('ran', 'a').close()\ndef S(x, y, z, t):\n    return 0.0, 0.0, 1.0\n"


def test_a_texture_file_runs_only_when_a_deck_names_it(folder):
    (folder / "program.py").write_text(PROGRAM)
    for name in ("junction", "pulse", "planar", "user"):
        answer("check", f"{name}.toml", statuses=(0,))
    answer("check", "junction.toml", "--set", "texture.file=program.py", statuses=(2,))
    answer(
        "check",
        "user.toml",
        "--set",
        "texture.file=program.py",
        "--set",
        "electrons.exchange=x",
        statuses=(2,),
    )
    answer("show", "out.h5", statuses=(0,))
    answer("run", "--resume", "early.h5", statuses=(99,))
    answer("run", "--resume", "early.h5", "--set", "texture.file=program.py", statuses=(2,))
    assert not (folder / "ran").exists()
    answer("check", "user.toml", "--set", "texture.file=program.py", statuses=(0, 2))
    assert (folder / "ran").exists()
    (folder / "ran").unlink()


def test_no_pickle_and_no_eval():
    """Compiled kernels alone are pickled, in a folder that `kernel_folder` guards."""
    words = ("pickle", "marshal", "shelve", "eval(", "allow_pickle", "yaml")
    for path in sorted(Path(mcpump.__file__).parent.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        kernels = path.name in ("kernel_cache.py", "kernel_folder.py")
        assert [word for word in words if word in text] == ["pickle"] * kernels, path.name
        assert ("exec(" in text.replace('"exec"', "")) <= (path.match("textures/user.py")), path.name


# --- command lines ---------------------------------------------------------------------------------------------

FILES = ["junction.toml", "pulse.toml", "stop.toml", "planar.toml", "binary.toml", "out.h5", "early.h5", "pulse.h5",
         "part.h5", "a_folder", "none.toml", "new.h5", "a_folder/new.h5", "no/new.h5", "", ".", "-", "/dev/null",
         "no\nthing", "é.h5", "\udcff.h5", "x" * 300]  # fmt: skip
TOKENS = st.sampled_from(
    ["run", "merge", "check", "show", "replay", "example", "-o", "--output", "--resume", "--part", "--max-time",
     "--walkers", "--rel-err", "--seed", "--threads", "--checkpoint-every", "--save-every", "--log-level", "debug",
     "--progress", "bar", "lines", "--quiet", "--overwrite", "--set", "--unset", "--plain", "--csv", "--walker",
     "--lines", "--help", "--version", "--", "junction", "1/2", "2/2", "7/3", "90", "30 min", "1:00", "0", "1", "-1",
     "1e3", "nan", "inf", "x",
     "run.walkers=5", "run.stop.at=5", "texture=3", "run=1", "electrons.exchange=0.06", "layer[0].start=1", "a.b.c=[1",
     "=", "=1", "a=", "run..walkers=1", "results.planes=[]", "9" * 30, "9" * 5000, *FILES]
)  # fmt: skip
VALUE = TOKENS | st.text(st.characters(exclude_characters="\x00"), max_size=12)
OPTIONS = {
    "run": [
        "--resume", "--part", "--max-time", "--walkers", "--rel-err", "--seed", "--threads", "--save-every", "--set",
        "--unset", "--plain",
    ],
    "check": ["--set", "--unset"], "show": ["--csv", "--plain"], "merge": ["-o", "--overwrite"],
    "replay": ["--walker", "--lines", "--set"],
    "example": [],
}  # fmt: skip


@st.composite
def command_lines(draw):
    """What a user might type, right and wrong."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.lists(VALUE, max_size=7))
    command = draw(st.sampled_from(sorted(OPTIONS)))
    words = [command, *draw(st.lists(st.sampled_from(FILES), max_size=2))]
    if command == "merge":
        words += ["-o", draw(st.sampled_from(FILES))]
    if command == "replay":
        words += ["--walker", draw(VALUE)]
    if OPTIONS[command]:
        for option in draw(st.lists(st.sampled_from(OPTIONS[command]), max_size=3)):
            words += [option, draw(VALUE)]
    return words


@many
@given(words=command_lines())
@example(words=["run", "--resume", "early.h5", "--rel-err", "0.01"])
@example(words=["run", "--resume", "early.h5", "--set", "texture=3"])
@example(words=["run", "--resume", "early.h5", "--rel-err", "0.01", "--set", "run=3"])
@example(words=["run", "pulse.toml", "--rel-err", "0.01"])
@example(words=["run", "junction.toml", "--max-time", "9" * 400 + ":00:00"])
@example(words=["run", "--resume", "x" * 300])
@example(words=["merge", "out.h5", "-o", "a_folder"])
@example(words=["replay", "junction.toml", "--walker", "9" * 30])
@example(words=["replay", "junction.toml", "--walker", "-1"])
@example(words=["show", "\udcff.h5"])
def test_command_lines(folder, words):
    before = contents(folder)
    status = answer(*words, statuses=(0, 2, 99))
    if status == 0:  # may have written: examples, merged files
        for name in contents(folder).keys() - before.keys():
            (folder / name).unlink()
        for name, data in before.items():
            (folder / name).write_bytes(data)
    else:
        assert contents(folder) == before


# --- results files ---------------------------------------------------------------------------------------------

COMMANDS = [
    ("show", "fuzz.h5"), ("show", "fuzz.h5", "--csv"), ("run", "--resume", "fuzz.h5", "--quiet"),
    ("run", "junction.toml", "--resume", "fuzz.h5", "--quiet", "-o", "new.h5"),
    ("merge", "fuzz.h5", "part.h5", "-o", "new.h5"), ("merge", "part.h5", "fuzz.h5", "-o", "new.h5"),
]  # fmt: skip


def refused_everywhere(folder, data):
    (folder / "fuzz.h5").write_bytes(data)
    before = contents(folder)
    for command in COMMANDS:
        assert answer(*command, statuses=(2,)) == 2
    assert contents(folder) == before
    (folder / "fuzz.h5").unlink()


@many
@given(data=st.data())
def test_damaged_results_files(folder, data):
    image = bytearray((folder / data.draw(st.sampled_from(["early.h5", "part.h5", "pulse.h5"]))).read_bytes())
    original = bytes(image)
    for _ in range(data.draw(st.integers(1, 3))):
        kind, at = data.draw(st.integers(0, 4)), data.draw(st.integers(0, len(image) - 1))
        if kind == 0:
            image[at] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == 1:
            image[at : at + 8] = data.draw(st.binary(max_size=16))
        elif kind == 2:
            other = data.draw(st.integers(0, len(image)))
            image[at : at + 64] = image[other : other + 64]
        elif kind == 3:
            image += data.draw(st.binary(min_size=1, max_size=200))
        else:
            del image[data.draw(st.integers(8, len(image))) :]
            break
    if bytes(image) == original or (not image.endswith(original[-10:]) and len(image) > len(original) - 200):
        return  # nothing has changed, or only the seal is torn: the next test
    refused_everywhere(folder, bytes(image))


@many
@given(data=st.binary(max_size=2000), start=st.sampled_from([b"", b"\x89HDF\r\n\x1a\n", b"\x00" * 512]))
def test_results_files_of_anything(folder, data, start):
    refused_everywhere(folder, start + data)


JUNK = [
    3,
    -1.5,
    "junk",
    b"\xff\xfe",
    np.array([1, 2]),
    np.zeros((0,)),
    "",
    "json:{",
    np.nan,
    "[1",
    "\u00e9",
    2**63,
]
PARTS = ["seed", "name", "resolved", "regime", "warnings", "notes", "complete", "message", "blocks", "walkers", "flights",
         "schema_version", "mcpump_version", "type"]  # fmt: skip


@many
@given(data=st.data())
def test_edited_results_files(folder, data):
    """HDF5 that is sound, but not what mcpump wrote: it may be shown, or not; it is never gone on with."""
    source = data.draw(st.sampled_from(["early.h5", "part.h5", "pulse.h5"]))
    image = io.BytesIO((folder / source).read_bytes())
    with h5py.File(image, "r+") as file:
        names = []
        file.visit(names.append)
        for _ in range(data.draw(st.integers(1, 3))):
            name, junk = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(JUNK))
            kind = data.draw(st.integers(0, 4))
            if kind == 0 and name in file:
                del file[name]
            elif kind == 1 and name in file:
                del file[name]
                file[name] = junk
            elif kind == 2:
                file.attrs[data.draw(st.sampled_from(PARTS))] = junk
            elif kind == 3:
                file.attrs.pop(data.draw(st.sampled_from(PARTS)), None)
            elif name in file and len(file[name].attrs):
                file[name].attrs[data.draw(st.sampled_from(sorted(file[name].attrs)))] = junk
    (folder / "fuzz.h5").write_bytes(image.getvalue())
    before = contents(folder)
    for command in COMMANDS:
        answer(*command, statuses=(0, 2) if command[0] == "show" else (2,))
    assert contents(folder) == before


def test_structures_that_crash_hdf5_are_not_read(folder, tmp_path):
    """Bits flipped in a file without a seal: in a process of its own, for the library may crash."""
    code = (
        "import sys, numpy as np; from mcpump import cli\n"
        "image = bytearray(open('early.h5', 'rb').read().rpartition(b'\\nsha256')[0])\n"
        "chance = np.random.default_rng(1)\n"
        "for turn in range(300):\n"
        "    damaged = bytearray(image)\n"
        "    for place in chance.integers(len(image), size=3): damaged[place] ^= 1 << int(place) % 8\n"
        "    open(sys.argv[1], 'wb').write(damaged)\n"
        "    status = cli.main(['run', '--resume', sys.argv[1], '--quiet']); assert status == 2, status\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "fuzz.h5"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_every_results_file_is_left_as_it_is(folder):
    for name in ("out.h5", "early.h5", "pulse.h5", "part.h5"):
        assert results.read(name, sealed=True).blocks > 0
    assert shutil.which("hacked") is None
    assert not (folder / "hacked").exists()
