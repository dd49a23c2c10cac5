"""A client's message (RFC 8894 §3): read first, then verified, then decrypted."""

from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import constant_time, hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from newel.crypto import der, loading
from newel.crypto.entropy import random_bytes
from newel.scep import cms, constants
from newel.scep.constants import DIGESTS, FailInfo, MessageError, RefusedError
from newel.scep.signing import hash_algorithm

MAX_TRANSACTION_ID = 256
MAX_NONCE = 64
MIN_RSA_BITS, MAX_RSA_BITS = 1024, 8192
"""Of the key that signs a message; the key to be certified has its own limits."""

_ONCE = frozenset(
    {
        constants.CONTENT_TYPE,
        constants.MESSAGE_DIGEST,
        constants.MESSAGE_TYPE,
        constants.TRANSACTION_ID,
        constants.SENDER_NONCE,
    }
)
_TEXTS = frozenset({der.PRINTABLE_STRING, der.UTF8_STRING, der.IA5_STRING})
_RSA = frozenset(
    {
        "1.2.840.113549.1.1.1",
        "1.2.840.113549.1.1.5",
        "1.2.840.113549.1.1.11",
        "1.2.840.113549.1.1.12",
        "1.2.840.113549.1.1.13",
    }
)
"""rsaEncryption, and it with each digest of :data:`newel.scep.constants.DIGESTS`."""


class Request(NamedTuple):
    """A message whose outer structure was read; nothing in it is to be believed yet."""

    message_type: int
    """One of :class:`newel.scep.constants.MessageType`, or any other number."""
    transaction_id: str
    sender_nonce: bytes
    digest: str
    """The name of the digest it is signed with, ``""`` where it is not supported."""
    signed: cms.SignedData
    content_digest: bytes


class VerifiedRequest(NamedTuple):
    """A message signed by the key of a certificate that the client itself chose."""

    request: Request
    signer: x509.Certificate
    signer_key: rsa.RSAPublicKey
    envelope: cms.Envelope


def read(data: bytes) -> Request:
    """Read a pkiMessage in DER or BER, at most 256 KiB. Raises :class:`MessageError`.

    The transaction id, the sender's nonce and the type of the message are each there once (§3.2.1).
    """
    if len(data) > constants.MAX_MESSAGE:
        raise MessageError(f"the message is longer than {constants.MAX_MESSAGE} octets")
    signed = cms.read_signed_data(data)
    try:
        attributes = _attributes(signed.attributes)
        content_type = der.Reader(attributes[constants.CONTENT_TYPE]).oid()
        if content_type != signed.content_type:
            raise MessageError("the signed content type is not that of the content")
        kind = _text(attributes[constants.MESSAGE_TYPE])
        if not (kind.isascii() and kind.isdigit() and len(kind) <= 5):
            raise MessageError("the type of the message is not a number")
        transaction_id = _text(attributes[constants.TRANSACTION_ID])
        nonce = der.only(attributes[constants.SENDER_NONCE], der.OCTET_STRING).content
        content_digest = der.only(attributes[constants.MESSAGE_DIGEST], der.OCTET_STRING).content
    except der.DERError as error:
        raise MessageError(f"a signed attribute cannot be read: {error}") from None
    if not 0 < len(transaction_id) <= MAX_TRANSACTION_ID or not transaction_id.isprintable():
        raise MessageError(f"a transaction id has 1 to {MAX_TRANSACTION_ID} printable characters")
    if not 0 < len(nonce) <= MAX_NONCE:
        raise MessageError(f"a nonce has 1 to {MAX_NONCE} octets")
    digest = DIGESTS.get(signed.digest)
    name = digest.name if digest else ""
    return Request(int(kind), transaction_id, nonce, name, signed, content_digest)


