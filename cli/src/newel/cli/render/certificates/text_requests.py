"""The extensions a request asks for, as lines of text."""

from collections.abc import Iterable

from newel.cli.render.certificates import text_extensions
from newel.cli.render.certificates.vendor_extensions import characters, runes
from newel.crypto import der, oids
from newel.crypto.reader import extensions as values
from newel.crypto.reader.certificates import Extension

KNOWN = {
    oids.SUBJECT_KEY_IDENTIFIER,
    oids.SUBJECT_ALT_NAME,
    oids.KEY_USAGE,
    oids.BASIC_CONSTRAINTS,
    oids.NAME_CONSTRAINTS,
    oids.EXTENDED_KEY_USAGE,
}
_ONLY_HERE = {
    "1.3.6.1.4.1.311.10.3.3": "Microsoft Server Gated Crypto",
    "2.16.840.1.113730.4.1": "Netscape Server Gated Crypto",
    "1.3.6.1.4.1.311.2.1.22": "Microsoft Commercial Code Signing",
    "1.3.6.1.4.1.311.61.1.1": "Microsoft Kernel Code Signing",
}


def requested_lines(extensions: Iterable[Extension]) -> list[str]:
    """Return known extensions as in certificates, then the others as characters and octets."""
    lines: list[str] = []
    rest: list[str] = []
    for extension in extensions:
        if extension.oid == oids.EXTENDED_KEY_USAGE:
            lines += usages(extension)
        elif extension.oid in KNOWN:
            lines += text_extensions.extension_lines(extension)
        else:
            rest += unknown_lines(extension)
    return [*lines, "        Attributes:", *rest] if rest else lines


def usages(extension: Extension) -> list[str]:
    """Return the extended key usages in their own order."""
    title = "X509v3 Extended Key Usage"
    try:
        found = values.object_identifiers(extension.value)
    except der.DERError:
        return [f"            {title}: failed to decode"]
    words = text_extensions.EXTENDED_KEY_USAGES | _ONLY_HERE
    listed = ", ".join(words.get(oid, f"UNKNOWN({oid})") for oid in found)
    return [text_extensions.header_line(title, extension), f"                {listed}"]


def unknown_lines(extension: Extension) -> list[str]:
    """Characters, and octets where some have none."""
    shown = characters(extension.value)[0]
    lines = [text_extensions.header_line(extension.oid, extension), f"                {shown}"]
    if shown != runes(extension.value):
        lines.append(f"                {extension.value.hex(':')}")
    return lines
