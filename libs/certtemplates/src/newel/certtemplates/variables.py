"""What a template can see: the subject, the names, the request and the asker's own data."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from newel.certtemplates.alternative_names import DNS, EMAIL, IP, URI, guess_kind
from newel.certtemplates.constraints import KEY_USAGES, PURPOSES
from newel.certtemplates.names import Attribute, attributes
from newel.certtemplates.subjects import EMPTY, LISTS, SINGLES
from newel.crypto import der, keys, names
from newel.crypto.csr import VerifiedRequest
from newel.crypto.extensions import (
    BASIC_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    Extension,
)
from newel.crypto.reader.names import ip_text
from newel.gotemplate.values import Map, NamedInteger, Record, Slice

KINDS = {DNS: "dns", IP: "ip", EMAIL: "email", URI: "uri"}
PURPOSE_NAMES = {oid: name for name, oid in PURPOSES.items()}
ALGORITHMS = {
    "1.2.840.113549.1.1.1": (1, "RSA"),
    "1.2.840.10045.2.1": (3, "ECDSA"),
    "1.3.101.112": (4, "Ed25519"),
}
KEY_TYPES = {"RSA": "*rsa.PublicKey", "ECDSA": "*ecdsa.PublicKey", "Ed25519": "ed25519.PublicKey"}
LIST_FIELDS = {oid: field for field, oid in LISTS.items()}
SINGLE_FIELDS = {oid: field for field, oid in SINGLES.items()}
MULTI_STRING = "x509util.MultiString"


class KeyAlgorithm(NamedInteger):
    """A public key's algorithm by Go's number."""

    go_type = "x509.PublicKeyAlgorithm"

    def __str__(self) -> str:
        return next((name for number, name in ALGORITHMS.values() if number == self), "0")


def variables(
    subject: Record, sans: Sequence[Record], insecure: Mapping[str, Any], **others: Any
) -> Map:
    """``.Subject``, ``.SANs``, ``.Insecure`` and whatever else there is by name."""
    known = {
        "Subject": subject,
        "SANs": Slice(sans, "[]x509util.SubjectAlternativeName"),
        "Insecure": Map(insecure, "x509util.TemplateData"),
    }
    return Map({**known, **others}, "x509util.TemplateData")


def numbers_as_go(value: Any) -> Any:
    """JSON as Go reads it: every number is floating point."""
    if isinstance(value, str):  # first, because most values are
        return value
    if isinstance(value, dict):
        return {str(key): numbers_as_go(each) for key, each in value.items()}
    if isinstance(value, list):
        return [numbers_as_go(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def alternative_names(texts: Sequence[str]) -> list[Record]:
    """``.SANs`` of names whose kind is told by their looks: DNS names, addresses, mailboxes, URIs."""
    pairs = [(guess_kind(each), each) for each in texts if each]
    return [san(KINDS[kind], each) for kind in KINDS for tag, each in pairs if tag == kind]


def san(kind: str, value: str) -> Record:
    """One of ``.SANs``."""
    shown = {"type": kind, "value": value}
    return Record(
        "x509util.SubjectAlternativeName",
        {"Type": kind, "Value": value, "ASN1Value": None},
        lambda: shown,
    )


def common_name(text: str) -> Record:
    """Return a subject of one common name."""
    return subject_of([Attribute("2.5.4.3", text)] if text else [])


def subject(name: bytes) -> Record:
    """Return a Name's attributes by field."""
    return subject_of(attributes(name))


def subject_of(listed: Sequence[Attribute]) -> Record:
    """Attributes by field; those without one are ``ExtraNames``."""
    lists, singles = known_attributes(listed)
    extra = [
        Record("x509util.DistinguishedName", {"type": each.oid, "value": each.text})
        for each in listed
        if each.oid not in LIST_FIELDS and each.oid not in SINGLE_FIELDS
    ]
    values: dict[str, Any] = {
        **{field: Slice(found, MULTI_STRING) for field, found in lists.items()},
        **singles,
        "extraNames": Slice(extra, "[]x509util.DistinguishedName"),
    }
    shown = {field: value for field, value in values.items() if value}
    fields = {go_name(field): value for field, value in values.items()}
    return Record("x509util.Subject", fields, lambda: shown)


