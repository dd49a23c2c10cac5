"""What happens after each successful renewal: a command, and a signal to a process."""

import os
from typing import NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.store.files import read


class AfterRenewal(NamedTuple):
    """What to run and which process to signal after a renewal."""

    exec: str | None = None
    pid: int | None = None
    pid_file: str | None = None
    signal: int | None = None


def check(options: AfterRenewal) -> None:
    """Refuse flags that contradict each other, before a certificate is asked for."""
    if options.pid is not None and options.pid_file:
        raise UsageError("flag '--pid' and flag '--pid-file' are mutually exclusive")
    if os.name == "nt" and (options.pid is not None or options.pid_file):
        raise UsageError(
            "flag '--pid' is not supported on Windows: a signal ends the process there"
        )
    if not 0 < signal_of(options) < 65:
        raise UsageError(f"invalid value '{options.signal}' for flag '--signal'")


def signal_of(options: AfterRenewal) -> int:
    """Return the number of the signal to send, SIGHUP unless said otherwise."""
    return 1 if options.signal is None else options.signal


def act(options: AfterRenewal) -> None:
    """Run --exec (split on blanks, no shell), then sends --signal to --pid or to --pid-file's."""
    command = options.exec
    if command and command.split():
        import subprocess

        try:
            done = subprocess.run(command.split(), check=False)
        except OSError as error:
            raise CliError(f"error running '{command}': {(error.strerror or '').lower()}") from None
        if done.returncode:
            raise CliError(f"error running '{command}': exit status {done.returncode}")
    pid = pid_of(options)
    if pid:
        try:
            os.kill(pid, signal_of(options))
        except OSError as error:
            raise CliError(f"kill {pid} failed: {(error.strerror or '').lower()}") from None


def pid_of(options: AfterRenewal) -> int:
    """Return the process to signal; 0 for none."""
    name = options.pid_file
    if not name:
        return options.pid or 0
    text = read(name).decode(errors="replace").strip()
    if not text.isdigit() or int(text) < 1:
        raise CliError(f"error converting {name}: it holds no process id")
    return int(text)
