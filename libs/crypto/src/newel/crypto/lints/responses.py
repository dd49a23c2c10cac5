"""RFC 6960 §4.2 and RFC 9919 §3.2: the rules of OCSP responses."""

import datetime as dt
from collections.abc import Callable
from typing import TypeAlias

from cryptography import x509
from cryptography.x509 import ocsp

from newel.crypto import der
from newel.crypto.ocsp_response import assemble_response

_DUMMY_ALGORITHM = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_MAX_NONCE = 128
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EXTENDED_REVOKE = "1.3.6.1.5.5.7.48.1.9"


class ResponseSubject:
    """A ResponseData under the linter.

    Raises :class:`der.DERError` or ``ValueError`` when it does not parse: the library's parser
    refuses an encoded default version and fractions of seconds.
    """

    def __init__(self, response_data: bytes, responder_key_hash: bytes) -> None:
        reader = der.Reader(der.only(response_data).content)
        self.responder_id = reader.read()
        self.responder_key_hash = responder_key_hash
        wrapped = assemble_response(response_data, _DUMMY_ALGORITHM, b"")
        self.library = ocsp.load_der_ocsp_response(wrapped)
        self.singles = list(self.library.responses)
        self.extensions = {each.oid.dotted_string: each for each in self.library.extensions}


ResponseRule: TypeAlias = Callable[[ResponseSubject], bool]


def e_ocsp_responder_id_not_by_key(subject: ResponseSubject) -> bool:
    """Require the responder to be named by the SHA-1 of its key (RFC 9919 §3.2.2)."""
    return subject.responder_id.tag == 0xA2 and subject.responder_id.content == der.octet_string(
        subject.responder_key_hash
    )


def e_ocsp_status_not_current(subject: ResponseSubject) -> bool:
    """Require thisUpdate <= producedAt < nextUpdate (RFC 9919 §3.2.4)."""
    produced = subject.library.produced_at_utc
    return all(
        single.next_update_utc is not None
        and single.this_update_utc <= produced < single.next_update_utc
        for single in subject.singles
    )


def e_ocsp_revocation_time_in_future(subject: ResponseSubject) -> bool:
    """Forbid revocation times in the future, and the reason unspecified (RFC 5280 §5.3.1)."""
    produced = subject.library.produced_at_utc
    return all(
        single.certificate_status is not ocsp.OCSPCertStatus.REVOKED
        or (
            (single.revocation_time_utc or produced) <= produced
            and single.revocation_reason is not x509.ReasonFlags.unspecified
        )
        for single in subject.singles
    )


def e_ocsp_non_issued_without_extended_revoke(subject: ResponseSubject) -> bool:
    """Require extended-revoke and certificateHold for non-issued certificates (RFC 6960 §4.4.8).

    They are those that are revoked since 1970 (RFC 6960 §2.2).
    """
    extended = [
        single.revocation_reason is x509.ReasonFlags.certificate_hold
        for single in subject.singles
        if single.revocation_time_utc == _EPOCH
    ]
    return not extended or (all(extended) and _EXTENDED_REVOKE in subject.extensions)


def e_ocsp_nonce_size_out_of_bounds(subject: ResponseSubject) -> bool:
    """Require a nonce of 1 to 128 octets (RFC 9654 §2.1)."""
    return all(
        not isinstance(each.value, x509.OCSPNonce) or 1 <= len(each.value.nonce) <= _MAX_NONCE
        for each in subject.extensions.values()
    )


def e_ocsp_critical_extension(subject: ResponseSubject) -> bool:
    """Forbid critical extensions: clients need not know any (RFC 6960 §4.4)."""
    return not any(each.critical for each in subject.extensions.values())


RULES: tuple[ResponseRule, ...] = (
    e_ocsp_responder_id_not_by_key,
    e_ocsp_status_not_current,
    e_ocsp_revocation_time_in_future,
    e_ocsp_non_issued_without_extended_revoke,
    e_ocsp_nonce_size_out_of_bounds,
    e_ocsp_critical_extension,
)
