"""Errors that a user can mend: each carries one sentence, which the command line prints as it is."""


class McpumpError(Exception):
    """Base of the errors that mcpump raises on purpose; its text is one sentence for the user."""

    status = 2
    """Exit status of the command line."""


class InputError(McpumpError):
    """A deck, an option or a file that cannot be used: names the key, the value and what is accepted (status 2)."""


class ResultsFileError(McpumpError):
    """A results file that is foreign, damaged, or may not be overwritten (status 2)."""


class RangeError(McpumpError, FloatingPointError):
    """A block's sum that is not finite, or too large for the exact sums (status 1)."""

    status = 1


class WalkerError(McpumpError):
    """A walker that flies without an end or meets a number that is not finite (status 1)."""

    status = 1

    def __init__(self, walker: int, what: str, first_flight: bool = False) -> None:
        shown = f"`mcpump replay DECK --walker {walker}` shows its way"
        super().__init__(
            f"first flight {walker} of the local part {what}"
            if first_flight
            else f"walker {walker} {what}: {shown}"
        )
        self.walker = walker
