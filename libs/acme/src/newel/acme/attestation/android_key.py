"""The format ``android-key``: Android's secure hardware describes a key in its certificate (WebAuthn §8.4)."""

import datetime as dt
import hmac
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import msgspec

from newel.acme.attestation import chains, cose, key_descriptions, objects
from newel.acme.attestation.errors import AttestationError
from newel.acme.attestation.key_descriptions import KeyDescription, SecurityLevel
from newel.acme.attestation.proof import AttestationProof
from newel.crypto.reader.certificates import Certificate


class AndroidKeyStatement(msgspec.Struct, frozen=True):
    """The attested key's signature over the key authorization, as it is."""

    alg: int
    sig: objects.Octets
    x5c: objects.Chain


def verify(
    statement: object,
    roots: Sequence[Certificate],
    authorization: str,
    now: dt.datetime,
    revoked: AbstractSet[str],
) -> AttestationProof:
    """Verify a statement over a key authorization. Raises :class:`AttestationError`.

    ``revoked`` are the serial numbers in Google's status list: lower-case hexadecimal digits.
    """
    found = objects.convert(statement, AndroidKeyStatement, "the statement")
    path = chains.verify_chain(found.x5c, roots, now)
    if any(f"{each.serial:x}" in revoked for each in path):
        raise AttestationError("x5c: a certificate is in the list of those that are revoked")
    # the holder of an attested key could certify another one below it
    if any(each.extension(key_descriptions.OID) is not None for each in path[1:]):
        raise AttestationError("x5c: the first certificate is not the one of the attested key")
    value = path[0].extension(key_descriptions.OID)
    if value is None:
        raise AttestationError("x5c: the first certificate does not describe its key")
    description = key_descriptions.parse_description(value)
    _check_description(description, authorization)
    key = chains.public_key(path[0])
    cose.verify(key, found.alg, found.sig, authorization.encode())
    return AttestationProof(key, _identifiers(description), path)


def _check_description(description: KeyDescription, authorization: str) -> None:
    if not hmac.compare_digest(description.challenge, authorization.encode()):
        raise AttestationError("the key was not made for the key authorization of this challenge")
    if description.security_level < SecurityLevel.TRUSTED_ENVIRONMENT:
        raise AttestationError("the key is kept by software, not by secure hardware")
    if not description.is_generated:
        raise AttestationError("the key was not made in secure hardware")


def _identifiers(description: KeyDescription) -> tuple[str, ...]:
    try:
        return () if description.serial is None else (description.serial.decode(),)
    except UnicodeDecodeError:
        raise AttestationError("the device's serial number is not text") from None