def _attributes(signed: bytes) -> dict[str, bytes]:
    """Return the one value of each attribute that a message needs."""
    found: dict[str, bytes] = {}
    for element in der.children(der.only(signed, der.SET).content):
        reader = der.Reader(element.content)
        oid = reader.oid()
        if oid not in _ONCE:
            continue
        values = der.children(reader.read(der.SET).content)
        if oid in found or len(values) != 1:
            raise MessageError(f"the signed attribute {oid} is there more than once")
        found[oid] = values[0].raw
    if missing := sorted(_ONCE - found.keys()):
        raise MessageError(f"the signed attribute {missing[0]} is missing")
    return found


def _text(value: bytes) -> str:
    (element,) = der.children(value)
    if element.tag not in _TEXTS:
        raise MessageError("a signed attribute is not text")
    try:
        return element.content.decode()
    except UnicodeDecodeError:
        raise MessageError("a signed attribute is not text") from None


def verify(request: Request) -> VerifiedRequest:
    """Verify the signature by the certificate in the message, and read the envelope.

    Who the signer is remains to be decided. SHA-1 is accepted, as some clients have nothing else: each
    signs what it has composed itself, so that a collision gains nothing. Raises
    :class:`RefusedError`.
    """
    if not request.digest:
        raise RefusedError(
            FailInfo.BAD_ALG,
            f"messages signed with {request.signed.digest[:64]} are not accepted: use SHA-256",
        )
    if request.signed.signature_algorithm not in _RSA:
        raise RefusedError(FailInfo.BAD_ALG, "messages are signed by RSA with PKCS #1 v1.5 padding")
    found = request.signed.certificates.get(request.signed.signer)
    if found is None:
        raise _signature_error("the signer's certificate is not in the message")
    try:
        certificate = loading.load_certificate(found)
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _signature_error(f"the signer's certificate: {error}") from None
    if not isinstance(key, rsa.RSAPublicKey) or not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        raise RefusedError(
            FailInfo.BAD_ALG,
            f"a client has an RSA key of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, to which the answer is encrypted",
        )
    algorithm = hash_algorithm(request.digest)
    digest = hashes.Hash(algorithm)
    digest.update(request.signed.content)
    if not constant_time.bytes_eq(digest.finalize(), request.content_digest):
        raise _signature_error("the content is not what was signed")
    try:
        key.verify(
            request.signed.signature, request.signed.attributes, padding.PKCS1v15(), algorithm
        )
    except InvalidSignature:
        raise _signature_error("the signature does not verify") from None
    try:
        envelope = cms.read_envelope(request.signed.content)
    except (MessageError, der.DERError) as error:
        raise _signature_error(str(error)) from None
    return VerifiedRequest(request, certificate, key, envelope)


def _signature_error(detail: str) -> RefusedError:
    return RefusedError(FailInfo.BAD_MESSAGE_CHECK, detail)


def challenge_password(request: bytes) -> str | None:
    """Return the challengePassword of a certification request in DER, or None where it has none.

    RFC 2985 §5.4.1. The request was read before. Raises :class:`newel.crypto.der.DERError`.
    """
    fields = der.children(der.children(der.only(request).content)[0].content)
    found: list[str] = []
    for attributes in fields[3:]:
        for each in der.children(attributes.content):
            reader = der.Reader(each.content)
            if reader.oid() != constants.CHALLENGE_PASSWORD:
                continue
            found += [_password(value) for value in der.children(reader.read(der.SET).content)]
    if len(found) > 1:
        raise der.DERError("the request has two challenge passwords")
    return found[0] if found else None


def _password(value: der.Element) -> str:
    encodings = {0x1E: "utf-16-be", 0x14: "latin-1", 0x1C: "utf-32-be"}
    try:
        return value.content.decode(encodings.get(value.tag, "utf-8"))
    except UnicodeDecodeError:
        raise der.DERError("the challenge password is not text") from None


def new_nonce() -> bytes:
    """Return the 16 unpredictable octets of a senderNonce (§3.2.1.5)."""
    return random_bytes(16)
