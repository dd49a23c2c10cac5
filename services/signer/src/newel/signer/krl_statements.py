"""Key revocation lists of OpenSSH, which the key of an SSH CA signs as ``ssh-keygen -Y`` does.

What is signed begins with the name of that format, so that it is never taken for a certificate or another
file. The list was made now: hosts keep one of a later time, and refuse those that follow it.
"""

import datetime as dt
from typing import NamedTuple

from newel.crypto.ssh import krl
from newel.crypto.ssh.wire import WireError
from newel.signer.errors import malformed_error, policy_error

MAX_SIZE = 256 * 1024 * 1024
_SKEW = dt.timedelta(minutes=5)
"""How far the clocks of two services may differ."""


class KRLStatement(NamedTuple):
    """A key revocation list (PROTOCOL.krl)."""

    version: int
    generated: int
    """Seconds since 1970."""

    @property
    def identity(self) -> str:
        """The name in the audit trail: the version."""
        return str(self.version)


def parse_krl(body: bytes) -> KRLStatement:
    """Parse a whole list as strictly as sshd does. Raises :func:`malformed_error`."""
    if len(body) > MAX_SIZE:
        raise malformed_error(f"{len(body)} octets, the maximum is {MAX_SIZE}")
    try:
        found = krl.parse(body)
    except WireError as error:
        raise malformed_error(f"no key revocation list: {error}") from None
    return KRLStatement(found.version, found.generated)


def check_krl(statement: KRLStatement, now: dt.datetime) -> None:
    """Raise :func:`policy_error` for a list that was not made now."""
    if abs(statement.generated - now.timestamp()) > _SKEW.total_seconds():
        raise policy_error("the key revocation list was not made now")
