"""What happens after each successful renewal: a command, and a signal to a process (REN-14)."""

import os
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation


def check(call: "Invocation") -> None:
    """Refuses flags that contradict each other, before a certificate is asked for."""
    if call.get("pid") and call.get("pid-file"):
        raise UsageError("flag '--pid' and flag '--pid-file' are mutually exclusive")
    if os.name == "nt" and (call.get("pid") or call.get("pid-file")):
        raise UsageError(
            "flag '--pid' is not supported on Windows: a signal ends the process there"
        )
    call.integer("pid")
    if not 0 < call.integer("signal", 1) < 65:
        raise UsageError(f"invalid value '{call.get('signal')}' for flag '--signal'")


def act(call: "Invocation") -> None:
    """Runs --exec (split on blanks, no shell), then sends --signal to --pid or to --pid-file's."""
    command = call.get("exec")
    if command and command.split():
        import subprocess

        try:
            done = subprocess.run(command.split(), check=False)
        except OSError as error:
            raise CliError(f"error running '{command}': {(error.strerror or '').lower()}") from None
        if done.returncode:
            raise CliError(f"error running '{command}': exit status {done.returncode}")
    pid = pid_of(call)
    if pid:
        try:
            os.kill(pid, call.integer("signal", 1))
        except OSError as error:
            raise CliError(f"kill {pid} failed: {(error.strerror or '').lower()}") from None


def pid_of(call: "Invocation") -> int:
    """The process to be told; 0 for none."""
    name = call.get("pid-file")
    if not name:
        return call.integer("pid")
    text = read(name).decode(errors="replace").strip()
    if not text.isdigit() or int(text) < 1:
        raise CliError(f"error converting {name}: it holds no process id")
    return int(text)
