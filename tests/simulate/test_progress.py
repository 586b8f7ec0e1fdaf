"""The bar on a terminal, and the lines elsewhere."""

import logging
import math
import re
import sys
from typing import NamedTuple

import pytest

from mcpump.simulate import progress
from mcpump.simulate.progress import Display, start_log


class Step(NamedTuple):
    """How far a run is."""

    blocks: int
    error: float
    total: int = 8

    @property
    def walkers(self):
        return 100 * self.blocks

    def relative_error(self):
        return self.error


STEPS = [Step(1, math.nan), Step(4, 0.25), Step(8, 0.125)]


@pytest.fixture
def log():
    """The log as it was, afterwards."""
    kept = progress.log.handlers[:], progress.log.level, progress.log.propagate
    yield progress.log
    progress.log.handlers[:], progress.log.propagate = kept[0], kept[2]
    progress.log.setLevel(kept[1])


def shown(capsys, level="info"):
    """What a run of three steps shows on standard error."""
    start_log(level)
    with Display() as display:
        for step in STEPS:
            display.last_error = 0.0
            display(step)
    return capsys.readouterr().err


def test_a_bar_on_a_terminal(capsys, log, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    text = shown(capsys)
    assert "\r" in text
    last = text.rstrip("\n").rpartition("\r")[2]
    assert last.startswith("walking: 100%")
    assert "800/800" in last
    assert "relative error 0.12" in last
    assert "nan" not in text


def test_lines_elsewhere(capsys, log, monkeypatch):
    [last] = shown(capsys).splitlines()  # ten seconds apart, but the last is always told
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d 800 walkers, 100 %, \S+ walkers/s, 0 s left, relative error 0.12",
        last,
    )
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    lines = shown(capsys).splitlines()
    assert len(lines) == len(STEPS)
    assert "100 walkers, 12 %" in lines[0]
    assert "relative error" not in lines[0]


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_where_the_log_is_quiet(terminal, capsys, log, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    assert shown(capsys, "warning") == ""


@pytest.mark.parametrize(
    ("level", "rank", "wanted"), [("info", 0, True), ("info", 1, False), ("debug", 1, True)]
)
def test_ranks_above_0_are_silent_but_for_debug(level, rank, wanted, capsys, log):
    start_log(level, rank, 2)
    assert log.isEnabledFor(logging.ERROR) == wanted
    log.error("said")
    assert ("said" in capsys.readouterr().err) == wanted
