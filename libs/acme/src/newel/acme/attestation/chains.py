"""The certificate chains of attestation statements, verified to the vendors' roots (RFC 5280 §6)."""

import datetime as dt
from collections.abc import Sequence

from newel.acme.attestation.errors import AttestationError
from newel.crypto import der, keys, loading, oids
from newel.crypto.path_validation import PathError, find_path
from newel.crypto.reader import extensions as values
from newel.crypto.reader.certificates import Certificate, parse_certificate


def verify_chain(
    x5c: Sequence[bytes], roots: Sequence[Certificate], now: dt.datetime
) -> list[Certificate]:
    """Return the path from the first certificate to one of the roots, valid at ``now``.

    A root that only the statement names proves nothing. The first certificate is no CA. Raises
    :class:`AttestationError`.
    """
    try:
        leaf, *others = map(parse_certificate, x5c)
        path = find_path(leaf, others, roots, now)
        basic = leaf.extension(oids.BASIC_CONSTRAINTS)
        if basic is not None and values.basic_constraints(basic)[0]:
            raise AttestationError("x5c: the attestation certificate is one of a CA")
    except PathError as error:
        raise AttestationError(
            f"x5c does not chain to a root that is trusted here: {error}"
        ) from None
    except der.DERError as error:
        raise AttestationError(f"x5c: a certificate cannot be read: {error}") from None
    return path


def public_key(holder: Certificate) -> keys.PublicKey:
    """Return the key of a certificate. Raises :class:`AttestationError`."""
    try:
        loaded = loading.load_certificate(holder.der)
        loading.read_extensions(loaded)  # refuses what occurs twice
        return keys.load_public_key(holder.spki)
    except (loading.CertificateError, keys.InvalidKeyError, ValueError) as error:
        raise AttestationError(
            f"x5c: the attestation certificate cannot be used: {error}"
        ) from None
