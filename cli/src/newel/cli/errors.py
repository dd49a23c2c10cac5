"""How a command ends when it cannot do what it was asked."""


class CliError(Exception):
    """One clear line for stderr and the exit code that goes with it (1 unless documented otherwise)."""

    def __init__(self, message: str, *, code: int = 1, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class UsageError(CliError):
    """The words on the command line do not fit the command."""
