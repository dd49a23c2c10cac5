"""Assembles a certificate from its statement and signature, and checks that it is what was meant."""

from typing import NamedTuple

from newel.crypto import certificate, keys, loading
from newel.crypto.ssh.wire import string
from newel.issuing.issuers import Issuer
from newel.issuing.parts import signature_algorithm
from newel.issuing.records import Intent, Record

_SEQUENCE = 0x30


class WrongSignatureError(ValueError):
    """What the signer returned is not this issuer's signature over this statement."""


class SignedCertificate(NamedTuple):
    """A certificate that is safe to return: its signature was verified, or it was read from the store."""

    der: bytes
    serial: bytes
    issuer: str


def assemble(issuer: Issuer, intent: Intent, signature: bytes) -> bytes:
    """Assemble the certificate of an intent, DER. Raises :class:`WrongSignatureError`.

    The signature is verified with the issuer's own public key, and the certificate is parsed again:
    its TBSCertificate must be, octet for octet, what was linted and recorded.
    """
    try:
        issuer.verify(signature, intent.tbs)
    except keys.InvalidSignature:
        raise WrongSignatureError(f"issuer {issuer.id}: the signature does not verify") from None
    der = certificate.assemble(intent.tbs, issuer.algorithm, signature)
    if loading.load_certificate(der).tbs_certificate_bytes != intent.tbs:
        raise WrongSignatureError(
            f"issuer {issuer.id}: the certificate does not hold what was recorded"
        )
    return der


def certificate_octets(record: Record) -> bytes | None:
    """Return the certificate of a completed record, None where it has no signature.

    DER of an X.509 certificate, or an SSH certificate. A TBSCertificate begins with the tag of a SEQUENCE,
    what is signed of an SSH certificate with a length below 2**24.
    """
    if record.signature is None:
        return None
    tbs = record.intent.tbs
    if tbs[0] != _SEQUENCE:
        return tbs + string(record.signature)
    return certificate.assemble(tbs, signature_algorithm(tbs), record.signature)
