"""A template's alternative names: GeneralNames (RFC 5280 §4.2.1.6) but x400Address and ediPartyName."""

import ipaddress
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from newel.certtemplates import subjects
from newel.certtemplates.asn1_values import encode, split_type
from newel.certtemplates.json_fields import Fields, object_identifier, octets, text
from newel.certtemplates.refusal import TemplateRefusedError, UnmakableError
from newel.crypto import der
from newel.crypto.dns_names import InvalidNameError, NameRules
from newel.crypto.names import dns_name
from newel.gotemplate.errors import CallError

USER_PRINCIPAL_NAME = "1.3.6.1.4.1.311.20.2.3"
PERMANENT_IDENTIFIER, HARDWARE_MODULE_NAME = "1.3.6.1.5.5.7.8.3", "1.3.6.1.5.5.7.8.4"
EMAIL, DNS, DIRECTORY, URI, IP, REGISTERED = 0x81, 0x82, 0xA4, 0x86, 0x87, 0x88
LISTS = {"dnsNames": DNS, "emailAddresses": EMAIL, "ipAddresses": IP, "uris": URI}
SIMPLE = {"dns": DNS, "email": EMAIL, "ip": IP, "uri": URI}
LENIENT = NameRules(underscores=True)


def general_names(fields: Fields) -> list[bytes]:
    """All names of a template in DER: its four lists by kind, then ``sans``.

    Without names of a rarer kind those of ``sans`` stand with their kind, as Go's library orders them;
    with one DNS names are in their canonical form.
    """
    found = [
        simple(tag, each) for name, tag in LISTS.items() for each in fields.texts(name) if each
    ]
    found += [each for each in map(alternative, fields.objects("sans")) if each]
    if any(map(is_rare, found)):
        return [each.lower() if each[0] == DNS else each for each in found]
    order = list(LISTS.values())
    return sorted(found, key=lambda each: order.index(each[0]))


def is_rare(name: bytes) -> bool:
    """Whether a GeneralName is of a kind that Go's library does not write."""
    return name[0] not in LISTS.values()


def alternative(san: Fields) -> bytes:
    """One of ``sans``; empty where it says nothing."""
    kind, value = san.read("type", text, ""), san.read("value", text, "")
    structure = san.get("asn1Value")
    if not value and structure is None:
        return b""
    if kind.lower() in {"", "auto"}:
        return simple(guess_kind(value), value)
    if kind.lower() in SIMPLE:
        return simple(SIMPLE[kind.lower()], value)
    if kind in RARE:
        return RARE[kind](value, structure)
    if kind in {"x400Address", "ediPartyName"}:
        raise UnmakableError(f"unimplemented SAN type {kind}")
    try:
        oid = object_identifier(kind)
        form, content = split_type(value)
        wrapped = encode(form, content)
        return tagged_other_name(oid, wrapped if form == "raw" else der.explicit(0, wrapped))
    except TemplateRefusedError:
        raise UnmakableError(f"unsupported SAN type {kind}") from None
    except CallError as error:
        raise UnmakableError(f'error marshaling ASN1 value "{value}": {error}') from None


def guess_kind(value: str) -> int:
    """Return the kind of name that a text looks like."""
    if _is_address(value):
        return IP
    if _has_scheme(value):
        return URI
    return EMAIL if "@" in value else DNS


def _is_address(value: str) -> bool:
    if ":" not in value and not value[:1].isdigit():
        return False  # no address; most names are told by this, which is quicker
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _has_scheme(value: str) -> bool:
    try:
        return bool(urlsplit(value).scheme)
    except ValueError:  # what cannot be split is no URI
        return False


def simple(tag: int, value: str) -> bytes:
    """Return a DNS name, mailbox, URI or address."""
    if tag == IP:
        try:
            found = ipaddress.ip_address(value)
        except ValueError:
            raise TemplateRefusedError(
                f"error unmarshaling json: ip {value} is not valid"
            ) from None
        mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
        return der.tlv(IP, (mapped or found).packed)
    if tag == DNS:
        try:
            dns_name(value, LENIENT)
        except InvalidNameError as error:
            raise TemplateRefusedError(f'"{value}" is no DNS name: {error}') from None
    if not value.isascii():
        raise TemplateRefusedError(f'error converting "{value}" to ia5')
    return der.tlv(tag, value.encode())


def other_name(oid: str, value: bytes) -> bytes:
    """Return an otherName of a value."""
    return tagged_other_name(oid, der.explicit(0, value))


def tagged_other_name(oid: str, tagged: bytes) -> bytes:
    """Return an otherName of a value that already has its tag."""
    return der.explicit(0, der.oid(oid) + tagged)


def user_principal_name(value: str, _structure: Any) -> bytes:
    """Microsoft's name of an account."""
    return other_name(USER_PRINCIPAL_NAME, der.tlv(der.UTF8_STRING, value.encode()))


def registered_id(value: str, _structure: Any) -> bytes:
    """Return a registeredID."""
    return b"\x88" + der.oid(object_identifier(value))[1:]


def directory_name(value: str, structure: Any) -> bytes:
    """Return a directoryName, from an object or its text."""
    name = subjects.name(structure if structure is not None else from_text(value))
    if name == subjects.EMPTY:
        raise UnmakableError("error parsing DirectoryName SAN: empty or malformed asn1Value")
    return der.tlv(DIRECTORY, name)


def permanent_identifier(value: str, structure: Any) -> bytes:
    """Return a PermanentIdentifier (RFC 4043)."""
    fields = Fields.of({"identifier": value} if structure is None else structure, "asn1Value")
    name, assigner = (
        fields.read("identifier", text, ""),
        fields.read("assigner", object_identifier, ""),
    )
    parts = [der.tlv(der.UTF8_STRING, name.encode())] if name else []
    parts += [der.oid(assigner)] if assigner else []
    return other_name(PERMANENT_IDENTIFIER, der.sequence(*parts))


def hardware_module_name(value: str, structure: Any) -> bytes:
    """Return a HardwareModuleName (RFC 4108 §5)."""
    fields = Fields.of(from_text(value) if structure is None else structure, "asn1Value")
    kind = fields.read("type", object_identifier, "")
    if not kind:
        raise UnmakableError("error marshaling HardwareModuleName SAN: a type is missing")
    serial = der.tlv(0x84, fields.read("serialNumber", octets, b""))
    return other_name(HARDWARE_MODULE_NAME, der.sequence(der.oid(kind), serial))


def from_text(value: str) -> Any:
    """JSON within a string."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise UnmakableError("the value is no JSON object") from None


RARE: dict[str, Callable[[str, Any], bytes]] = {
    "userPrincipalName": user_principal_name,
    "registeredID": registered_id,
    "dn": directory_name,
    "permanentIdentifier": permanent_identifier,
    "hardwareModuleName": hardware_module_name,
}
