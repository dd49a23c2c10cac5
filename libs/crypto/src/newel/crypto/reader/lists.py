"""Certificate revocation lists split into their fields (RFC 5280 §5.1)."""

import datetime as dt
from typing import NamedTuple

from newel.crypto import der
from newel.crypto.reader.certificates import Extension, parse_extensions, parse_time, split_signed


class RevokedCertificate(NamedTuple):
    """An entry of a list: serial number, aware time of revocation, extensions."""

    serial: int
    revoked_at: dt.datetime
    extensions: tuple[Extension, ...]


class RevocationList(NamedTuple):
    """A list; names and algorithm stay in DER. ``next_update`` may be missing."""

    tbs: bytes
    algorithm: bytes
    issuer: bytes
    this_update: dt.datetime
    next_update: dt.datetime | None
    revoked: list[RevokedCertificate]
    extensions: tuple[Extension, ...]
    signature: bytes

    def extension(self, oid: str) -> bytes | None:
        """Return the value of an extension, or None."""
        return next((each.value for each in self.extensions if each.oid == oid), None)


def parse_list(data: bytes) -> RevocationList:
    """Split a list. Raises :class:`der.DERError`."""
    tbs, signature = split_signed(data)
    inner = der.Reader(tbs.content)
    inner.optional(der.INTEGER)
    algorithm, issuer = inner.read(der.SEQUENCE).raw, inner.read(der.SEQUENCE).raw
    this_update = parse_time(inner.read())
    timed = inner.peek() in {der.UTC_TIME, der.GENERALIZED_TIME}
    next_update = parse_time(inner.read()) if timed else None
    entries = inner.optional(der.SEQUENCE)
    wrapped = inner.optional(0xA0)
    inner.end()
    return RevocationList(
        tbs.raw,
        algorithm,
        issuer,
        this_update,
        next_update,
        [_parse_entry(raw) for raw in der.split(entries.content)] if entries else [],
        parse_extensions(der.only(wrapped.content).content) if wrapped else (),
        signature,
    )


def _parse_entry(raw: bytes) -> RevokedCertificate:
    inner = der.Reader(der.content(raw))
    serial, revoked_at = inner.integer(), parse_time(inner.read())
    extensions = () if inner.at_end else parse_extensions(inner.read(der.SEQUENCE).content)
    return RevokedCertificate(serial, revoked_at, extensions)
