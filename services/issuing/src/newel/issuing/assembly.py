"""A TBSCertificate and its signature as a certificate, and nothing but what was meant."""

from typing import NamedTuple

from newel.crypto import certificate, keys, loading
from newel.issuing.issuers import Issuer
from newel.issuing.parts import algorithm_of
from newel.issuing.records import Intent, Record


class WrongSignatureError(ValueError):
    """What the signer returned is not this issuer's signature over this TBSCertificate."""


class SignedCertificate(NamedTuple):
    """A certificate whose signature was verified, or that is on record: it may leave the house."""

    der: bytes
    serial: bytes
    issuer: str


def assemble(issuer: Issuer, intent: Intent, signature: bytes) -> SignedCertificate:
    """The certificate of an intent. Raises :class:`WrongSignatureError`.

    Verified with the issuer's own public key, and parsed again so that the to-be-signed part of what
    is released is, octet by octet, what was linted and recorded.
    """
    try:
        issuer.verify(signature, intent.tbs)
    except keys.InvalidSignature:
        raise WrongSignatureError(f"issuer {issuer.id}: the signature does not verify") from None
    joined = certificate.assemble(intent.tbs, issuer.algorithm, signature)
    if loading.load_certificate(joined).tbs_certificate_bytes != intent.tbs:
        raise WrongSignatureError(
            f"issuer {issuer.id}: the certificate does not hold what was recorded"
        )
    return SignedCertificate(joined, intent.serial, issuer.id)


def certificate_of(record: Record) -> bytes | None:
    """The DER of a completed record, None while (or because) it has no signature."""
    if record.signature is None:
        return None
    tbs = record.intent.tbs
    return certificate.assemble(tbs, algorithm_of(tbs), record.signature)
