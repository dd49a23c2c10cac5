"""Certification requests: RFC 2986, with the extensionRequest attribute of RFC 2985 §5.4.2."""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from newel.crypto import der, distinguished_names, keys, loading, names, pem
from newel.crypto.dns_names import STRICT, InvalidNameError, NameRules
from newel.crypto.extensions import SUBJECT_ALT_NAME, Extension

MAX_SIZE = 64 * 1024
MAX_NAMES = 256
MAX_EXTENSIONS = 32

_EXTENSION_REQUEST = der.oid("1.2.840.113549.1.9.14")
_PEM_START = b"-----BEGIN "
_OLD_LABEL = b"NEW CERTIFICATE REQUEST"

_ECDSA = {
    "1.2.840.10045.4.3.2": ec.ECDSA(hashes.SHA256()),
    "1.2.840.10045.4.3.3": ec.ECDSA(hashes.SHA384()),
    "1.2.840.10045.4.3.4": ec.ECDSA(hashes.SHA512()),
}
_PKCS1 = {
    "1.2.840.113549.1.1.11": hashes.SHA256(),
    "1.2.840.113549.1.1.12": hashes.SHA384(),
    "1.2.840.113549.1.1.13": hashes.SHA512(),
}
_PSS = "1.2.840.113549.1.1.10"
_ED25519 = "1.3.101.112"


class CsrError(ValueError):
    """The certification request cannot be used; the text says why, and may be shown."""


class CsrEncodingError(CsrError):
    """The octets are not a certification request at all."""


class CsrSignatureError(CsrError):
    """Its signature is not that of its key."""


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request whose signature shows possession of its key. Only :func:`parse_request` makes it.

    ``names`` are canonical and in the request's order, duplicates collapsed; ``extensions`` are the
    others it asks for, in order: nobody has agreed to them yet.
    """

    der: bytes
    spki: bytes
    public_key: keys.PublicKey
    subject: tuple[distinguished_names.Attribute, ...]
    names: tuple[names.GeneralName, ...]
    extensions: tuple[Extension, ...]


def parse_request(data: bytes, rules: NameRules = STRICT) -> VerifiedRequest:
    """The request in PEM or DER ``data``, at most 64 KiB, its signature verified.

    1. bound the size, take off the PEM; 2. let the library parse the outer structure strictly;
    3. load the key, which checks an elliptic curve point; 4. verify the signature, before anything
    inside is believed; 5. read subject, names and extensions. Raises :class:`CsrError`.
    """
    if len(data) > MAX_SIZE:
        raise CsrError(f"the request is longer than {MAX_SIZE} octets")
    try:
        octets = _take_off_pem(data)
        request = loading.load_request(octets)
        # the library found version, subject, key and attributes in their places
        signed = request.tbs_certrequest_bytes
        _, subject, key, *attributes = der.children(der.only(signed).content)
        public_key = keys.load_public_key(key.raw)
        _verify(request, signed, public_key)
        names_of_subject = distinguished_names.decode(subject.raw)
        general_names, extensions = _requested(attributes, rules)
    except keys.InvalidSignature:
        raise CsrSignatureError("the request's signature does not verify") from None
    except pem.PemError as error:
        raise CsrEncodingError(str(error)) from None
    except (keys.InvalidKeyError, der.DerError, InvalidNameError) as error:
        raise CsrError(str(error)) from None
    except ValueError as error:
        if isinstance(error, CsrError):
            raise
        raise CsrEncodingError("the octets are not a PKCS #10 request") from None
    return VerifiedRequest(octets, key.raw, public_key, names_of_subject, general_names, extensions)


def _take_off_pem(data: bytes) -> bytes:
    if data[:1] == b"\x30":
        return data
    text = data.strip() + b"\n"
    if not text.startswith(_PEM_START):
        raise CsrEncodingError("the request is neither PEM nor DER")
    old = text.startswith(_OLD_LABEL, len(_PEM_START))
    return pem.decode(text, _OLD_LABEL.decode() if old else "CERTIFICATE REQUEST")


def _verify(request: x509.CertificateSigningRequest, signed: bytes, key: keys.PublicKey) -> None:
    algorithm, signature = request.signature_algorithm_oid.dotted_string, request.signature
    if isinstance(key, ec.EllipticCurvePublicKey) and algorithm in _ECDSA:
        key.verify(signature, signed, _ECDSA[algorithm])
    elif isinstance(key, rsa.RSAPublicKey) and algorithm in _PKCS1:
        key.verify(signature, signed, padding.PKCS1v15(), _PKCS1[algorithm])
    elif isinstance(key, ed25519.Ed25519PublicKey) and algorithm == _ED25519:
        key.verify(signature, signed)
    elif isinstance(key, rsa.RSAPublicKey) and algorithm == _PSS:
        if not request.is_signature_valid:
            raise keys.InvalidSignature
    else:
        raise CsrError(f"the signature algorithm {algorithm} does not go with the key, or is weak")


def _requested(
    attributes: Sequence[der.Element], rules: NameRules
) -> tuple[tuple[names.GeneralName, ...], tuple[Extension, ...]]:
    general_names: tuple[names.GeneralName, ...] = ()
    others: list[Extension] = []
    seen: set[str] = set()
    for extension in _extensions(attributes):
        if extension.oid in seen:
            raise CsrError(f"the extension {extension.oid} is asked for twice")
        seen.add(extension.oid)
        if len(seen) > MAX_EXTENSIONS:
            raise CsrError(f"more than {MAX_EXTENSIONS} extensions are asked for")
        if extension.oid == SUBJECT_ALT_NAME:
            general_names = _names(extension.value, rules)
        else:
            others.append(extension)
    return general_names, tuple(others)


def _extensions(attributes: Sequence[der.Element]) -> list[Extension]:
    """Every extension of the extensionRequest attribute, of which there may be one."""
    found: list[Extension] | None = None
    for holder in attributes:
        for attribute in der.children(holder.content):
            kind, values = _of(attribute, der.OBJECT_IDENTIFIER, der.SET)
            if kind.raw != _EXTENSION_REQUEST:
                continue
            if found is not None:
                raise CsrError("the request has two lists of extensions")
            (requested,) = _of(values, der.SEQUENCE)
            found = [_extension(each) for each in der.children(requested.content)]
    return found or []


def _of(element: der.Element, *tags: int) -> list[der.Element]:
    """The elements inside one, which must have exactly these tags."""
    found = der.children(element.content)
    if tuple([each.tag for each in found]) != tags:
        raise der.DerError("an attribute or extension is not made as it should be")
    return found


def _extension(element: der.Element) -> Extension:
    kind, *critical, value = der.children(element.content) or [element, element]
    if (
        (kind.tag, value.tag) != (der.OBJECT_IDENTIFIER, der.OCTET_STRING)
        or [each.tag for each in critical] not in ([], [der.BOOLEAN])
        or any(each.content not in {b"\x00", b"\xff"} for each in critical)
    ):
        raise der.DerError("an extension is not made as it should be")
    is_critical = bool(critical) and critical[0].content == b"\xff"
    return Extension(der.dotted(kind.content), is_critical, value.content)


def _names(value: bytes, rules: NameRules) -> tuple[names.GeneralName, ...]:
    elements = der.children(der.only(value).content)
    if not elements:
        raise CsrError("the request's list of names is empty")
    found = dict.fromkeys(
        [names.from_der(each.tag, each.content, rules) for each in elements[: MAX_NAMES * 2]]
    )
    if len(elements) > MAX_NAMES * 2 or len(found) > MAX_NAMES:
        raise CsrError(f"the request has more than {MAX_NAMES} names")
    return tuple(found)
