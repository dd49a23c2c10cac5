"""Certificate chains that prove an identity, verified to a provisioner's roots (RFC 5280 §6)."""

import base64
import binascii
import datetime as dt
import functools
from collections.abc import Sequence

from newel.crypto import certificate_files, der, loading, oids
from newel.crypto.keys import PublicKey
from newel.crypto.path_validation import PathError, find_path
from newel.crypto.reader import extensions as values
from newel.crypto.reader.certificates import Certificate, parse_certificate
from newel.jose import jws
from newel.jose.errors import InvalidKeyError
from newel.registration.errors import unauthorized_error

MAX_CHAIN = 10
"""Certificates in one chain."""
MAX_ROOTS = 100
_CLIENT = frozenset({oids.CLIENT_AUTH, oids.ANY_EXTENDED_KEY_USAGE})
_DIGITAL_SIGNATURE = 1


def read_roots(text: str, member: str = "roots") -> tuple[Certificate, ...]:
    """Read ``roots`` of a record, or another member: base64 of PEM. Raises ValueError."""
    try:
        data = base64.b64decode(text, validate=True)
        found = tuple(map(parse_certificate, certificate_files.parse_certificates(data)))
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{member}: {error}") from None
    if len(found) > MAX_ROOTS:
        raise ValueError(f"{member}: there are more than {MAX_ROOTS}")
    return found


def read_header(encoded: Sequence[str] | None) -> tuple[bytes, ...]:
    """Read the ``x5c`` member of a header: base64 of DER, the leaf first (RFC 7515 §4.1.6).

    Raises ``unauthorized``.
    """
    if not encoded:
        raise unauthorized_error("the token has no certificate chain (x5c)")
    if len(encoded) > MAX_CHAIN:
        raise unauthorized_error(f"the chain is longer than {MAX_CHAIN} certificates (x5c)")
    try:
        return tuple(base64.b64decode(each, validate=True) for each in encoded)
    except (binascii.Error, ValueError):
        raise unauthorized_error("the chain is not base64 (x5c)") from None


def verify_chain(
    chain: Sequence[bytes],
    roots: Sequence[Certificate],
    now: dt.datetime,
    *,
    is_ordered: bool = True,
) -> list[Certificate]:
    """Return the path from the leaf to one of the roots. Raises ``unauthorized``.

    1. if the chain ``is_ordered``, each certificate names the next as its issuer; 2. the path is valid
    now, by the library's rules for certification paths; 3. the leaf is no CA and its key may sign;
    4. no certificate of the path is limited to other purposes than client authentication.
    """
    try:
        leaf = parse_certificate(chain[0])
        others = [_parse_issuer(each) for each in chain[1:]]
        for below, issuer in zip([leaf, *others], others if is_ordered else (), strict=False):
            if below.issuer != issuer.subject:
                raise unauthorized_error("the chain is not in the order of its issuers (x5c)")
        path = find_path(leaf, others, roots, now)
        _check_leaf(leaf)
        for each in path:
            _check_purposes(each)
    except PathError as error:
        raise unauthorized_error(f"the certificate does not chain to a root: {error}") from None
    except der.DERError as error:
        raise unauthorized_error(f"a certificate cannot be read (x5c): {error}") from None
    return path


@functools.lru_cache(maxsize=256)
def _parse_issuer(der: bytes) -> Certificate:
    """Parse a certificate; cached, because the same intermediates come with every leaf below them."""
    return parse_certificate(der)


def public_key(leaf: Certificate) -> PublicKey:
    """Return the key of the leaf, which signs tokens. Raises ``unauthorized``."""
    try:
        loaded = loading.load_certificate(leaf.der)
        loading.read_extensions(loaded)  # refuses what occurs twice
        return jws.require_verifying_key(loading.read_public_key(loaded))
    except (loading.CertificateError, InvalidKeyError) as error:
        raise unauthorized_error(f"the certificate cannot be used: {error}") from None


def _check_leaf(leaf: Certificate) -> None:
    basic = leaf.extension(oids.BASIC_CONSTRAINTS)
    if basic is not None and values.basic_constraints(basic)[0]:
        raise unauthorized_error("the certificate is one of a CA")
    usage = leaf.extension(oids.KEY_USAGE)
    if usage is None or not values.key_usage(usage) & _DIGITAL_SIGNATURE:
        raise unauthorized_error("the certificate's key may not make signatures (keyUsage)")


def _check_purposes(certificate: Certificate) -> None:
    value = certificate.extension(oids.EXTENDED_KEY_USAGE)
    if value is not None and _CLIENT.isdisjoint(values.object_identifiers(value)):
        raise unauthorized_error("a certificate of the chain is not for client authentication")
