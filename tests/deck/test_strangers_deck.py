"""A deck that somebody else has made: what it names is a file, ends, and says nothing to a terminal."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from runs import CHILD, JUNCTION, USER, WALL, refused, time_limit

from mcpump import console, errors
from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import override, parse, read_toml
from mcpump.errors import InputError
from mcpump.textures import ovf_series
from mcpump.textures.ovf import Mesh, read_ovf, write_ovf

OVF = USER[: USER.index("[texture]")] + '[texture]\nkind = "ovf"\nfiles = "{files}"\n{more}'
DOTS = 30_000


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wall.py").write_text(WALL)
    for i in range(3):
        write_ovf(f"m{i}.ovf", np.full((1, 1, 4, 3), 0.5), Mesh((4, 1, 1), (2.0,) * 3, (0.0,) * 3), float(i))
    os.mkfifo("pipe")
    return tmp_path


# --- files without an end ---------------------------------------------------------------------------------------


def test_a_deck_in_a_silent_pipe_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(errors, "SILENT", 0.1)
    with pytest.raises(
        InputError, match=r"deck .*pipe.* cannot be read: nothing came through this pipe for 0\.1 s"
    ):
        read_toml("pipe")


def test_a_deck_may_come_slowly_through_a_pipe(monkeypatch):
    monkeypatch.setattr(errors, "SILENT", 5.0)
    writer = subprocess.Popen(["sh", "-c", 'sleep 0.2; printf "a = 1\n" > pipe'])
    assert read_toml("pipe") == {"a": 1}
    assert writer.wait() == 0


@pytest.mark.parametrize("file", ["pipe", "/dev/zero", "."])
@pytest.mark.parametrize(
    "text",
    [USER.replace("wall.py", "{file}"), OVF.format(files="m*.ovf", more='table = "{file}"\n'),
     OVF.format(files="{file}", more="")],
    ids=["texture", "table", "snapshot"],
)  # fmt: skip
def test_no_device_or_pipe_is_waited_for(text, file):
    if 'files = "{file}"' in text and file == ".":
        return  # a folder of snapshots
    Path("deck.toml").write_text(text.replace("{file}", file))
    sentence = refused("check", "deck.toml", seconds=20)
    assert any(word in sentence for word in ("a device or a pipe", "Is a directory", "names no file"))


def test_a_deck_may_come_through_a_pipe():
    command = f"{sys.executable} -m mcpump check <(cat deck.toml)"
    Path("deck.toml").write_text(JUNCTION + "oops = 1\n")
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert "oops" in done.stderr


# --- what takes long -------------------------------------------------------------------------------------------

LONG_KEYS = {
    "bare": "a." * DOTS + "a = 1",
    "spaces": "a . " * DOTS + "a = 1",
    "quoted": '"=".' * DOTS + "a = 1",
    "literal": "'#'." * DOTS + "a = 1",
    "table": "[" + "a." * DOTS + "a]",
    "in a table": "x = {" + "a." * DOTS + "a = 1}",
    "behind a long text": 'x = {a = """\n""", ' + '"=".' * DOTS + "b = 1}",
    "line separators": '"\u2028".' * DOTS + "a = 1",
}


@pytest.mark.parametrize("text", LONG_KEYS.values(), ids=LONG_KEYS)
def test_keys_of_many_dots(text):
    with time_limit(5), pytest.raises(InputError, match="nested too deeply"):
        parse(text, "it")


@pytest.mark.parametrize(
    "text",
    ["a." * DOTS + "a=1", "run.walkers={" + "a." * DOTS + "a=1}", "run.walkers={" + '"=".' * DOTS + "a=1}"],
)
def test_keys_of_many_dots_on_the_command_line(text):
    Path("deck.toml").write_text(JUNCTION)
    assert len(refused("check", "deck.toml", "--set", text, seconds=20)) < 400


def test_dots_in_texts_numbers_and_comments_are_no_keys():
    numbers = ", ".join(["0.5"] * 1000)
    text = f'# {"." * 500}\na = [{numbers}] # {"." * 500}\nb = \'{"." * 500}\'\nc = """\n{"." * 500}\\""""\n'
    assert len(parse(text, "it")["a"]) == 1000
    with pytest.raises(InputError, match="its key has 200 dots"):
        override({}, ["a." * 200 + "a=1"])


@pytest.mark.parametrize("blank", ["\n", " \n", "\t", "#\n", "\r\n", "# \t"])
def test_a_megabyte_of_blank_lines_in_snapshots(blank):
    write_ovf(
        "text.ovf", np.full((1, 1, 4, 3), 0.5), Mesh((4, 1, 1), (2.0,) * 3, (0.0,) * 3), representation="text"
    )
    text = Path("text.ovf").read_text().replace("# End: Data", blank * 1_000_000 + "\n# End: Data")
    Path("text.ovf").write_text(text)
    with time_limit(5):
        assert np.all(read_ovf("text.ovf").vectors() == 0.5)


def test_no_pattern_walks_the_disk(monkeypatch):
    for i in range(30):
        Path(f"a{i}/b/c").mkdir(parents=True)
        Path(f"a{i}/b/c/m.ovf").touch()
    assert len(ovf_series.find_files("a*/*/*/m.ovf")) == 30
    monkeypatch.setattr(ovf_series, "MOST_FOLDERS", 20)
    with pytest.raises(InputError, match="looks into more than 20 folders"):
        ovf_series.find_files("*/*/*/m.ovf")
    monkeypatch.setattr(ovf_series, "MOST_FILES", 2)
    with pytest.raises(InputError, match="names more than 2 files"):
        ovf_series.find_files("m*.ovf")


def test_a_pattern_of_the_whole_disk():
    with (
        time_limit(60),
        pytest.raises(InputError, match=r"looks into more than|names more than|names no file"),
    ):
        ovf_series.find_files("/*/*/*/*/*/*/*/*/*.ovf")


# --- instructions to terminals ---------------------------------------------------------------------------------

ESCAPE = "\x1b]0;owned\x07"


@pytest.mark.parametrize("odd", [ESCAPE, "a\nb", "\x9b31m", "\u202eb", "a\rb"])
@pytest.mark.parametrize(
    "deck",
    [lambda odd: {odd: 1}, lambda odd: {"layer": [{"name": odd, "start": 3.0}]},
     lambda odd: {"texture": {"kind": "ovf", "files": ["m0.ovf", odd]}}, lambda odd: {"a": {odd: {"b": 1}}}],
    ids=["key", "layer", "array", "table"],
)  # fmt: skip
def test_a_deck_holds_no_instructions(deck, odd):
    with pytest.raises(InputError, match="holds a control character") as caught:
        deck_from_dict(deck(odd))
    assert str(caught.value).isprintable()


def test_nothing_reaches_the_terminal(here):
    name = f"{ESCAPE}.toml"
    Path(name).write_text(JUNCTION.replace("walkers = 4096", 'walkers = "\\u001b[31m"'))
    environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
    for words in (
        ["check", name],
        ["check", "no" + name],
        ["run", "--resume", name],
        [ESCAPE],
        ["show", name],
    ):
        done = subprocess.run([*CHILD, *words], capture_output=True, timeout=60, env=environment)
        assert done.returncode == 2
        assert b"\x1b" not in done.stdout + done.stderr
        assert b"\x07" not in done.stdout + done.stderr
        assert b"owned" in done.stderr or b"control" in done.stderr


def test_console_writes_instructions_out(capsys):
    console.prepare()
    print("ℓ a\tb\n\x1b[31m\r\x9b\u202e", end="")
    print("\rbar\x1b", end="", file=sys.stderr)
    out, err = capsys.readouterr()
    assert out == "ℓ a\tb\n\\x1b[31m\\r\\x9b\\u202e"
    assert err == "\rbar\\x1b"


# --- names -----------------------------------------------------------------------------------------------------


def test_a_deck_that_looks_like_an_option(here):
    Path("-x.toml").write_text(JUNCTION)
    for words in (["./-x.toml", "--list"], ["--list", "--", "-x.toml"]):
        done = subprocess.run(
            [*CHILD, "sweep", "--vary", "run.seed=1,2", *words], capture_output=True, text=True, timeout=60
        )
        assert [line.partition(" --set ")[0] for line in done.stdout.splitlines()] == [
            "mcpump run ./-x.toml"
        ] * 2
        assert all(" --output ./-x-sweep/" in line for line in done.stdout.splitlines())


def test_the_commands_of_a_sweep_are_a_line_each():
    Path("a\nb.toml").write_text(JUNCTION)
    assert "line break" in refused("sweep", "a\nb.toml", "--vary", "run.seed=1,2", "--list")
