"""CMS SignedData (RFC 5652 §5) of one RSA signer over SHA-256: the form of AWS's 2,048-bit signature.

AWS writes it in BER with indefinite lengths, which the DER reader of :mod:`newel.crypto.der` refuses, so this
module has a small reader of its own: bounded in depth, linear in the input, whose size the caller bounds.
"""

import hashlib
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from newel.crypto import der
from newel.crypto.der import DERError

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_DATA = "1.2.840.113549.1.7.1"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_RSA = {"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11"}  # with or without naming the digest
_CONSTRUCTED = 0x20
_CONTEXT_0, _CONTEXT_1 = 0xA0, 0xA1
_INDEFINITE = 0x80
_MAX_DEPTH = 16


class InvalidSignedDataError(ValueError):
    """The octets are not a SignedData that can be verified here; the message says why."""


class _Element(NamedTuple):
    """One element of BER: its content, or what it is made of."""

    tag: int
    content: bytes
    parts: "tuple[_Element, ...]"
    raw: bytes
    definite: bool


def verify(data: bytes, document: bytes, key: rsa.RSAPublicKey) -> None:
    """Return if ``data`` is the key's signature of the document, whether it holds the document or not.

    Raises InvalidSignedDataError, or ``InvalidSignature`` for a signature of another key.
    """
    try:
        signed, signature = _signed_octets(_read_all(data), document)
    except (DERError, IndexError) as error:
        raise InvalidSignedDataError(f"it is not a CMS SignedData: {error}") from None
    key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


def _signed_octets(info: _Element, document: bytes) -> tuple[bytes, bytes]:
    """Return what was signed (RFC 5652 §5.4) and the signature."""
    _require(_oid(info.parts[0]) == _SIGNED_DATA, "it is not a SignedData")
    fields = info.parts[1].parts[0].parts
    encapsulated, signers = fields[2].parts, fields[-1]
    _require(_oid(encapsulated[0]) == _DATA, "its content is not plain data")
    if len(encapsulated) > 1:
        _require(_octets(encapsulated[1].parts[0]) == document, "it holds another document")
    _require(signers.tag == der.SET and len(signers.parts) == 1, "it has not exactly one signer")
    parts = list(signers.parts[0].parts)
    _require(_oid(parts[2].parts[0]) == _SHA256, "its digest is not SHA-256")
    attributes = parts.pop(3) if parts[3].tag == _CONTEXT_0 else None
    _require(_oid(parts[3].parts[0]) in _RSA, "its signature is not RSA")
    signature = _octets(parts[4])
    if attributes is None:
        return document, signature
    _require(attributes.definite, "its signed attributes are not in DER")
    _check_attributes(attributes, document)
    return bytes((der.SET,)) + attributes.raw[1:], signature


def _check_attributes(attributes: _Element, document: bytes) -> None:
    """Require the two attributes of RFC 5652 §11.1 and §11.2, each once and with one value."""
    values: dict[str, _Element] = {}
    for each in attributes.parts:
        name = _oid(each.parts[0])
        _require(name not in values, "it has a signed attribute twice")
        _require(len(each.parts[1].parts) == 1, "a signed attribute has not exactly one value")
        values[name] = each.parts[1].parts[0]
    kind, digest = values.get(_CONTENT_TYPE), values.get(_MESSAGE_DIGEST)
    _require(kind is not None and _oid(kind) == _DATA, "its content type is not signed")
    expected = hashlib.sha256(document).digest()
    _require(digest is not None and _octets(digest) == expected, "it signs another document")


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise InvalidSignedDataError(problem)


def _oid(element: _Element) -> str:
    if element.tag != der.OBJECT_IDENTIFIER:
        raise DERError("an object identifier is missing")
    return der.decode_oid(element.content)


def _octets(element: _Element) -> bytes:
    """Return an OCTET STRING, which BER may cut into pieces (X.690 §8.7)."""
    if element.tag == der.OCTET_STRING:
        return element.content
    pieces = element.parts
    cut = element.tag == der.OCTET_STRING | _CONSTRUCTED
    if not cut or any(each.tag != der.OCTET_STRING for each in pieces):
        raise DERError("an octet string is missing")
    return b"".join(each.content for each in pieces)


def _read_all(data: bytes) -> _Element:
    element, end = _read(data, 0, _MAX_DEPTH)
    if end != len(data):
        raise DERError("octets are left over")
    return element


def _read(data: bytes, start: int, depth: int) -> tuple[_Element, int]:
    """Read the element at ``start`` and return where it ends. Raises DERError and IndexError."""
    tag, size, body = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F or not depth:
        raise DERError("a tag has several octets, or elements are too deep")
    if size == _INDEFINITE:
        if not tag & _CONSTRUCTED:
            raise DERError("a primitive element has no length")
        parts, end = _read_until_mark(data, body, depth)
        return _Element(tag, b"", parts, data[start:end], definite=False), end
    if size > _INDEFINITE:
        count = size & 0x7F
        size, body = int.from_bytes(data[body : body + count], "big"), body + count
    end = body + size
    if end > len(data):
        raise DERError("an element is longer than what holds it")
    content = data[body:end]
    parts = _read_parts(content, depth) if tag & _CONSTRUCTED else ()
    return _Element(tag, content, parts, data[start:end], definite=True), end


def _read_parts(content: bytes, depth: int) -> tuple[_Element, ...]:
    parts: list[_Element] = []
    at = 0
    while at < len(content):
        part, at = _read(content, at, depth - 1)
        parts.append(part)
    return tuple(parts)


def _read_until_mark(data: bytes, at: int, depth: int) -> tuple[tuple[_Element, ...], int]:
    """Read elements up to the end-of-contents octets (X.690 §8.1.5)."""
    parts: list[_Element] = []
    while data[at : at + 2] != b"\0\0":
        part, at = _read(data, at, depth - 1)
        parts.append(part)
    return tuple(parts), at + 2
