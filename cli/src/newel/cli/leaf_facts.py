"""What a command must know of a certificate before it renews it, read without the large library.

Importing an X.509 library takes longer than a renewal; serial and validity stand at fixed places.
"""

import datetime as dt
from typing import NamedTuple

from newel.cli.errors import CliError
from newel.cli.files import read
from newel.crypto import der, pem


class Leaf(NamedTuple):
    """The first certificate of a file."""

    serial: int
    not_before: dt.datetime
    not_after: dt.datetime
    chain: tuple[bytes, ...]
    """DER of every certificate in the file, the leaf first."""

    @property
    def lifetime(self) -> dt.timedelta:
        """How long it is valid in all."""
        return self.not_after - self.not_before


def read_leaf(name: str) -> Leaf:
    """The leaf of a PEM file. Raises CliError."""
    data = read(name)
    try:
        return leaf_of(tuple(pem.decode_all(certificates_in(data))))
    except ValueError as error:
        raise CliError(f"error parsing {name}: {error}") from None


def certificates_in(data: bytes) -> bytes:
    """The certificate blocks of a PEM file, without what some programs put around them."""
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    blocks = data.split(begin)[1:]
    return b"".join(begin + block.split(end)[0] + end + b"\n" for block in blocks)


def leaf_of(chain: tuple[bytes, ...]) -> Leaf:
    """Serial and validity of the first of some DER certificates. Raises ValueError."""
    tbs = der.Reader(chain[0]).sequence().sequence()
    tbs.optional(0xA0)
    serial = tbs.integer()
    tbs.sequence()  # signature algorithm
    tbs.sequence()  # issuer
    validity = tbs.sequence()
    return Leaf(serial, time_of(validity.read()), time_of(validity.read()), chain)


def time_of(element: der.Element) -> dt.datetime:
    """UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 has them."""
    text = element.content.decode("ascii")
    if element.tag == der.UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    return dt.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)
