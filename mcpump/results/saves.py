"""The file of a run under way: saved now and then, and at the end, without a loss of what others have saved there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mcpump.errors import McpumpError, ResultsFileError
from mcpump.results.file import TakenError, image_of, mark_of, read, shown, write_image
from mcpump.simulate.checkpoint import Start, check_same_walkers, have_all, joined, overlap, ranges_of
from mcpump.simulate.engine import without_estimates
from mcpump.simulate.progress import log
from mcpump.tally.estimates import Result

PATIENCE = 10.0
"""Seconds to wait for another process that saves into the same folder."""
PAUSES = (0.5, 2.0, 5.0)
"""Seconds before the last write is tried again."""
MOST_NAMES = 1000
"""Names that are tried where a run's own is taken."""


class Saves:
    """Writes the results of a run to its file.

    The first save is never put over a file, later ones over the run's own alone: two processes may have been given one
    name. What another process has put there stays, unless it is of the same run and all its blocks are here, too; then
    nothing is lost with it. A run that finds its name taken goes on under a free one beside it.

    Parameters
    ----------
    path : path
        The file.
    overwrite : bool
        Whether what lies there now may be replaced.
    complain : callable
        Takes a sentence about a save that failed, or went elsewhere.
    start : Start, optional
        Blocks that the run goes on from: a file that has no others may be replaced.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        overwrite: bool,
        complain: Callable[[str], None],
        start: Start | None = None,
    ) -> None:
        self.path, self.complain = Path(path), complain
        self.begun = start.ranges if start else ()
        self.own = mark_of(path) if overwrite else None

    def on_the_way(self, result: Result) -> None:
        """Save; what fails, a full disk or no memory, does not end the walk: the file is as it was."""
        try:
            if self._write(result):
                log.debug(f"saved {result.blocks} blocks")
        except Exception as error:
            self.complain(f"{_sentence(error, self.path)} The walk goes on; the file is as it was.")

    def at_the_end(self, result: Result) -> Result:
        """Save; what fails is tried again for some seconds, and without estimates where memory is too small for them.

        Returns
        -------
        Result
            What was saved.

        Raises
        ------
        ResultsFileError
            If the file cannot be written.
        """
        for pause in (*PAUSES, None):
            try:
                if not self._write(result):
                    self.complain(
                        f"{shown(self.path)} holds all of this already, saved by another process: it stays as it is."
                    )
                return result
            except ResultsFileError as error:
                sentence = _sentence(error, self.path)
            except (
                Exception
            ) as error:  # no memory, which libraries tell in other words: the sums alone take less
                sentence, result = _sentence(error, self.path), without_estimates(result)
            if pause is not None:
                self.complain(f"{sentence} It is tried again in {pause:g} s.")
                time.sleep(pause)
        raise ResultsFileError(sentence)

    def _write(self, result: Result) -> bool:
        """Write the file under its name, or a free one; False where another process has saved all of it."""
        image = image_of(result)
        with _alone_in(self.path.resolve().parent):
            while True:
                there = mark_of(self.path)
                if there not in (None, self.own):
                    if self._is_kept(result):
                        return False
                    there = mark_of(self.path)
                with contextlib.suppress(TakenError):  # another process, where folders cannot be locked
                    write_image(image, self.path, overwrite=there is not None)
                    self.own = mark_of(self.path)
                    return True

    def _is_kept(self, result: Result) -> bool:
        """Whether a file that others have written has all of it; what must not be replaced sends the run elsewhere."""
        try:
            held = read(self.path, sealed=True)
            check_same_walkers(result, held, shown(self.path))
            there, here = joined(ranges_of(held)), ranges_of(result)
        except Exception:  # anybody may have put anything there: no walk is lost with it
            self._go_elsewhere("holds something else by now")
            return False
        if have_all(self.begun, there):
            return False
        same = held.resolved == result.resolved
        if same and have_all(there, here) and (there != here or held.complete):
            return True
        if not (same and have_all(here, there)):
            parts = (
                "other walkers"
                if overlap(here, there)
                else "another part, which `mcpump merge` joins with this one,"
            )
            self._go_elsewhere(f"holds {parts} of this deck by now")
        return False

    def _go_elsewhere(self, why: str) -> None:
        """Choose a free name beside the file."""
        taken, path = shown(self.path), self.path
        for number in range(2, MOST_NAMES):
            self.path = path.with_name(f"{path.stem}-{number}{path.suffix}")
            if not os.path.lexists(self.path):
                self.complain(f"{taken} {why}: this run is saved as {shown(self.path)}.")
                return
        raise ResultsFileError(f"{taken} {why}, and there are {MOST_NAMES} files beside it.")


def _sentence(error: Exception, path: Path) -> str:
    """What kept a file from being written."""
    if isinstance(error, McpumpError):
        return str(error)
    what = "out of memory" if isinstance(error, MemoryError) else f"{type(error).__name__}, {error}"
    return f"{shown(path)} cannot be written: {what}."


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time look at a file of a folder and replace it, where the file system knows locks."""
    handle = None
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        until = time.monotonic() + PATIENCE
        while not _locked(handle) and time.monotonic() < until:
            time.sleep(0.01)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _locked(handle: int) -> bool:
    """Lock an open folder, if nobody else has."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
