"""OCSP responses (RFC 6960 §4.2) in the profile of RFC 9919 (nextUpdate, byKey)."""

import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from newel.crypto import certificate, der, keys
from newel.crypto.extensions import Extension

_BASIC = der.oid("1.3.6.1.5.5.7.48.1.1")
_NONCE = "1.3.6.1.5.5.7.48.1.2"
_EXTENDED_REVOKE = "1.3.6.1.5.5.7.48.1.9"
_SUCCESSFUL = der.enum_value(0)
_GOOD = b"\x80\x00"
_UNKNOWN = b"\x82\x00"
_CERTIFICATE_HOLD = 6
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_UNUSABLE_REASONS = frozenset({7, 8})
_HIGHEST_REASON = 10


class ErrorStatus(enum.IntEnum):
    """OCSPResponseStatus of the answers without a signature (§4.2.1)."""

    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    SIG_REQUIRED = 5
    UNAUTHORIZED = 6


def error_response(status: ErrorStatus) -> bytes:
    """Encode the OCSPResponse of an error."""
    return der.sequence(der.enum_value(status))


@dataclass(frozen=True, slots=True)
class SingleResponse:
    """The status of a certificate: good, revoked since a time, or unknown.

    ``cert_id`` is the CertID as it was received. ``reason`` is a CRLReason; 0 and None leave it
    out. Times are aware.
    """

    cert_id: bytes
    this_update: dt.datetime
    next_update: dt.datetime
    known: bool = True
    revoked_at: dt.datetime | None = None
    reason: int | None = None


class ResponseEncoder:
    """An encoder of the responses of one responder, delegated or the issuer itself.

    ``include`` puts the responder's certificate into each response, as a delegated one must be.
    ``extended_revoke`` reports certificates that were never issued as revoked (§2.2, §4.4.8), for
    clients that treat unknown as good.
    """

    def __init__(
        self,
        responder: x509.Certificate,
        *,
        include: bool = True,
        extended_revoke: bool = False,
    ) -> None:
        spki = certificate.subject_public_key_info(responder)
        self.algorithm = keys.signature_algorithm(keys.load_public_key(spki))
        self._responder_id = der.explicit(2, der.octet_string(keys.key_identifier(spki)))
        encoded = responder.public_bytes(serialization.Encoding.DER)
        self._certificates = (encoded,) if include else ()
        self._extended_revoke = extended_revoke

    def response_data(
        self,
        singles: Iterable[SingleResponse],
        produced_at: dt.datetime,
        nonce: bytes | None = None,
    ) -> bytes:
        """Encode the ResponseData to sign: at least one status, and the request's nonce.

        Raises ``ValueError`` for an invalid revocation reason, and for times out of order.
        """
        encoded: list[bytes] = []
        for single in singles:
            if not single.this_update <= produced_at < single.next_update:
                raise ValueError("a status is produced between this update and the next")
            encoded.append(self._single(single))
        if not encoded:
            raise ValueError("a response needs a status")
        return der.sequence(
            self._responder_id,
            der.generalized_time(produced_at),
            der.sequence(*encoded),
            self._extensions(nonce),
        )

    def _single(self, single: SingleResponse) -> bytes:
        return der.sequence(
            single.cert_id,
            self._status(single),
            der.generalized_time(single.this_update),
            der.explicit(0, der.generalized_time(single.next_update)),
        )

    def _status(self, single: SingleResponse) -> bytes:
        if single.revoked_at is not None:
            return _encode_revoked(single.revoked_at, single.reason or 0)
        if single.known:
            return _GOOD
        return _encode_revoked(_EPOCH, _CERTIFICATE_HOLD) if self._extended_revoke else _UNKNOWN

    def _extensions(self, nonce: bytes | None) -> bytes:
        wanted: list[bytes] = []
        if nonce is not None:
            wanted.append(Extension(_NONCE, False, der.octet_string(nonce)).der)
        if self._extended_revoke:
            wanted.append(Extension(_EXTENDED_REVOKE, False, b"\x05\x00").der)
        return der.explicit(1, der.sequence(*wanted)) if wanted else b""

    def response(self, response_data: bytes, signature: bytes) -> bytes:
        """Encode the OCSPResponse around a signed ResponseData."""
        return assemble_response(response_data, self.algorithm, signature, self._certificates)


def _encode_revoked(at: dt.datetime, reason: int) -> bytes:
    if not 0 <= reason <= _HIGHEST_REASON or reason in _UNUSABLE_REASONS:
        raise ValueError(f"a revocation cannot have the reason {reason}")
    encoded = der.explicit(0, der.enum_value(reason)) if reason else b""
    return der.explicit(1, der.generalized_time(at) + encoded)


def assemble_response(
    response_data: bytes,
    algorithm: bytes,
    signature: bytes,
    certificates: Sequence[bytes] = (),
) -> bytes:
    """Encode the OCSPResponse of a ResponseData, its AlgorithmIdentifier and its signature."""
    chain = der.explicit(0, der.sequence(*certificates)) if certificates else b""
    basic = der.sequence(response_data, algorithm, der.bit_string(signature), chain)
    return der.sequence(_SUCCESSFUL, der.explicit(0, der.sequence(_BASIC, der.octet_string(basic))))
