"""How old the key revocation list on a host is: a warning past an age, and a file for a collector of metrics.

A list that is no longer renewed has no certificate that was revoked since, and sshd does not tell.
"""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.store import atomic_write
from newel.cli.store.atomic_write import Target
from newel.crypto.ssh import krl
from newel.crypto.ssh.wire import WireError

if TYPE_CHECKING:
    from newel.crypto.ssh.krl import KRL

MAX_AGE = dt.timedelta(hours=3)
"""The authority makes a list once an hour at least."""
_METRICS_MODE = 0o644
_STEP = 60
"""Seconds: the file of metrics is written again once a minute at most while the list stays the same."""
_GAUGES = (
    ("newel_ssh_krl_version", "Version of the key revocation list on this host, 0: there is none"),
    ("newel_ssh_krl_made_seconds", "When that list was made, since 1970"),
    ("newel_ssh_krl_confirmed_seconds", "When the authority was last asked with success, since 1970"),
)  # fmt: skip # a table


def read_installed(file: Path) -> bytes:
    """Return the list in the file; nothing when there is none, or none that sshd would read.

    An empty or damaged file locks everybody out: a list of any version is better. Raises CliError
    for a file that cannot be read.
    """
    try:
        data = file.read_bytes()
        krl.parse(data)
    except (FileNotFoundError, WireError):
        return b""
    except OSError as error:
        raise CliError(f"error reading {file}: {error.strerror}") from None
    return data


class ListAge:
    """Watches one installed list."""

    def __init__(self, file: Path, max_age: dt.timedelta, metrics: Path | None = None) -> None:
        self._file = file
        self._max_age = max_age
        self._metrics = metrics
        self._confirmed = 0
        self._written = ""
        self._stat: tuple[int, int, int] | None = None
        self._list: KRL | None = None

    def confirm(self, now: dt.datetime) -> None:
        """Record that the authority has said which list is the newest."""
        self._confirmed = int(now.timestamp()) // _STEP * _STEP

    def look(self, now: dt.datetime) -> str:
        """Write the metrics, and return what there is to warn of, or "". Raises CliError."""
        found = self._read()
        if self._metrics is not None:
            self._write(self._metrics, found)
        if found is None:
            return f"there is no list in {self._file}: sshd refuses every key while RevokedKeys names it"
        age = int(now.timestamp()) - found.generated
        if age <= self._max_age.total_seconds():
            return ""
        made = dt.datetime.fromtimestamp(found.generated, dt.UTC)
        return (
            f"the list in {self._file} is of {made:%Y-%m-%d %H:%M:%S} UTC: certificates that were revoked"
            " later are not on it"
        )

    def _read(self) -> "KRL | None":
        """Return the list; None where there is none. Raises CliError for one that cannot be read."""
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CliError(f"error reading {self._file}: {error.strerror}") from None
        stat = found.st_mtime_ns, found.st_size, found.st_ino
        if stat != self._stat:  # a long list takes a while to parse
            octets = read_installed(self._file)
            self._list = krl.parse(octets) if octets else None
            self._stat = stat
        return self._list

    def _write(self, file: Path, found: "KRL | None") -> None:
        values = (found.version if found else 0, found.generated if found else 0, self._confirmed)
        lines = [
            f"# HELP {name} {meaning}.\n# TYPE {name} gauge\n{name} {value}\n"
            for (name, meaning), value in zip(_GAUGES, values, strict=True)
        ]
        text = "".join(lines)
        if text != self._written:
            atomic_write.write_all([Target(str(file), text.encode(), _METRICS_MODE)])
            self._written = text
