"""The authority's answers: signed CertRep messages and lists of certificates (RFC 8894 §3.3.2, §4)."""

from collections.abc import Iterable, Sequence

from newel.crypto import der
from newel.scep import constants, envelopes
from newel.scep.constants import FailInfo, MessageType, PKIStatus
from newel.scep.requests import Request, VerifiedRequest, new_nonce
from newel.scep.signing import Signer, attribute, content_info, printable, sign, transaction_id

_VERSION = der.integer(1)
_MAX_TEXT = 256


def success(
    verified: VerifiedRequest,
    certificate: bytes,
    signer: Signer,
    cipher: envelopes.ContentCipher = envelopes.AES_128,
) -> bytes:
    """Build a CertRep with the new certificate (DER), encrypted to the signer of the request."""
    issued = certificates_only([certificate])
    content = envelopes.encrypt(issued, verified.signer, cipher)
    return _cert_rep(verified.request, signer, PKIStatus.SUCCESS, content)


def failure(request: Request, signer: Signer, fail_info: FailInfo, text: str) -> bytes:
    """Build a CertRep that refuses, with failInfo and its text."""
    more = (
        attribute(constants.FAIL_INFO, printable(str(fail_info.value))),
        attribute(constants.FAIL_INFO_TEXT, der.tlv(der.UTF8_STRING, text[:_MAX_TEXT].encode())),
    )
    return _cert_rep(request, signer, PKIStatus.FAILURE, None, more)


def certificates_only(certificates: Iterable[bytes]) -> bytes:
    """Build a degenerate certificates-only message (RFC 5652 §5.1) of DER certificates, in this order.

    Clients that look at none but the first depend on the order, so it is not that of a DER SET.
    """
    listed = der.tlv(0xA0, b"".join(certificates))
    inner = der.sequence(der.oid(constants.DATA))
    return content_info(
        der.sequence(_VERSION, der.tlv(der.SET, b""), inner, listed, der.tlv(der.SET, b""))
    )


def next_certificates(certificates: Sequence[bytes], signer: Signer) -> bytes:
    """Build the answer to GetNextCACert: certificates of the next CA, signed (§4.7.1.1)."""
    return sign(certificates_only(certificates), "sha256", signer, ())


def _cert_rep(
    request: Request,
    signer: Signer,
    status: PKIStatus,
    content: bytes | None,
    more: tuple[bytes, ...] = (),
) -> bytes:
    """Answer in the digest of the request, which its client is known to understand (§3.2.1)."""
    attributes = (
        attribute(constants.MESSAGE_TYPE, printable(str(MessageType.CERT_REP.value))),
        attribute(constants.PKI_STATUS, printable(str(status.value))),
        attribute(constants.TRANSACTION_ID, transaction_id(request.transaction_id)),
        attribute(constants.SENDER_NONCE, der.octet_string(new_nonce())),
        attribute(constants.RECIPIENT_NONCE, der.octet_string(request.sender_nonce)),
        *more,
    )
    return sign(content, request.digest or "sha256", signer, attributes)
