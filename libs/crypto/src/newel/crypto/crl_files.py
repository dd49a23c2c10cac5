"""Revocation lists from an operator's files: one complete list of one issuer, PEM or DER."""

from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes

from newel.crypto import armor, der, loading
from newel.crypto.crl_index import revoked_certificates
from newel.crypto.loading import CertificateError

MAX_LIST = 256 * 1024 * 1024
"""Octets of a list: five million entries. Of a list in PEM, see :data:`newel.crypto.pem.MAX_SIZE`."""

_LABELS = frozenset({"X509 CRL", "CRL"})


def read_list(path: Path, issuer: x509.Certificate) -> x509.CertificateRevocationList:
    """Read the list of an issuer from a file, and verify its signature.

    Raises ``OSError``, and :class:`CertificateError` for a file without a list, the list of another
    issuer, a delta list, or a list without a next update.
    """
    with path.open("rb") as file:
        return parse_list(file.read(MAX_LIST + 1), issuer)


def parse_list(data: bytes, issuer: x509.Certificate) -> x509.CertificateRevocationList:
    """Do the same with the octets of the file. Raises :class:`CertificateError`."""
    if len(data) > MAX_LIST:
        raise CertificateError(f"the list is longer than {MAX_LIST} octets")
    found = loading.load_list(_binary(data))
    if found.issuer != issuer.subject:
        raise CertificateError(f"the list is not issued by {issuer.subject.rfc4514_string()}")
    if not _is_signed_by(found, issuer):
        raise CertificateError("the signature of the list is not its issuer's")
    if found.next_update_utc is None:
        raise CertificateError("the list has no next update")
    if any(isinstance(each.value, x509.DeltaCRLIndicator) for each in found.extensions):
        raise CertificateError("the list is a delta list")
    return found


def list_number(crl: x509.CertificateRevocationList) -> int:
    """Return the CRLNumber of a list, 0 if it has none."""
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def list_entries(crl: x509.CertificateRevocationList) -> dict[int, bytes]:
    """Return the encoded entries of a list by serial number."""
    entries = der.children(revoked_certificates(crl))
    return {one.serial_number: entry.raw for one, entry in zip(crl, entries, strict=True)}


def _binary(data: bytes) -> bytes:
    if data[:1] == b"\x30" and data[1:2] >= b"\x80":
        return data  # DER: text has no octet like the second
    lists = [block for block in armor.blocks(data) if block.label in _LABELS]
    if len(lists) > 1:
        raise CertificateError(f"{len(lists)} lists in a file, where one is expected")
    return lists[0].content if lists else data


def _is_signed_by(crl: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    key = cast("CertificateIssuerPublicKeyTypes", loading.read_public_key(issuer))
    try:
        return crl.is_signature_valid(key)
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return False
