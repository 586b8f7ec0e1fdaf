"""Errors that a user can mend: each carries one sentence, which the command line prints as it is."""


class McpumpError(Exception):
    """Base of the errors that mcpump raises on purpose; its text is one sentence for the user."""


class InputError(McpumpError):
    """A deck, an option or a file that cannot be used: names the key, the value and what is accepted (status 2)."""


class ResultsFileError(McpumpError):
    """A results file that is foreign, damaged, or may not be overwritten (status 2)."""
