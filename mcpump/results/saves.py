"""The file of a run under way: saved now and then, and at the end."""

from __future__ import annotations

import os
from collections.abc import Callable

from mcpump.errors import ResultsFileError
from mcpump.results.file import write
from mcpump.simulate.progress import log
from mcpump.tally.estimates import Result


class Saves:
    """Writes the results of a run to its file; what it has written once it may replace."""

    def __init__(
        self, path: str | os.PathLike[str], overwrite: bool, complain: Callable[[str], None]
    ) -> None:
        self.path, self.overwrite, self.complain = path, overwrite, complain

    def on_the_way(self, result: Result) -> None:
        """Save; a full disk does not end the walk, the file is as it was."""
        try:
            self.write(result)
            log.debug(f"saved {result.blocks} blocks")
        except ResultsFileError as error:
            self.complain(f"{error} The walk goes on; the file is as it was.")

    def write(self, result: Result) -> None:
        """Write the file, or say why not."""
        write(result, self.path, self.overwrite)
        self.overwrite = True
