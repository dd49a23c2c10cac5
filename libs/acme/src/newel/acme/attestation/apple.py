"""The format ``apple``: Apple's servers attest a key in a Secure Enclave, and the device's numbers."""

import datetime as dt
import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from newel.acme.attestation import chains, objects
from newel.acme.attestation.errors import AttestationError
from newel.acme.attestation.proof import AttestationProof
from newel.crypto.reader.certificates import Certificate

SERIAL_NUMBER = "1.2.840.113635.100.8.9.1"
UNIQUE_DEVICE_IDENTIFIER = "1.2.840.113635.100.8.9.2"
FRESHNESS = "1.2.840.113635.100.8.11.1"
"""SHA-256 of the challenge's token, in an extension as it is, without DER."""


class AppleStatement(msgspec.Struct, frozen=True):
    """Apple's server has put everything into the certificate."""

    x5c: objects.Chain


def verify(
    statement: object, roots: Sequence[Certificate], token: str, now: dt.datetime
) -> AttestationProof:
    """Verify a statement for a challenge's token. Raises :class:`AttestationError`."""
    found = objects.convert(statement, AppleStatement, "the statement")
    path = chains.verify_chain(found.x5c, roots, now)
    leaf = path[0]
    freshness = leaf.extension(FRESHNESS)
    if freshness is None:
        raise AttestationError("the attestation has no freshness code: it may be any age")
    if not hmac.compare_digest(freshness, hashlib.sha256(token.encode()).digest()):
        raise AttestationError("the freshness code is not that of this challenge's token")
    numbers = map(leaf.extension, (SERIAL_NUMBER, UNIQUE_DEVICE_IDENTIFIER))
    try:
        identifiers = tuple(each.decode() for each in numbers if each)
    except UnicodeDecodeError:
        raise AttestationError("the device's numbers are not text") from None
    return AttestationProof(chains.public_key(leaf), identifiers, path)
