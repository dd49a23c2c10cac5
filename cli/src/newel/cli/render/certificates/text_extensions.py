"""The extensions of a certificate as lines of text."""

from collections.abc import Callable

from newel.cli.render.certificates import vendor_extensions
from newel.crypto import der, oids
from newel.crypto.reader import extensions as values
from newel.crypto.reader.certificates import Extension
from newel.crypto.reader.names import GeneralNames, parse_general_names

EXTENDED_KEY_USAGES = {
    "2.5.29.37.0": "Any Usage",
    "1.3.6.1.5.5.7.3.1": "Server Authentication",
    "1.3.6.1.5.5.7.3.2": "Client Authentication",
    "1.3.6.1.5.5.7.3.3": "Code Signing",
    "1.3.6.1.5.5.7.3.4": "E-mail Protection",
    "1.3.6.1.5.5.7.3.5": "IPSec End System",
    "1.3.6.1.5.5.7.3.6": "IPSec Tunnel",
    "1.3.6.1.5.5.7.3.7": "IPSec User",
    "1.3.6.1.5.5.7.3.8": "Time Stamping",
    "1.3.6.1.5.5.7.3.9": "OCSP Signing",
    "2.23.133.8.1": "EK Certificate",
}
# the original's library knows these but has no words for them
WORDLESS = {
    "1.3.6.1.4.1.311.10.3.3",
    "2.16.840.1.113730.4.1",
    "1.3.6.1.4.1.311.2.1.22",
    "1.3.6.1.4.1.311.61.1.1",
}

Lines = list[str]


def extension_lines(extension: Extension) -> Lines:
    """One extension; what cannot be decoded is shown as the characters it has."""
    title, show = TITLES.get(extension.oid) or vendor_extensions.TITLES.get(
        extension.oid, (extension.oid, vendor_extensions.characters)
    )
    try:
        body = show(extension.value)
    except (der.DERError, IndexError):
        body = vendor_extensions.characters(extension.value)
    return [header_line(title, extension), *(f"                {line}" for line in body)]


def header_line(title: str, extension: Extension) -> str:
    """Return the first line of an extension."""
    return f"            {title}:{' critical' if extension.critical else ''}"


def subject_key_id(value: bytes) -> Lines:
    """Upper hexadecimal digits."""
    return [der.only(value, der.OCTET_STRING).content.hex(":").upper()]


def authority_key_id(value: bytes) -> Lines:
    """Upper hexadecimal digits; a line without any when there is only an issuer and serial."""
    return [values.authority_key_id(value).hex(":").upper()]


def key_usage(value: bytes) -> Lines:
    """Return the usages by name."""
    bits = values.key_usage(value)
    found = [name for number, name in enumerate(values.KEY_USAGES) if bits & 1 << number]
    return [", ".join(found) or "None"]


def extended_key_usage(value: bytes) -> Lines:
    """Return the usages by name, what is not known by identifier at the end."""
    found = values.object_identifiers(value)
    named = [EXTENDED_KEY_USAGES.get(oid, "UNKNOWN") for oid in found if is_named(oid)]
    rest = [EXTENDED_KEY_USAGES.get(oid, oid) for oid in found if not is_named(oid)]
    return [", ".join(named + rest)] if found else []


def is_named(oid: str) -> bool:
    """Say whether a usage is listed among those with names; a TPM's endorsement comes with the others."""
    return oid in WORDLESS or (oid in EXTENDED_KEY_USAGES and not oid.startswith("2.23."))


def basic_constraints(value: bytes) -> Lines:
    """CA or not, and how long a path may be."""
    authority, length = values.basic_constraints(value)
    bound = "" if length is None else f", pathlen:{length}"
    return [f"CA:{'TRUE' if authority else 'FALSE'}{bound}"]


def alternative_names(value: bytes) -> Lines:
    """One line for each kind, in the order DNS, e-mail, IP, URI; other names after them."""
    found = parse_general_names(value)
    return [*named_lines(found), *vendor_extensions.other_names(found.others)]


def named_lines(found: GeneralNames) -> Lines:
    """Return the four usual kinds."""
    kinds = (
        ("DNS", found.dns),
        ("email", found.emails),
        ("IP Address", found.addresses),
        ("URI", found.uris),
    )
    return [", ".join(f"{kind}:{name}" for name in listed) for kind, listed in kinds if listed]


def name_constraints(value: bytes) -> Lines:
    """Return what is permitted and excluded, by kind."""
    lines: Lines = []
    for title, side in zip(("Permitted", "Excluded"), values.name_constraints(value), strict=True):
        ranges = [values.range_text(*one) for one in side.ranges]
        kinds = (
            ("DNS", side.dns),
            ("Email", side.emails),
            ("URI", side.uris),
            ("IP Range", ranges),
        )
        body = [f"  {kind}: {', '.join(listed)}" for kind, listed in kinds if listed]
        lines += [f"{title}:", *body] if body else []
    return lines


def crl_points(value: bytes) -> Lines:
    """Return where revocation lists are."""
    found = values.crl_points(value)
    return ["Full Name:", "  " + ", ".join(f"URI:{uri}" for uri in found)] if found else []


def policies(value: bytes) -> Lines:
    """Return the policies' identifiers."""
    return [f"Policy: {oid}" for oid, _ in values.policies(value)]


def authority_access(value: bytes) -> Lines:
    """OCSP responders and issuers."""
    kinds = zip(("OCSP", "CA Issuers"), values.authority_access(value), strict=True)
    return [f"{kind} - " + ",".join(f"URI:{uri}" for uri in uris) for kind, uris in kinds if uris]


TITLES: dict[str, tuple[str, Callable[[bytes], Lines]]] = {
    oids.SUBJECT_DIRECTORY_ATTRIBUTES: (
        "X509v3 Subject Directory Attributes", vendor_extensions.directory_attributes,
    ),
    oids.SUBJECT_KEY_IDENTIFIER: ("X509v3 Subject Key Identifier", subject_key_id),
    oids.KEY_USAGE: ("X509v3 Key Usage", key_usage),
    oids.SUBJECT_ALT_NAME: ("X509v3 Subject Alternative Name", alternative_names),
    oids.BASIC_CONSTRAINTS: ("X509v3 Basic Constraints", basic_constraints),
    oids.NAME_CONSTRAINTS: ("X509v3 Name Constraints", name_constraints),
    oids.CRL_DISTRIBUTION_POINTS: ("X509v3 CRL Distribution Points", crl_points),
    oids.CERTIFICATE_POLICIES: ("X509v3 Certificate Policies", policies),
    oids.AUTHORITY_KEY_IDENTIFIER: ("X509v3 Authority Key Identifier", authority_key_id),
    oids.EXTENDED_KEY_USAGE: ("X509v3 Extended Key Usage", extended_key_usage),
    oids.AUTHORITY_INFORMATION_ACCESS: ("Authority Information Access", authority_access),
}  # fmt: skip # a table
"""Each extension's title and what makes the lines below it."""
