"""A results file that somebody else has made: it runs nothing, and takes no more memory and time than its size."""

import contextlib
import dataclasses
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from fake_result import junction
from runs import WALL, call, furnish, refused, time_limit

from mcpump import __version__, report
from mcpump.deck.read import read_deck
from mcpump.errors import InputError, ResultsFileError
from mcpump.kernel_folder import SOURCES
from mcpump.loaded import Run
from mcpump.machine import memory_of_machine
from mcpump.report.comparison import comparison_table
from mcpump.results import file as results
from mcpump.results.safe import survives

MARK = "open('ran', 'w').close()\n"


def image():
    """Bytes of a results file, without its seal."""
    return results.image_of(junction())


def crafted(path, change, sealed=True):
    """Write a results file that somebody has changed; the seal is no secret."""
    stream = io.BytesIO(image())
    with h5py.File(stream, "r+") as file:
        change(file)
    data = stream.getvalue()
    path.write_bytes(data + results._seal(data) if sealed else data)
    return path


# --- programs --------------------------------------------------------------------------------------------------


@pytest.fixture
def strangers(tmp_path, monkeypatch):
    """Folder with the parts of a run with a texture file that leaves a mark when it runs."""
    monkeypatch.chdir(furnish(tmp_path / "strangers"))
    (Path.cwd() / "wall.py").write_text(MARK + WALL)
    return Path.cwd()


def part(number, place="wall.py"):
    """Write a part of the run, whose provenance says where the texture's file was."""
    result = dataclasses.replace(
        junction(),
        resolved=read_deck("user.toml").resolved,
        provenance={"texture_file": place, "mcpump": __version__, "sources": SOURCES},
    )
    result.checkpoint["ranges"] = np.array([[number, number + 1]])
    result.checkpoint["blocks"] = np.eye(64, dtype=np.int64)[number]
    result = dataclasses.replace(result, blocks=1)
    results.write(result, f"{number}.h5", overwrite=True)
    return result


@pytest.mark.parametrize("place", ["wall.py", "{folder}/wall.py", ""])
@pytest.mark.parametrize("command", [("run", "--resume", "1.h5"), ("merge", "1.h5", "2.h5", "-o", "all.h5")])
def test_no_texture_file_runs_that_the_user_has_not_named(command, place, strangers):
    held, _ = (part(number, place.format(folder=strangers)) for number in (1, 2))
    text = refused(*command)
    assert held.deck["texture"]["sha256"] in text
    assert '"wall.py"' in text
    assert "--texture-file" in text
    assert not (strangers / "ran").exists()


def test_a_named_texture_file_runs_where_it_is_the_one_that_was_walked(strangers):
    result = dataclasses.replace(part(1), checkpoint={})
    results.write(result, "1.h5", overwrite=True)
    (strangers / "other.py").write_text(MARK + WALL.replace("1.4", "1.5"))
    assert "texture.sha256" in refused("run", "--resume", "1.h5", "--texture-file", "other.py")
    assert not (strangers / "ran").exists()
    assert "holds no sums" in refused("run", "--resume", "1.h5", "--texture-file", "wall.py")
    assert (strangers / "ran").exists()


def test_a_deck_names_its_texture_file_itself(strangers):
    part(1)
    text = refused("run", "user.toml", "--resume", "1.h5", "--texture-file", "wall.py")
    assert text.startswith("--texture-file is for a results file without its DECK")


def test_tables_and_comparisons_run_no_texture_file(strangers):
    result = part(1)
    call("show", "1.h5")
    with pytest.raises(InputError, match="texture file"):
        comparison_table(result)
    assert "file" not in Run(result).deck["texture"]
    assert not (strangers / "ran").exists()


# --- HDF5 ------------------------------------------------------------------------------------------------------


def external_storage(file):
    del file["budget_imbalance"]
    file.create_dataset("budget_imbalance", (8,), "f8", external=[("/etc/passwd", 0, 64)])


def virtual(file):
    del file["budget_imbalance"]
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "a", (4,))
    file.create_virtual_dataset("budget_imbalance", layout)


def soft_link(file):
    file["again"] = h5py.SoftLink("/budget")


def external_link(file):
    file["again"] = h5py.ExternalLink("elsewhere.h5", "/a")


def linked_group(file):
    del file["checkpoint"]
    file["checkpoint"] = h5py.ExternalLink("elsewhere.h5", "/a")


def compressed(file):
    file.create_dataset("zeros", data=np.zeros(10**6), compression="gzip")


def never_written(file):
    file.create_dataset("zeros", (4 * 10**8,), "f8")


def never_written_axis(file):
    file.create_dataset("zeros", (4 * 10**8,), "f8").make_scale("an axis")


def never_written_texts(file):
    file.create_dataset("texts", (10**9,), h5py.string_dtype())


def texts_of_a_letter(file):
    file.create_dataset("texts", data=np.full(10**6, b"x"))


