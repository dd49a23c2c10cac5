"""The extensions of revocation lists in words (RFC 5280 §5.2 and §5.3)."""

from typing import Any, NamedTuple

from newel.cli.render.certificates.json_keys import text
from newel.cli.render.certificates.vendor_extensions import characters
from newel.crypto import der, oids
from newel.crypto.reader.certificates import Extension

REASONS = (
    "Unspecified", "Key Compromise", "CA Compromise", "Affiliation Changed", "Superseded",
    "Cessation Of Operation", "Certificate Hold", "", "Remove From CRL", "Privilege Withdrawn",
    "AA Compromise",
)  # fmt: skip # words in rows
_ONLY = {
    0x81: ("Only User Certificates", "only_user_certificates"),
    0x82: ("Only CA Certificates", "only_ca_certificates"),
    0x85: ("Only Attribute Certificates", "only_attribute_certificates"),
}


class RenderedExtension(NamedTuple):
    """An extension in words: title, lines, and its members in JSON."""

    title: str
    lines: list[str]
    members: dict[str, Any]


def render_extension(extension: Extension) -> RenderedExtension:
    """Return an extension in words; as characters where it cannot be decoded."""
    decode = {
        oids.CRL_REASON: reason,
        oids.CRL_NUMBER: number,
        oids.AUTHORITY_KEY_IDENTIFIER: key_id,
        oids.ISSUING_DISTRIBUTION_POINT: distribution_point,
    }.get(extension.oid, render_unknown)
    try:
        found = decode(extension)
    except der.DERError:
        found = render_unknown(extension)
    if not extension.critical:
        return found
    return RenderedExtension(
        f"{found.title} critical", found.lines, found.members | {"critical": True}
    )


def render_unknown(extension: Extension) -> RenderedExtension:
    """Return an unknown extension as text."""
    return RenderedExtension(
        extension.oid, characters(extension.value), {extension.oid: text(extension.value)}
    )


def reason(extension: Extension) -> RenderedExtension:
    """Return why a certificate was revoked."""
    code = int.from_bytes(der.only(extension.value, der.ENUMERATED).content, "big")
    word = REASONS[code] if code < len(REASONS) else ""
    word = word or f"ReasonCode({code}): unknown"
    return RenderedExtension("X509v3 CRL Reason Code:", [word], {"crl_reason_code": word})


def number(extension: Extension) -> RenderedExtension:
    """Return the list's number."""
    word = str(der.Reader(extension.value).integer())
    return RenderedExtension("X509v3 CRL Number:", [word], {"crl_number": word})


def key_id(extension: Extension) -> RenderedExtension:
    """Return which key signed the list."""
    found = der.Reader(der.only(extension.value).content).optional(0x80)
    octets = found.content.hex(":").upper() if found else ""
    title = "X509v3 Authority Key Identifier:"
    return RenderedExtension(
        title, [f"keyid:{octets}"], {"authority_key_id": extension.value.hex()}
    )


def distribution_point(extension: Extension) -> RenderedExtension:
    """For which certificates the list is, and where it is published."""
    lines: list[str] = []
    names: list[str] = []
    members: dict[str, Any] = {}
    for element in der.children(der.only(extension.value).content):
        if element.tag == 0xA0:
            full = der.Reader(element.content).optional(0xA0)
            names = [
                f"URI:{name.content.decode('ascii', 'replace')}"
                for name in (der.children(full.content) if full else [])
            ]
        elif element.tag in _ONLY and element.content != b"\0":
            line, member = _ONLY[element.tag]
            lines.append(line)
            members[member] = True
        elif element.tag == 0x83:
            lines.append(f"Reasons: {element.content[1:].hex()}")
            members["only_some_reasons"] = text(element.content[1:])
    listed = ["Full Name:", *(f"    {name}" for name in names)] if names else []
    found = {"full_names": names or None} | members
    title = "X509v3 Issuing Distribution Point:"
    return RenderedExtension(
        title, listed + lines, {"issuing_distribution_point": dict(sorted(found.items()))}
    )
