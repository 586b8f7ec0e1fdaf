"""Progress of a run: a bar on a terminal, plain dated lines in a job's log."""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import time
import warnings
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from mcpump import console

if TYPE_CHECKING:
    from tqdm import tqdm

    from mcpump.simulate.engine import Progress

LINE_EVERY = 10.0
"""Seconds between lines where there is no terminal."""


log = logging.getLogger("mcpump")
LEVELS = ("debug", "info", "warning", "error")


def start_log(level: str, rank: int = 0, size: int = 1) -> None:
    """Send the log to standard error: plain on a terminal, dated elsewhere; ranks above 0 speak at level debug only.

    Parameters
    ----------
    level : str
        One of `LEVELS`.
    rank, size : int
        This process and the number of processes.
    """
    form = "%(message)s" if sys.stderr.isatty() else "%(asctime)s %(message)s"
    if level == "debug" and size > 1:
        form = f"[rank {rank}] {form}"
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(form, "%Y-%m-%d %H:%M:%S"))
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.CRITICAL if rank > 0 and level != "debug" else level.upper())


class Display:
    """Shows how far a run is: walkers, walkers/s, time left, and the error that the stop rule looks at."""

    def __init__(self, bar: bool | None = None) -> None:
        """Show a bar, or lines; by default a bar on a terminal only."""
        self.shown, self.terminal = (
            log.isEnabledFor(logging.INFO),
            sys.stderr.isatty() if bar is None else bar,
        )
        self.started = self.last_line = time.monotonic()
        self.last_error = 0.0
        self.bar: tqdm[NoReturn] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            with contextlib.suppress(OSError, ValueError):
                self.bar.close()

    def __call__(self, progress: Progress) -> None:
        """Take note of a finished block; what cannot be shown does not end the walk."""
        if self.shown:
            try:
                self._show(progress)
            except Exception as error:
                self.shown = False
                log.debug(f"no more progress is shown: {error}")

    def _show(self, progress: Progress) -> None:
        if self.terminal:
            self._move_bar(progress)
        elif time.monotonic() - self.last_line >= LINE_EVERY or progress.blocks == progress.total:
            self.last_line = time.monotonic()
            self.say(self.line(progress))

    def say(self, text: str) -> None:
        """Tell one line."""
        log.info(text)

    def _move_bar(self, progress: Progress) -> None:
        if self.bar is None:
            with warnings.catch_warnings(
                action="ignore"
            ):  # of notebooks without ipywidgets, which get a plain bar
                from tqdm.auto import tqdm  # not before it is needed: --help is to be instant

            per_block = progress.walkers // progress.blocks
            self.bar = tqdm(
                total=progress.total * per_block, unit=" walkers", unit_scale=True, desc="walking"
            )
        if time.monotonic() - self.last_error > 1.0:
            self.last_error = time.monotonic()
            error = progress.relative_error()
            if math.isfinite(error):
                self.bar.set_postfix_str(f"relative error {error:.2g}", refresh=False)
        self.bar.update(progress.walkers - self.bar.n)

    def line(self, progress: Progress) -> str:
        """One plain line: how far, how fast, how long still."""
        passed = max(time.monotonic() - self.started, 1e-9)
        left = passed * (progress.total - progress.blocks) / progress.blocks
        text = (
            f"{progress.walkers} walkers, {100 * progress.blocks / progress.total:.0f} %, "
            f"{progress.walkers / passed:.3g} walkers/s, {left:.0f} s left"
        )
        error = progress.relative_error()
        if math.isfinite(error):
            text += f", relative error {error:.2g}"
        return text


class Bar(Display):
    """Display for Python: a bar in a terminal or a notebook, lines elsewhere, whatever the log is set to."""

    def __init__(self, shown: bool) -> None:
        super().__init__(sys.stderr.isatty() or "ipykernel" in sys.modules)
        self.shown = shown

    def say(self, text: str) -> None:
        """Tell one line."""
        if self.shown:
            console.tell(text)
