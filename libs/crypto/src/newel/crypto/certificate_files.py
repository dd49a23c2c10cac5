"""Certificates from an operator's files, in the forms of all common programs.

PEM with or without text around it, DER, the ``TRUSTED CERTIFICATE`` of OpenSSL, PKCS #7 bundles;
several certificates in any order, with or without a private key.
"""

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from newel.crypto import armor, certificate, der, loading
from newel.crypto.pem import MAX_SIZE, PEMError

_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
_TRUSTED = "TRUSTED CERTIFICATE"
_BUNDLES = frozenset({"PKCS7", "PKCS #7 SIGNED DATA", "CMS"})
_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")


def read_certificates(path: Path) -> list[bytes]:
    """Read the DER of each certificate in a file, in its order; at least one.

    Raises ``OSError`` and :class:`PEMError`.
    """
    with path.open("rb") as file:
        return parse_certificates(file.read(MAX_SIZE + 1))


def parse_certificates(data: bytes) -> list[bytes]:
    """Parse the DER of each certificate in the octets of a file. Raises :class:`PEMError`.

    Other blocks (a private key, parameters) are skipped; a file without a certificate is refused.
    """
    blocks = armor.blocks(data)
    if not blocks:
        return _binary(data)
    found: list[bytes] = []
    for block in blocks:
        if block.label in _CERTIFICATES:
            found.append(block.content)
        elif block.label == _TRUSTED:  # what OpenSSL trusts it for follows the certificate
            found.append(_first(block.content))
        elif block.label in _BUNDLES:
            found += _bundle(block.content)
    if not found:
        labels = ", ".join(dict.fromkeys(block.label for block in blocks))
        raise PEMError(f"the file holds no certificate, but {labels}")
    return found


def order_chain(ders: Sequence[bytes]) -> list[bytes]:
    """Sort certificates: first the one that issued no other, each before its issuer.

    The rest keeps its order at the end, and a list without an order is returned as it is. Signatures
    are not verified. Raises ``ValueError`` for octets that are no certificate.
    """
    unique = list(dict.fromkeys(ders))
    loaded = [loading.load_certificate(each) for each in unique]
    names = [(certificate.issuer_name(each), certificate.issuer_of(each)) for each in loaded]
    issuers = {issuer for subject, issuer in names if subject != issuer}
    leaves = [at for at, (subject, _) in enumerate(names) if subject not in issuers]
    if len(leaves) != 1:
        return unique
    path, left = [leaves[0]], [at for at in range(len(unique)) if at != leaves[0]]
    while True:
        above = [at for at in left if names[at][0] == names[path[-1]][1]]
        if not above:
            return [unique[at] for at in (*path, *left)]
        path.append(above[0])
        left.remove(above[0])


def _binary(data: bytes) -> list[bytes]:
    if data[:1] != b"\x30":
        raise PEMError("the file holds neither PEM nor DER")
    try:
        elements = armor.elements(data)
        if der.children(der.only(elements[0]).content)[0].raw == _SIGNED_DATA:
            return _bundle(elements[0])
    except (der.DERError, IndexError):
        raise PEMError("the file holds no certificate in PEM or DER") from None
    return elements


def _first(content: bytes) -> bytes:
    try:
        return der.Reader(content).read(der.SEQUENCE).raw
    except der.DERError as error:
        raise PEMError(f"a trusted certificate that cannot be read: {error}") from None


def _bundle(content: bytes) -> list[bytes]:
    try:
        found = pkcs7.load_der_pkcs7_certificates(content)
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise PEMError(f"a PKCS #7 bundle that cannot be read: {error}") from None
    return [each.public_bytes(Encoding.DER) for each in found]
