"""The memory that `mcpump check` tells, beside the peak of a run: ten decks, threads and ranks included."""

import re
import subprocess

import pytest
from jobs import MPIRUN, NO_MPIRUN, ranks
from runs import JUNCTION, PLANAR, PULSE, TRANSIENT, USER, WALL, good

NEAR = 0.25
"""Share by which the forecast may be off."""
PEAK = """
import re, sys
from mcpump import cli
from mcpump.machine import launcher_rank
status = cli.main(sys.argv[1:])
assert status in (0, 75), status
# not getrusage's, which a process inherits from the one that started it
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(f"peak {launcher_rank()} {peak}\\n", end="", flush=True)
"""


def changed(text, **numbers):
    """A deck with other numbers: cells__10=40000 is cells = 10 → 40000."""
    for name, value in numbers.items():
        key, old = name.split("__")
        assert f"{key} = {old}\n" in text
        text = text.replace(f"{key} = {old}\n", f"{key} = {value}\n")
    return text


def planes(count):
    """The junction with many planes, and a cell for each."""
    places = ", ".join(f"{10 * (i + 1) / count:.10g}" for i in range(count))
    return JUNCTION.replace("[5, 10]", f"[{places}]").replace("cells = 10\n", f"cells = {count}\n")


CHANNELS = '[results]\nchannels = ["first", "second", "second_ladder", "exact"]\n'
DECKS = {
    "junction": JUNCTION,
    "cells": changed(JUNCTION, cells__10=10_000),
    "channels": changed(JUNCTION, cells__10=5000).replace("[results]\n", CHANNELS),
    "harmonics": changed(JUNCTION, cells__10=5000).replace("[results]\n", "[results]\nharmonics = 3\n"),
    "planes": planes(2000),
    "many planes": planes(5000),
    "pulse": changed(PULSE, cells__10=1000, time_bins__4=100),
    "transient": changed(TRANSIENT, cells__6=500, time_bins__5=40),
    "planar": changed(PLANAR, cells__4=50, cells__3=50),
    "user": None,
}


def forecast(folder, *threads):
    """What `check` tells of the run, and of each further rank [bytes]."""
    out, _ = good("check", folder / "deck.toml", *threads)
    first, further = re.search(r"memory about (\S+) GB .* each further rank about (\S+) GB", out).groups()
    return float(first) * 1e9, float(further) * 1e9


def peaks(folder, count, *threads):
    """Largest memory of each rank of a run [bytes]; kernels are compiled before."""
    command = [*ranks(count, ("-c", PEAK)), "run", "deck.toml", "--overwrite", "--quiet", *map(str, threads)]
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
    return {
        int(rank): int(size) for rank, size in re.findall(r"^peak (\d+) (\d+)$", done.stdout, re.MULTILINE)
    }


def furnished(name, folder):
    text = DECKS[name]
    if text is None:
        text = changed(USER, cells__8=2000)
        (folder / "wall.py").write_text(WALL)
    few = re.sub(r"walkers = \d+", "walkers = 2048", text)  # 16 blocks
    (folder / "deck.toml").write_text(few.replace("walkers_per_block = 64", "walkers_per_block = 128"))


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("name", DECKS)
def test_memory_is_as_check_tells(name, threads, tmp_path):
    furnished(name, tmp_path)
    told, _ = forecast(tmp_path, "--threads", threads)
    assert told == pytest.approx(peaks(tmp_path, 0, "--threads", threads)[0], rel=NEAR)


@pytest.mark.slow
@pytest.mark.skipif(MPIRUN is None, reason=NO_MPIRUN)
@pytest.mark.parametrize("name", ["junction", "cells", "planes"])
def test_memory_of_ranks_is_as_check_tells(name, tmp_path):
    furnished(name, tmp_path)
    first, further = forecast(tmp_path, "--threads", 1)
    found = peaks(tmp_path, 2, "--threads", 1)
    assert first == pytest.approx(found[0], rel=NEAR)
    assert further == pytest.approx(found[1], rel=NEAR)
