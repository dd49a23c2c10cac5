"""The numbers and object identifiers of RFC 8894."""

import enum
from typing import NamedTuple

from newel.crypto import der

MAX_MESSAGE = 256 * 1024
"""The longest message that is read, in octets; a usual one has three to six thousand."""


class MessageType(enum.IntEnum):
    """What a message is (§3.2.1.2)."""

    CERT_REP = 3
    RENEWAL_REQ = 17
    PKCS_REQ = 19
    CERT_POLL = 20
    GET_CERT = 21
    GET_CRL = 22


class PKIStatus(enum.IntEnum):
    """What became of a request (§3.2.1.3)."""

    SUCCESS = 0
    FAILURE = 2
    PENDING = 3


class FailInfo(enum.IntEnum):
    """Why a request was refused (§3.2.1.4)."""

    BAD_ALG = 0
    BAD_MESSAGE_CHECK = 1
    BAD_REQUEST = 2
    BAD_TIME = 3
    BAD_CERT_ID = 4


class RefusedError(Exception):
    """A message that is answered with FAILURE.

    ``detail`` is shown to the client as failInfoText; ``cause`` is for the log and may say more.
    """

    def __init__(self, fail_info: FailInfo, detail: str, *, cause: str = "") -> None:
        super().__init__(cause or detail)
        self.fail_info = fail_info
        self.detail = detail
        self.cause = cause or detail


class MessageError(ValueError):
    """Octets that are no SCEP message, so that no signed answer can name what it answers."""


DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"

# CMS signed attributes (RFC 5652 §11)
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"

# SCEP's own (§3.2.1), and failInfoText
MESSAGE_TYPE = "2.16.840.1.113733.1.9.2"
PKI_STATUS = "2.16.840.1.113733.1.9.3"
FAIL_INFO = "2.16.840.1.113733.1.9.4"
SENDER_NONCE = "2.16.840.1.113733.1.9.5"
RECIPIENT_NONCE = "2.16.840.1.113733.1.9.6"
TRANSACTION_ID = "2.16.840.1.113733.1.9.7"
FAIL_INFO_TEXT = "1.3.6.1.5.5.7.24.1"

CHALLENGE_PASSWORD = "1.2.840.113549.1.9.7"  # noqa: S105 - an object identifier (RFC 2985 §5.4.1)


class IssuerAndSerial(NamedTuple):
    """The name by which CMS calls a certificate (RFC 5652 §10.2.4)."""

    issuer: bytes
    """DER Name."""
    serial: int


class Digest(NamedTuple):
    """A digest algorithm by its name in Python and its encoded AlgorithmIdentifier."""

    name: str
    identifier: bytes


_NULL = b"\x05\x00"


def _digest(name: str, oid: str) -> tuple[str, Digest]:
    return oid, Digest(name, der.sequence(der.oid(oid), _NULL))


DIGESTS = dict(
    (
        _digest("sha1", "1.3.14.3.2.26"),
        _digest("sha256", "2.16.840.1.101.3.4.2.1"),
        _digest("sha384", "2.16.840.1.101.3.4.2.2"),
        _digest("sha512", "2.16.840.1.101.3.4.2.3"),
    )
)
"""The digests that messages are signed with, by object identifier."""
