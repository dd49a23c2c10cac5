"""CMS SignedData (RFC 5652 §5) of one RSA signer over SHA-256: the form of AWS's 2,048-bit signature."""

import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from newel.crypto import der
from newel.crypto.der import DERError
from newel.scep.constants import MessageError

_DATA = "1.2.840.113549.1.7.1"
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_RSA = {"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11"}  # with or without naming the digest


class InvalidSignedDataError(ValueError):
    """The octets are not a SignedData that can be verified here; the message says why."""


def verify(data: bytes, document: bytes, key: rsa.RSAPublicKey) -> None:
    """Return if ``data`` is the key's signature of the document, whether it holds the document or not.

    Raises InvalidSignedDataError, or ``InvalidSignature`` for a signature of another key.
    """
    # the library that reads CMS is slow to load, and few instances send this form
    from newel.scep.cms import read_signed_data

    try:
        signed = read_signed_data(data)
    except MessageError as error:
        raise InvalidSignedDataError(str(error)) from None
    _require(signed.content_type == _DATA, "its content is not plain data")
    _require(signed.content in {b"", document}, "it holds another document")
    _require(signed.digest == _SHA256, "its digest is not SHA-256")
    _require(signed.signature_algorithm in _RSA, "its signature is not RSA")
    try:
        _check_attributes(signed.attributes, document)
    except DERError as error:
        raise InvalidSignedDataError(f"its signed attributes are not in DER: {error}") from None
    key.verify(signed.signature, signed.attributes, padding.PKCS1v15(), hashes.SHA256())


def _check_attributes(attributes: bytes, document: bytes) -> None:
    """Require the two attributes of RFC 5652 §11.1 and §11.2, each once and with one value."""
    values: dict[str, bytes] = {}
    for each in der.children(der.only(attributes, der.SET).content):
        reader = der.Reader(each.content)
        name, found = reader.oid(), reader.read(der.SET)
        reader.end()
        _require(name not in values, "it has a signed attribute twice")
        values[name] = found.content
    _require(values.get(_CONTENT_TYPE) == der.oid(_DATA), "its content type is not signed")
    digest = der.octet_string(hashlib.sha256(document).digest())
    _require(values.get(_MESSAGE_DIGEST) == digest, "it signs another document")


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise InvalidSignedDataError(problem)