def large_chunk(file):
    file.create_dataset("zeros", (1,), "f8", maxshape=(None,), chunks=(10**8,))


def many_names(file):
    for i in range(10_000):
        file[f"again{i}"] = file["spin_current"]


def texts_in_attribute(file):
    file["budget"].attrs.create("texts", np.array(["x"] * 100, object), dtype=h5py.string_dtype())


def odd_type(file):
    file["odd"] = np.zeros(3, [("a", "i4"), ("b", "f8")])


def dotted_key(file):
    file.attrs["resolved"] = "a." * 30_000 + "a = 1"


CRAFTED = {
    external_storage: "keeps the data of 'budget_imbalance' in other files",
    virtual: "takes 'budget_imbalance' from other datasets",
    soft_link: "holds a link to elsewhere, 'again'",
    external_link: "holds a link to elsewhere, 'again'",
    linked_group: "holds a link to elsewhere, 'checkpoint'",
    compressed: "holds 'zeros' compressed",
    never_written: "claims more data than its",
    never_written_axis: "claims more data than its",
    never_written_texts: "claims more data than its",
    texts_of_a_letter: "claims more data than its",
    large_chunk: "claims more data than its",
    many_names: "claims more data than its",
    texts_in_attribute: "with 100 texts",
    odd_type: "of a type that mcpump does not write",
    dotted_key: "nested too deeply",
}  # fmt: skip


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("change", CRAFTED)
def test_what_no_file_of_ours_holds_is_refused(change, sealed, tmp_path):
    file = crafted(tmp_path / "crafted.h5", change, sealed)
    with time_limit(30), pytest.raises(ResultsFileError) as caught:
        results.read(file)
    assert CRAFTED[change] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("junk", [10**10, 2**63, -1, 1.5, "x", b"\xff", np.array([1, 2]), np.zeros(0)])
def test_any_name_of_an_axis(junk, tmp_path):
    """Python makes ten billion bytes of bytes(10**10)."""

    def named(file):
        for name in ("bnds", "part", "x"):
            file[name].attrs["NAME"] = junk

    with time_limit(10):
        file = crafted(tmp_path / "named.h5", named)
        with contextlib.suppress(ResultsFileError):  # another exception fails
            assert results.read(file).blocks > 0


@pytest.mark.parametrize(
    "error", [OverflowError, ZeroDivisionError, AssertionError, RecursionError, MemoryError]
)
def test_whatever_reading_ends_in_is_one_sentence(error, tmp_path, monkeypatch):
    def failing(*_):
        raise error

    monkeypatch.setattr(results, "_result", failing)
    for sealed in (True, False):
        file = crafted(tmp_path / "odd.h5", lambda _: None, sealed)
        words = "too little memory" if error is MemoryError else "damaged"
        with pytest.raises(ResultsFileError, match=words):
            results.read(file)


def test_one_text_for_many_places(tmp_path):
    """References to one heap object, patched in by hand: HDF5 never writes such a file, and reads it."""
    stream = io.BytesIO(image())
    with h5py.File(stream, "r+") as file:
        del file["component"]
        texts = ["x" * 10**6, *[""] * 3199]
        file.create_dataset("component", data=np.array(texts, object), dtype=h5py.string_dtype())
        place = file["component"].id.get_offset()
    data = bytearray(stream.getvalue())
    data[place : place + 16 * 3200] = data[place : place + 16] * 3200
    file = tmp_path / "heap.h5"
    file.write_bytes(data + results._seal(bytes(data)))
    assert file.stat().st_size < 2_000_000
    code = (
        "import resource, sys\n"
        "from mcpump.errors import ResultsFileError\n"
        "from mcpump.results import file as results\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: results.read(sys.argv[1])\n"
        "except ResultsFileError as error: print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file], capture_output=True, text=True, timeout=60, check=True
    )
    sentence, more = done.stdout.splitlines()
    assert "claims more data" in sentence
    assert int(more) < 100_000  # kB


def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    with time_limit(10):
        for path in (tmp_path / "pipe.h5", "/dev/zero", tmp_path):
            with pytest.raises(
                ResultsFileError, match=r"cannot be read: (it is a device or a pipe|Is a directory)"
            ):
                results.read(path)


