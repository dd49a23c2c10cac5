"""Certification requests: RFC 2986, with the extensionRequest attribute of RFC 2985 §5.4.2."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from newel.crypto import armor, der, distinguished_names, keys, names, pem, possession
from newel.crypto.dns_names import STRICT, InvalidNameError, NameRules
from newel.crypto.extensions import SUBJECT_ALT_NAME, Extension

MAX_SIZE = 64 * 1024
MAX_NAMES = 256
MAX_EXTENSIONS = 32

# RFC 2985 §5.4.2, and what Windows wrote before it
_EXTENSION_REQUESTS = frozenset(
    (der.oid("1.2.840.113549.1.9.14"), der.oid("1.3.6.1.4.1.311.2.1.14"))
)
NameReader: TypeAlias = Callable[[int, bytes, NameRules], names.GeneralName]
"""Reads the names of a request: :func:`names.from_der`, or one that reads a device's as well."""

_LABELS = ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
_USUAL_START = b"-----BEGIN CERTIFICATE REQUEST-----"
_ATTRIBUTES = 0xA0
_OUTER = [der.SEQUENCE, der.SEQUENCE, der.BIT_STRING]
_INNER = [der.INTEGER, der.SEQUENCE, der.SEQUENCE]
# The version means nothing: it has been 0 since there are requests, and programs write 1 and 2
_VERSIONS = frozenset((b"\x00", b"\x01", b"\x02"))


class CSRError(ValueError):
    """The certification request cannot be used; the text says why, and may be shown."""


class CSREncodingError(CSRError):
    """The text holds no certification request: it is neither PEM nor DER."""


