"""Certificate revocation lists: RFC 5280 §5, joined from entries that were encoded once.

An entry is encoded and stored when its certificate is revoked; a list joins them. A million
entries take a fraction of a second, without an object per entry.
"""

import datetime as dt
from collections.abc import Iterable

from cryptography import x509

from newel.crypto import der, extensions, keys, serials
from newel.crypto.certificate import (
    assemble,
    issuer_key_identifier,
    issuer_name,
    subject_public_key_info,
)
from newel.crypto.extensions import Extension

_VERSION_2 = b"\x02\x01\x01"
_CRL_NUMBER_OCTETS = 20
_HIGHEST_REASON = 10
_UNUSED_REASON = 7
_REMOVE_FROM_CRL = 8
_REASON = der.oid("2.5.29.21")
_REASONS = tuple(
    der.sequence(der.sequence(_REASON, der.octet_string(der.enum_value(reason)))) if reason else b""
    for reason in range(_HIGHEST_REASON + 1)
)


def crl_entry(serial: int, revoked_at: int, reason: int | None = None) -> bytes:
    """Encode an element of revokedCertificates (§5.1.2.6).

    ``revoked_at`` is in seconds since 1970, as stored; ``reason`` is a CRLReason, and 0 and None leave
    it out (§5.3.1). Raises ``ValueError`` for an invalid serial, and for the reasons 7 (unused) and 8
    (delta lists only).
    """
    number = reason or 0
    if not 0 <= number <= _HIGHEST_REASON or number in {_UNUSED_REASON, _REMOVE_FROM_CRL}:
        raise ValueError(f"a revocation cannot have the reason {number}")
    at = dt.datetime.fromtimestamp(revoked_at, dt.UTC)
    body = der.tlv(der.INTEGER, serials.from_int(serial)) + der.time(at) + _REASONS[number]
    return der.tlv(der.SEQUENCE, body)


def issuing_distribution_point(url: str) -> Extension:
    """Encode a critical IssuingDistributionPoint with a fullName alone (§5.2.5)."""
    value = der.sequence(extensions.distribution_point_name(url))
    return Extension(extensions.ISSUING_DISTRIBUTION_POINT, True, value)


def freshest_crl(url: str) -> Extension:
    """Encode a FreshestCRL, the URL of the delta CRL (§5.2.6)."""
    value = der.sequence(der.sequence(extensions.distribution_point_name(url)))
    return Extension(extensions.FRESHEST_CRL, False, value)


class CRLEncoder:
    """An encoder of the revocation lists of one issuer.

    ``idp_url`` is the URL in the CRL distribution point of the leaves; "" for none. ``delta_url`` is
    where the delta CRLs to its complete ones are; "" for nowhere.
    """

    def __init__(self, issuer: x509.Certificate, idp_url: str = "", delta_url: str = "") -> None:
        public_key = keys.load_public_key(subject_public_key_info(issuer))
        self.algorithm = keys.signature_algorithm(public_key)
        self._head = _VERSION_2 + self.algorithm + issuer_name(issuer)
        self._aki = extensions.authority_key_identifier(issuer_key_identifier(issuer)).der
        self._idp = issuing_distribution_point(idp_url).der if idp_url else b""
        self._freshest = freshest_crl(delta_url).der if delta_url else b""

    def tbs(
        self,
        number: int,
        this_update: dt.datetime,
        next_update: dt.datetime,
        entries: Iterable[bytes | memoryview],
        base: int | None = None,
    ) -> bytes:
        """Encode a TBSCertList; without entries revokedCertificates is left out (§5.1.2.6).

        ``entries`` are :func:`crl_entry` values, each serial once; several may be joined in one. With
        ``base``, the number of a complete CRL, it is a delta CRL of what changed since that (§5.2.4).
        Raises ``ValueError`` for a number that is negative or longer than 20 octets, a base that is not
        below or at the number, and times out of order.
        """
        encoded_number = der.integer(number)
        if number < 0 or len(encoded_number) > 2 + _CRL_NUMBER_OCTETS:
            raise ValueError("a CRL number is not negative and has at most 20 octets")
        if base is not None and not 0 <= base <= number:
            raise ValueError("a delta CRL's base is negative or later than itself")
        if next_update <= this_update:
            raise ValueError("a CRL's next update comes after this one")
        before = self._head + der.time(this_update) + der.time(next_update)
        after = der.explicit(0, der.sequence(*self._extensions(encoded_number, base)))
        listed = tuple(entries)
        size = sum(map(len, listed))
        if listed:
            before += der.header(der.SEQUENCE, size)
        # one join of everything: the million entries of a long list are copied once
        whole = der.header(der.SEQUENCE, len(before) + size + len(after))
        return b"".join((whole, before, *listed, after))

    def _extensions(self, number: bytes, base: int | None) -> tuple[bytes, ...]:
        crl_number = Extension(extensions.CRL_NUMBER, False, number).der
        if base is None:
            return self._aki, crl_number, self._idp, self._freshest
        # a delta CRL has the scope of its base (§5.2.4), and no delta CRL of its own (§5.2.6)
        indicator = Extension(extensions.DELTA_CRL_INDICATOR, True, der.integer(base)).der
        return self._aki, crl_number, indicator, self._idp

    def assemble(self, tbs: bytes, signature: bytes) -> bytes:
        """Join the CertificateList."""
        return assemble(tbs, self.algorithm, signature)