def test_a_file_larger_than_memory_is_not_read(tmp_path):
    path = tmp_path / "large.h5"
    with open(path, "wb") as stream:
        stream.write(image())
        stream.truncate(memory_of_machine() // 2)
    with time_limit(10), pytest.raises(ResultsFileError, match="more than a third of this machine's memory"):
        results.read(path)


# --- seals -----------------------------------------------------------------------------------------------------


def edited(file):
    file["budget"][...] = 1.0


@pytest.mark.parametrize("command", [("show",), ("show", "--csv"), ("export", "--ovf", "out")])
def test_every_command_says_that_a_file_has_no_seal(command, tmp_path):
    crafted(tmp_path / "edited.h5", edited, sealed=False)
    code = "import sys; from mcpump import cli; sys.exit(cli.main(sys.argv[1:]))"
    for name, said in (("edited.h5", True), ("sealed.h5", False)):
        if name == "sealed.h5":
            results.write(junction(), tmp_path / name)
        done = subprocess.run(
            [sys.executable, "-c", code, command[0], name, *command[1:], *["--overwrite"] * ("--ovf" in command)],
            cwd=tmp_path, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert ("has no checksum at its end" in done.stderr) == said


@pytest.mark.parametrize(
    "error", [KeyError("part"), AssertionError(), OverflowError("two\nlines"), ValueError()]
)
def test_a_table_that_an_edited_file_does_not_give_is_one_sentence(error, tmp_path, monkeypatch):
    """Of a file that carries a seal it is a defect of the program."""

    def failing(_):
        raise error

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "table", failing)
    crafted(tmp_path / "edited.h5", edited, sealed=False)
    text = refused("show", "edited.h5")
    assert text.startswith("edited.h5 was edited by another program, or is damaged, and cannot be used: ")
    results.write(junction(), tmp_path / "sealed.h5")
    with pytest.raises(type(error)):
        call("show", "sealed.h5")


def test_a_torn_seal_is_damage(tmp_path):
    path = tmp_path / "run.h5"
    results.write(junction(), path)
    data = path.read_bytes()
    length = len(results._seal(b""))
    for flip in range(1, length + 1):
        damaged = bytearray(data)
        damaged[-flip] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(ResultsFileError, match="is damaged: its checksum is wrong"):
            results.read(path)
    for cut in range(1, 80):
        path.write_bytes(data[:-cut])
        with pytest.raises(ResultsFileError, match="is damaged: its checksum is wrong"):
            results.read(path)


def test_a_crash_is_contained():
    assert survives(lambda: None)
    assert survives(lambda: 1 / 0)
    assert not survives(os.abort)


def test_a_crash_of_hdf5_is_one_sentence(tmp_path, monkeypatch):
    file = crafted(tmp_path / "edited.h5", edited, sealed=False)
    whole = results._result
    monkeypatch.setattr(
        results, "_result", lambda *given: os.abort() if os.getpid() != here else whole(*given)
    )
    here = os.getpid()
    with pytest.raises(ResultsFileError, match="HDF5 itself breaks down"):
        results.read(file)


# --- what is printed and written -------------------------------------------------------------------------------

ESCAPE = "\x1b]0;owned\x07"


def instructing(file):
    for name in ("name", "message", "warnings", "notes"):
        file.attrs[name] = f"{ESCAPE} first\nsecond"
    file["budget"].attrs["units"] = ESCAPE
    regime = json.loads(file.attrs["regime"])
    file.attrs["regime"] = json.dumps(
        {f"{key}{ESCAPE}": (value, ESCAPE, what) for key, (value, _, what) in regime.items()}
    )


def test_a_file_gives_no_instructions(tmp_path):
    file = crafted(tmp_path / "odd.h5", instructing)
    result = results.read(file)
    texts = [
        result.name,
        result.message,
        *result.warnings,
        *result.notes,
        *result.regime,
        result.estimates["budget"].units,
    ]
    assert all(
        text.isprintable() and ("owned" in text or "second" in text) for text in texts if text in texts[:5]
    )
    assert not any("\x1b" in text for text in texts)
    assert "\x1b" not in repr(Run(result))


def test_exported_files_stay_in_their_folder(tmp_path, monkeypatch):
    def outside(file):
        labels = [str(label) for label in file["part"].asstr()[()]]
        file["part"][...] = ["../../out", *labels[1:]]

    monkeypatch.chdir(tmp_path)
    crafted(tmp_path / "odd.h5", outside)
    assert "../../out" in refused("export", "odd.h5", "--ovf", "a/b")
    assert not list(tmp_path.rglob("*.ovf"))


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_only_a_file_is_replaced(kind, tmp_path):
    target = tmp_path / "out.h5"
    if kind == "pipe":
        os.mkfifo(target)
    elif kind == "folder":
        target.mkdir()
    else:
        target.symlink_to("/dev/null")
    before = os.stat(target)
    for act in (results.check_writable, lambda *given: results.write(junction(), *given)):
        with pytest.raises(ResultsFileError, match="not a results file"):
            act(target, True)
    assert (os.stat(target).st_mode, os.stat(target).st_ino) == (before.st_mode, before.st_ino)
    assert os.path.exists("/dev/null")


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_renewed_file_keeps_its_mode_and_owner(mode, tmp_path):
    target = tmp_path / "out.h5"
    results.write(junction(), target)
    os.chmod(target, mode)
    if os.geteuid() == 0:
        os.chown(target, 12345, 54321)
    before = os.stat(target)
    results.write(junction(), target, overwrite=True)
    after = os.stat(target)
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino
