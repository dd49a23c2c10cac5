"""What the catalogue keeps of an SSH certificate (PROTOCOL.certkeys of OpenSSH)."""

import hashlib
import ipaddress

from newel.crypto.ssh import certificates, key_quality
from newel.crypto.ssh.wire import WireError
from newel.inventory.certificate import (
    SSH_HOST,
    SSH_USER,
    CertificateFacts,
    UnreadableCertificateError,
    normalise_serial,
)

_TYPES = {"user": SSH_USER, "host": SSH_HOST}


def read_ssh_certificate(wire: bytes) -> CertificateFacts:
    """Read a certificate in wire form. Raises `UnreadableCertificateError` for anything else.

    Its key id stands where an X.509 certificate has its common name. One that is always valid ends with
    the year 9999.
    """
    try:
        found = certificates.parse(wire)
    except (WireError, ValueError) as error:
        raise UnreadableCertificateError("not an SSH certificate") from error
    if found.kind not in _TYPES:
        raise UnreadableCertificateError("an SSH certificate of neither a user nor a host")
    return CertificateFacts(
        serial=normalise_serial(found.serial.to_bytes(8)),
        common_name=found.key_id,
        names=tuple(_spell(found.kind, each) for each in found.principals),
        not_before=min(found.valid_after, certificates.LATEST),
        not_after=min(found.valid_before, certificates.LATEST),
        fingerprint=hashlib.sha256(wire).digest(),
        type=_TYPES[found.kind],
        key_digest=_digest_key(found.public_key),
    )


def _digest_key(wire: bytes) -> bytes:
    """Return the digest of a key as one of X.509; empty for a type that X.509 does not have."""
    try:
        return hashlib.sha256(key_quality.read_spki(wire)).digest()
    except key_quality.UnusableKeyError:
        return b""


def _spell(kind: str, principal: str) -> str:
    """Spell a principal as the catalogue spells names: ``dns:``, ``ip:``, ``email:`` or ``principal:``."""
    if kind == "user":
        return f"email:{principal}" if "@" in principal else f"principal:{principal}"
    try:
        return f"ip:{ipaddress.ip_address(principal)}"
    except ValueError:
        return f"dns:{principal}"