class CSRSignatureError(CSRError):
    """The signature is not of the key in the request."""


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request whose signature proves possession of its key, made by :func:`parse_request` only.

    ``names`` are canonical and in the request's order, without duplicates; ``extensions`` are the other
    requested ones, in order, and not approved yet.
    """

    der: bytes
    spki: bytes
    public_key: keys.PublicKey
    subject: tuple[distinguished_names.Attribute, ...]
    names: tuple[names.GeneralName, ...]
    extensions: tuple[Extension, ...]


class UnverifiedRequest(NamedTuple):
    """The outer structure of a request; nothing inside it is to be believed yet."""

    octets: bytes
    signed: bytes
    fields: list[der.Element]
    algorithm: bytes
    signature: bytes

    def verify(
        self, rules: NameRules = STRICT, read_name: NameReader = names.from_der
    ) -> VerifiedRequest:
        """Verify the signature and read the request.

        1. load the key, which checks an elliptic curve point; 2. verify the signature over the octets as
        they were sent; 3. read subject, names and extensions. What only proves possession is read
        liberally, what may get into a certificate strictly. Raises :class:`CSRError`.
        """
        _, subject, key, *attributes = self.fields
        try:
            public_key = keys.load_public_key(key.raw)
            possession.verify(public_key, self.algorithm, self.signature, self.signed)
            names_of_subject = distinguished_names.decode(subject.raw, odd_values=True)
            general_names, extensions = _read_attributes(attributes, rules, read_name)
        except keys.InvalidSignature:
            raise CSRSignatureError("the request's signature does not verify") from None
        except possession.AlgorithmError as error:
            raise CSRError(str(error)) from None
        except (keys.InvalidKeyError, der.DERError, InvalidNameError) as error:
            raise CSRError(str(error)) from None
        return VerifiedRequest(
            self.octets, key.raw, public_key, names_of_subject, general_names, extensions
        )


def read_request(data: bytes) -> UnverifiedRequest:
    """Read the structure of a request in PEM or DER, at most 64 KiB. Raises :class:`CSRError`."""
    if len(data) > MAX_SIZE:
        raise CSRError(f"the request is longer than {MAX_SIZE} octets")
    octets = _decode_pem(data)
    return UnverifiedRequest(octets, *_split(octets))


def parse_request(
    data: bytes, rules: NameRules = STRICT, read_name: NameReader = names.from_der
) -> VerifiedRequest:
    """Read a request in PEM or DER and verify its signature. Raises :class:`CSRError`."""
    return read_request(data).verify(rules, read_name)


def verify_possession(octets: bytes) -> keys.PublicKey:
    """Verify the signature of a request in DER and return its key; the rest is not read.

    Raises :class:`CSRError`.
    """
    signed, (_, _, key, *_), algorithm, signature = _split(octets)
    try:
        public_key = keys.load_public_key(key.raw)
        possession.verify(public_key, algorithm, signature, signed)
    except keys.InvalidSignature:
        raise CSRSignatureError("the request's signature does not verify") from None
    except (possession.AlgorithmError, keys.InvalidKeyError) as error:
        raise CSRError(str(error)) from None
    return public_key


def _split(octets: bytes) -> tuple[bytes, list[der.Element], bytes, bytes]:
    """Split a request: signed octets, the fields inside, signature algorithm, signature."""
    try:
        parts = der.children(der.only(octets).content)
        if [part.tag for part in parts] != _OUTER:
            raise CSRError("the octets are not a PKCS #10 request")
        signed, algorithm, bits = parts
        fields = der.children(signed.content)
    except der.DERError as error:
        raise CSRError(f"the octets are not a PKCS #10 request: {error}") from None
    tags = [field.tag for field in fields]
    if tags[:3] != _INNER:
        raise CSRError(_why_not_a_request(tags))
    if fields[0].content not in _VERSIONS:
        raise CSRError("the version in the request is not 0, 1 or 2")
    if tags[3:] not in ([], [_ATTRIBUTES]):
        raise CSRError("after the key of a request only its attributes may follow")
    if bits.content[:1] != b"\x00":
        raise CSRError("the signature of the request is not made of whole octets")
    return signed.raw, fields, algorithm.raw, bits.content[1:]


def _why_not_a_request(tags: list[int]) -> str:
    if tags[:1] == [_ATTRIBUTES]:
        return "the octets are a certificate, not a PKCS #10 request"
    if tags[:1] != [der.INTEGER]:
        return "the octets are not a PKCS #10 request: it begins without a version"
    return "the octets are not a PKCS #10 request: after the version come a subject and a key"


def _decode_pem(data: bytes) -> bytes:
    if data[:1] == b"\x30":
        return data
    text = data.strip() + b"\n"
    if text.startswith(_USUAL_START):
        with contextlib.suppress(pem.PEMError):
            return pem.decode(text, _LABELS[0])
    return _decode_text(data)


def _decode_text(data: bytes) -> bytes:
    """Decode the only block of a text; ``openssl req -text`` and Windows write text around it.

    A second block is refused: it is unclear which one is meant, and a private key must not be sent.
    """
    try:
        blocks = armor.blocks(data)
        if not blocks:
            raise CSREncodingError("the request is neither PEM nor DER")
        if len(blocks) > 1:
            raise CSREncodingError(f"{len(blocks)} PEM blocks where one is expected")
        if blocks[0].label not in _LABELS:
            raise CSREncodingError(f"the PEM block is a {blocks[0].label}, not a {_LABELS[0]}")
        return blocks[0].content
    except pem.PEMError as error:
        raise CSREncodingError(str(error)) from None


def _read_attributes(
    attributes: Sequence[der.Element], rules: NameRules, read_name: NameReader
) -> tuple[tuple[names.GeneralName, ...], tuple[Extension, ...]]:
    general_names: tuple[names.GeneralName, ...] = ()
    others: list[Extension] = []
    seen: set[str] = set()
    for extension in _extensions(attributes):
        if extension.oid in seen:
            raise CSRError(f"the extension {extension.oid} is asked for twice")
        seen.add(extension.oid)
        if len(seen) > MAX_EXTENSIONS:
            raise CSRError(f"more than {MAX_EXTENSIONS} extensions are asked for")
        if extension.oid == SUBJECT_ALT_NAME:
            general_names = _names(extension.value, rules, read_name)
        else:
            others.append(extension)
    return general_names, tuple(others)


def _extensions(attributes: Sequence[der.Element]) -> list[Extension]:
    """Read every extension of the extensionRequest attribute, which may occur once."""
    found: list[Extension] | None = None
    for holder in attributes:
        for attribute in der.children(holder.content):
            parts = der.children(attribute.content)
            if not parts or parts[0].raw not in _EXTENSION_REQUESTS:
                continue
            if found is not None:
                raise CSRError("the request has two lists of extensions")
            _, values = _read_children(attribute, der.OBJECT_IDENTIFIER, der.SET)
            lists = _read_children(values, der.SEQUENCE) if values.content else []
            found = [_extension(each) for asked in lists for each in der.children(asked.content)]
    return found or []


def _read_children(element: der.Element, *tags: int) -> list[der.Element]:
    """Return the elements inside one, which must have exactly these tags."""
    found = der.children(element.content)
    if tuple([each.tag for each in found]) != tags:
        raise der.DERError("an attribute or extension is malformed")
    return found


def _extension(element: der.Element) -> Extension:
    parts = der.children(element.content)
    kind, *critical, value = parts if len(parts) > 1 else (element, element)
    if (
        (kind.tag, value.tag) != (der.OBJECT_IDENTIFIER, der.OCTET_STRING)
        or [each.tag for each in critical] not in ([], [der.BOOLEAN])
        or any(each.content not in {b"\x00", b"\xff"} for each in critical)
    ):
        raise der.DERError("an extension is malformed")
    is_critical = bool(critical) and critical[0].content == b"\xff"
    return Extension(der.decode_oid(kind.content), is_critical, value.content)


def _names(value: bytes, rules: NameRules, read_name: NameReader) -> tuple[names.GeneralName, ...]:
    elements = der.children(der.only(value).content)
    if not elements:
        raise CSRError("the request's list of names is empty")
    found = dict.fromkeys(
        [read_name(each.tag, each.content, rules) for each in elements[: MAX_NAMES * 2]]
    )
    if len(elements) > MAX_NAMES * 2 or len(found) > MAX_NAMES:
        raise CSRError(f"the request has more than {MAX_NAMES} names")
    return tuple(found)
