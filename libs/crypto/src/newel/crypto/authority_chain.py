"""The chain of a CA that another program may have made: from its own certificate to a root.

Files come in any order, with the root in the chain, with several roots, with certificates that belong to
neither. The CA's own certificate is the one that issued no other; the chain is found by names and
signatures, through the other certificates of the file, and ends at one of the roots.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from newel.crypto import certificate
from newel.crypto.certificate_files import order_chain
from newel.crypto.loading import find_issuer, load_certificate

MAX_CHAIN = 8
"""Certificates of a chain, the root not counted."""


class ChainError(ValueError):
    """The certificates do not form a chain; the text says which one fails and why."""


class Chain(NamedTuple):
    """A CA's certificate, those above it, and the root at their end."""

    certificates: tuple[x509.Certificate, ...]
    """The CA's own first, up to but not including the root."""
    root: x509.Certificate
    unused: tuple[x509.Certificate, ...]
    """The certificates of the file that are neither in the chain nor roots."""


def own_certificate(ders: Sequence[bytes]) -> bytes:
    """Find the certificate that issued no other one of a file. Raises ``ValueError``."""
    return order_chain(ders)[0]


def find_chain(ders: Sequence[bytes], roots: Sequence[bytes]) -> Chain:
    """Find the chain of a file's certificates, and its root among ``roots``. Raises :class:`ChainError`.

    Every signature is verified, except a root's own if its algorithm is obsolete: a root is trusted
    as it is.
    """
    own, *others = [load_certificate(each) for each in order_chain(ders)]
    if is_self_issued(own):
        raise ChainError(
            f"{name_of(own)} is a root, and no service issues with a root's key: make an intermediate"
        )
    anchors = [load_certificate(each) for each in roots]
    path, left = [own], [each for each in others if not is_self_issued(each)]
    while (above := find_issuer(path[-1], left)) is not None and len(path) < MAX_CHAIN:
        path.append(above)
        left.remove(above)
    root = find_issuer(path[-1], anchors)
    if root is None:
        raise ChainError(_why_no_issuer(path[-1], (*anchors, *left)))
    if not is_self_issued(root):
        raise ChainError(f"{name_of(root)} is not a root: it does not name itself as its issuer")
    if not _is_signed_by_itself(root):
        raise ChainError(f"{name_of(root)} was not issued by itself, though it says so")
    return Chain(tuple(path), root, tuple(left))


def is_self_issued(authority: x509.Certificate) -> bool:
    """Say whether a certificate names itself as its issuer (RFC 5280 §3.2)."""
    return certificate.issuer_name(authority) == certificate.issuer_of(authority)


def name_of(authority: x509.Certificate) -> str:
    """Return a certificate's subject as text, whatever strings it is made of."""
    try:
        return authority.subject.rfc4514_string()[:256] or "a certificate without a subject"
    except ValueError:
        return f"the certificate of serial number {authority.serial_number:x}"


def _why_no_issuer(last: x509.Certificate, candidates: Iterable[x509.Certificate]) -> str:
    named = certificate.issuer_of(last)
    if any(certificate.issuer_name(each) == named for each in candidates):
        return (
            f"{name_of(last)} was not issued by the certificate it names as its issuer: another key"
            " signed it, or it is signed with an algorithm that is not accepted any more, like SHA-1"
        )
    return f"{name_of(last)} was not issued by any of the roots, nor by a certificate beside it"


def _is_signed_by_itself(root: x509.Certificate) -> bool:
    try:
        root.verify_directly_issued_by(root)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return True  # SHA-1 or MD5
    return True
