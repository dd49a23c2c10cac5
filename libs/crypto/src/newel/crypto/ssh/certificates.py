"""SSH certificates (PROTOCOL.certkeys of OpenSSH), taken apart. Nothing here believes their signature."""

import datetime as dt
from typing import NamedTuple

from newel.crypto.ssh.certificate_body import KINDS, read_head
from newel.crypto.ssh.wire import Reader

FOREVER = 2**64 - 1
LATEST = int(dt.datetime.max.replace(microsecond=0, tzinfo=dt.UTC).timestamp())
"""Seconds since 1970 of the last moment there is. With the microseconds a float is rounded to the year 10000."""
_KIND_BY_NUMBER = {number: kind for kind, number in KINDS.items()}


class Certificate(NamedTuple):
    """What a certificate says. Times are seconds since 1970, FOREVER for no end."""

    type: str
    public_key: bytes
    """The certified key, in wire form."""
    serial: int
    kind: str
    """``user``, ``host`` or ``unknown``."""
    key_id: str
    principals: list[str]
    valid_after: int
    valid_before: int
    critical_options: dict[str, str]
    extensions: dict[str, str]
    signature_key: bytes
    signature_type: str
    signature: bytes
    comment: str = ""
    wire: bytes = b""
    """The whole certificate."""

    def is_expired(self, moment: dt.datetime) -> bool:
        """Say whether its time is over."""
        return self.valid_before <= moment.timestamp()


def parse(wire: bytes, comment: str = "") -> Certificate:
    """Parse a certificate. Raises WireError for anything else."""
    source = Reader(wire)
    kind, key = read_head(source)
    serial, number, key_id = source.uint64(), source.uint32(), source.text()
    principals = [name.decode(errors="replace") for name in source.read_nested().strings()]
    after, before = source.uint64(), source.uint64()
    critical, extensions = options(source.read_nested()), options(source.read_nested())
    source.string()  # reserved
    authority, signature = source.string(), source.read_nested()
    source.end()
    return Certificate(
        kind,
        key,
        serial,
        _KIND_BY_NUMBER.get(number, "unknown"),
        key_id,
        principals,
        after,
        before,
        critical,
        extensions,
        authority,
        signature.text(),
        signature.string(),
        comment,
        wire,
    )


def options(source: Reader) -> dict[str, str]:
    """Return names with their values; a value is a string within a string, or nothing."""
    found: dict[str, str] = {}
    while not source.at_end:
        name, value = source.text(), source.read_nested()
        found[name] = "" if value.at_end else value.text()
    return found


def moment(seconds: int) -> dt.datetime:
    """Return the moment of a certificate's time, or the last one there is when it lies behind that."""
    return dt.datetime.fromtimestamp(min(seconds, LATEST), dt.UTC)
