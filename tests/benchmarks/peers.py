"""OpenMC and MC/DC on the plane pulse, where they are installed, by the decks of a folder.

Both run in a process of their own, with the Python that has them: this one, or one that is told.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rows import Sizes

DECKS = Path(os.environ.get("MCPUMP_PEERS", "peers"))
"""Folder of the peers' decks: openmc_azurv1.py, mcdc_azurv1.py."""
LONGEST = 300.0
"""Seconds after which a peer is given up; MC/DC compiles for one to three minutes in every process."""
READ_MCDC = """
import h5py, numpy
with h5py.File("mcdc_azurv1.h5") as f:
    numpy.savez("mcdc.npz", mean=f["tallies/pulse/flux/mean"][()], error=f["tallies/pulse/flux/sdev"][()])
"""


class Peer(NamedTuple):
    """A peer: its module, the ratio wanted, and histories per CPU second measured elsewhere."""

    module: str
    target: float
    elsewhere: float


PEERS = {"OpenMC": Peer("openmc", 50.0, 74300.0), "MC/DC": Peer("mcdc", 100.0, 35200.0)}


class Found(NamedTuple):
    """What a peer gave."""

    version: str
    mean: NDArray[np.float64]
    """(cells, bins), track length per history."""
    relative_variance: NDArray[np.float64]
    seconds: float
    """CPU seconds of the walk."""
    histories: int


def peer(which: str, sizes: Sizes, folder: Path, python: str) -> Found | str:
    """Run a peer; or why it cannot be."""
    module, python = PEERS[which].module, python or sys.executable
    asked = [python, "-c", f"import {module}; print({module}.__version__)"]
    told = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False)
    if told.returncode:
        return "not installed here"
    version = told.stdout.split()[-1]
    deck = DECKS / f"{module}_azurv1.py"
    if not deck.exists():
        return f"its deck is not here ({deck.name}; MCPUMP_PEERS)"
    histories = min(4 * sizes.walkers, 10_000 * sizes.repeats**2)
    try:
        return (_openmc if module == "openmc" else _mcdc)(python, deck, folder, version, histories)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"{which}: {error}", file=sys.stderr)
        return "it does not run here"


def _openmc(python: str, deck: Path, folder: Path, version: str, histories: int) -> Found:
    batches, saved = 20, folder / "openmc.npz"
    options = ["--histories", histories, "--batches", batches, "--repeat", 3, "--save", saved]
    path = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    said = _run([python, deck, "--out", folder / "openmc", *options], folder, PATH=path)
    told = json.loads(said.splitlines()[-1])
    with np.load(saved) as file:
        mean, error = file["mean"].T, file["error"].T
    return Found(version, mean, _relative(mean, error), told["median_cpu_s"], histories)


def _mcdc(python: str, deck: Path, folder: Path, version: str, histories: int) -> Found:
    batches = 20
    options = ["--mode=numba", "--no-progress_bar", "--histories", histories // batches, "--batches", batches]
    said = _run([python, deck, *options, "--warm", 100], folder)
    told = json.loads(re.findall(r"^RESULT (.*)$", said, re.MULTILINE)[-1])
    _run([python, "-c", READ_MCDC], folder)
    with np.load(folder / "mcdc.npz") as file:
        mean, error = np.squeeze(file["mean"]), np.squeeze(file["error"])
    if mean.shape[0] != 201:
        mean, error = mean.T, error.T
    return Found(version, mean, _relative(mean, error), told["simulation_s"], told["histories"])


def _relative(mean: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return (error / mean) ** 2


def _run(command: list[object], folder: Path, **environment: str) -> str:
    """Run a program to its end; what it says."""
    words = [str(word) for word in command]
    set_ = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run(
        words, cwd=folder, env=set_, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{words[:3]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