def known_attributes(listed: Sequence[Attribute]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return the attributes that have a field: those of several values, and the last of the others."""
    lists: dict[str, list[str]] = {field: [] for field in LISTS}
    singles = dict.fromkeys(reversed(SINGLES), "")
    for oid, text in listed:
        if field := LIST_FIELDS.get(oid):
            lists[field].append(text)
        elif field := SINGLE_FIELDS.get(oid):
            singles[field] = text
    return lists, singles


def request(name: bytes, spki: bytes, asked: Sequence[Extension], version: int = 0) -> Record:
    """``.Insecure.CR``: what a request says, none of it proved."""
    by_oid = {each.oid: each.value for each in asked}
    found = names_by_kind(by_oid.get(SUBJECT_ALT_NAME))
    values: dict[str, Any] = {
        "version": version,
        "subject": subject(name),
        "rawSubject": name if name != EMPTY or version or asked else None,
        "dnsNames": texts(found[DNS], MULTI_STRING),
        "emailAddresses": texts(found[EMAIL], MULTI_STRING),
        "ipAddresses": texts(found[IP], "x509util.MultiIP"),
        "uris": texts(found[URI], "x509util.MultiURL"),
        "sans": None,
        "extensions": Slice([describe(each) for each in asked], nil=not asked),
        "keyUsage": usage_names(by_oid.get(KEY_USAGE)),
        **purpose_names(by_oid.get(EXTENDED_KEY_USAGE)),
        "basicConstraints": authority(by_oid.get(BASIC_CONSTRAINTS)),
        "signatureAlgorithm": "",
    }
    fields = {go_name(field): value for field, value in values.items()}
    return Record("*x509util.CertificateRequest", {**fields, **key_fields(spki)}, lambda: values)


def certification_request(asked: VerifiedRequest, subject: bytes = b"") -> Record:
    """``.Insecure.CR`` of a verified request, with another subject if one is given."""
    info = der.children(der.only(asked.der).content)[0]
    subject = subject or der.children(info.content)[1].raw
    requested = list(asked.extensions)
    if asked.names:
        requested.append(Extension(SUBJECT_ALT_NAME, False, names.encode(asked.names)))
    return request(subject, asked.spki, requested)


GO_NAMES = {"dnsNames": "DNSNames", "ipAddresses": "IPAddresses", "uris": "URIs", "sans": "SANs"}


@functools.cache
def go_name(field: str) -> str:
    """Return what Go calls a field of the JSON."""
    return GO_NAMES.get(field, field[0].upper() + field[1:])


def key_fields(spki: bytes) -> dict[str, Any]:
    """Return the key's type and algorithm, which templates ask for."""
    oid = der.Reader(der.only(spki).content).sequence().oid()
    number, name = ALGORITHMS.get(oid, (0, ""))
    key: dict[str, Any] = {}
    if name == "RSA":
        loaded = keys.load_public_key(spki)
        key = {"Size": getattr(loaded, "key_size", 0) // 8}
    return {
        "ChallengePassword": "",
        "PublicKey": Record(KEY_TYPES.get(name, "<nil>"), key),
        "PublicKeyAlgorithm": KeyAlgorithm(number),
    }


def texts(values: list[str], go_type: str) -> Slice:
    """Names of one kind; nil when there are none."""
    return Slice(values, go_type, nil=not values)


def names_by_kind(value: bytes | None) -> dict[int, list[str]]:
    """Return the names of a subjectAltName by kind; kinds without text are left out."""
    found: dict[int, list[str]] = {tag: [] for tag in KINDS}
    for element in der.children(der.only(value).content) if value else ():
        if element.tag == IP:
            found[IP].append(ip_text(element.content))
        elif element.tag in found:
            found[element.tag].append(element.content.decode("ascii", "replace"))
    return found


def describe(extension: Extension) -> Record:
    """One of ``.Insecure.CR.Extensions``."""
    values = {"id": extension.oid, "critical": extension.critical, "value": extension.value}
    return Record(
        "x509util.Extension",
        {"ID": extension.oid, "Critical": extension.critical, "Value": extension.value},
        lambda: values,
    )


def usage_names(value: bytes | None) -> Slice:
    """Key usages by name; nil when there are none, or none that can be read."""
    try:
        content = der.only(value, der.BIT_STRING).content[1:] if value else b""
    except der.DERError:
        content = b""
    bits = [
        number
        for number in range(min(len(content) * 8, len(KEY_USAGES)))
        if content[number // 8] & 0x80 >> number % 8
    ]
    return Slice([KEY_USAGES[bit] for bit in bits], "x509util.KeyUsage", nil=not bits)


def purpose_names(value: bytes | None) -> dict[str, Slice]:
    """Return extended key usages: known ones by name, others by object identifier."""
    try:
        oids = (
            [der.decode_oid(each.content) for each in der.children(der.only(value).content)]
            if value
            else []
        )
    except der.DERError:
        oids = []
    known = [PURPOSE_NAMES[oid] for oid in oids if oid in PURPOSE_NAMES]
    others = [oid for oid in oids if oid not in PURPOSE_NAMES]
    return {
        "extKeyUsage": Slice(known, "x509util.ExtKeyUsage"),
        "unknownExtKeyUsage": Slice(others, "x509util.UnknownExtKeyUsage", nil=not others),
    }


def authority(value: bytes | None) -> Record | None:
    """Return the basic constraints, None if they are missing or unreadable."""
    if value is None:
        return None
    try:
        reader = der.Reader(der.only(value).content)
        is_ca = reader.boolean() if not reader.at_end and reader.peek() == der.BOOLEAN else False
        length = -1 if reader.at_end else reader.integer()
    except der.DERError:
        return None
    values = {"isCA": is_ca, "maxPathLen": length}
    return Record(
        "*x509util.BasicConstraints", {"IsCA": is_ca, "MaxPathLen": length}, lambda: values
    )
