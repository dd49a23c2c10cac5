"""dns-01 (RFC 8555 §8.4): TXT records that a program, a person or the name server itself puts there."""

import datetime as dt
import subprocess
import sys
from typing import TYPE_CHECKING, Protocol

from newel.acme import challenges
from newel.cli.errors import CliError
from newel.cli.interact.terminal import ask, note

if TYPE_CHECKING:
    from newel.cli.operations.acme.dns_servers import NameServers
    from newel.client.acme_events import Prove

HOOK_SECONDS = 600


class Records(Protocol):
    """Where TXT records can be put. Names are absolute, with a dot at their end."""

    def add(self, name: str, value: str) -> None:
        """Add a record to those that exist. Raises CliError."""
        ...

    def remove(self, name: str, value: str) -> None:
        """Remove that record. Raises CliError."""
        ...


class DnsSolver:
    """Answers by a record, and waits until the zone's own name servers have it.

    With no delay no server is asked, neither for the record nor whether its name is an alias.
    """

    def __init__(self, records: Records, servers: "NameServers", patience: dt.timedelta) -> None:
        self._records = records
        self._servers = servers
        self._patience = patience
        self._there: dict[str, tuple[str, str]] = {}

    def prove(self, challenge: "Prove") -> None:
        """Publish the record and return when it is visible. Raises CliError."""
        name = f"{challenges.dns_name(challenge.identifier)}."
        value = challenges.dns_value(challenge.authorization)
        if self._patience:
            name = self._servers.owner(name)
        # known before it is there: what half succeeded is taken away too
        self._there[challenge.token] = name, value
        self._records.add(name, value)
        if self._patience:
            self._servers.wait(name, value, self._patience)

    def withdraw(self, _: str, token: str) -> None:
        """Remove the record; failing to do so is reported and harmless."""
        if token not in self._there:
            return
        name, value = self._there.pop(token)
        try:
            self._records.remove(name, value)
        except CliError as error:
            note(f"\nthe TXT record of {name} is still there: {error}")


class Hook:
    """A program that is called as ``PROGRAM present|cleanup NAME VALUE``, as lego calls its own."""

    def __init__(self, program: str) -> None:
        self._program = program

    def add(self, name: str, value: str) -> None:
        """Have the program publish the record."""
        self._run("present", name, value)

    def remove(self, name: str, value: str) -> None:
        """Have the program remove the record."""
        self._run("cleanup", name, value)

    def _run(self, *words: str) -> None:
        try:
            # what it prints is for people: stdout is the command's own
            done = subprocess.run(
                [self._program, *words],
                stdout=sys.stderr,
                stdin=subprocess.DEVNULL,
                check=False,
                timeout=HOOK_SECONDS,
            )
        except OSError as error:
            cause = (error.strerror or str(error)).lower()
            raise CliError(f"error running '{self._program}': {cause}") from None
        except subprocess.TimeoutExpired:
            raise CliError(
                f"error running '{self._program}': it took more than {HOOK_SECONDS} s"
            ) from None
        if done.returncode:
            raise CliError(f"error running '{self._program}': exit status {done.returncode}")


class Manual:
    """A person at the terminal."""

    def __init__(self) -> None:
        self._asked_for: set[tuple[str, str]] = set()

    def add(self, name: str, value: str) -> None:
        """Say which record is needed, and wait for Enter."""
        ask(
            f'\nPut this record into the zone, then press Enter:\n\n  {name} 60 IN TXT "{value}"\n',
            "--dns-hook PROGRAM",
        )
        self._asked_for.add((name, value))

    def remove(self, name: str, value: str) -> None:
        """Say that it is needed no longer."""
        if (name, value) in self._asked_for:
            note(f'\nThis record can go:\n\n  {name} 60 IN TXT "{value}"\n')
