"""A template's extensions that have fields of their own: usages, constraints, policies, where to ask."""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from newel.certtemplates.json_fields import Fields, object_identifiers, several, truth, whole
from newel.certtemplates.refusal import TemplateRefusedError
from newel.crypto import der, extensions
from newel.crypto.dns_names import InvalidNameError
from newel.crypto.extensions import Extension

POLICIES = "2.5.29.32"
SHORT = {"keyCertSign": "certSign", "cRLSign": "crlSign"}
KEY_USAGES = tuple(SHORT.get(name, name) for name in extensions.KEY_USAGES)
"""The usages by their bits, under the names templates have for them."""
PURPOSES = {
    "any": "2.5.29.37.0",
    "serverAuth": "1.3.6.1.5.5.7.3.1",
    "clientAuth": "1.3.6.1.5.5.7.3.2",
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "ipsecEndSystem": "1.3.6.1.5.5.7.3.5",
    "ipsecTunnel": "1.3.6.1.5.5.7.3.6",
    "ipsecUser": "1.3.6.1.5.5.7.3.7",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
    "ocspSigning": "1.3.6.1.5.5.7.3.9",
    "microsoftServerGatedCrypto": "1.3.6.1.4.1.311.10.3.3",
    "netscapeServerGatedCrypto": "2.16.840.1.113730.4.1",
    "microsoftCommercialCodeSigning": "1.3.6.1.4.1.311.2.1.22",
    "microsoftKernelCodeSigning": "1.3.6.1.4.1.311.61.1.1",
}
SUBTREES = (
    ("DNSDomains", 0x82),
    ("IPRanges", 0x87),
    ("EmailAddresses", 0x81),
    ("URIDomains", 0x86),
)


def plain(name: str) -> str:
    """Return the name of a usage without case and separators."""
    return name.lower().replace("_", "")


PLAIN_USAGES = {plain(name): place for place, name in enumerate(KEY_USAGES)} | {"nonrepudiation": 1}
PLAIN_PURPOSES = {plain(name): oid for name, oid in PURPOSES.items()}


def usages(value: Any) -> frozenset[int]:
    """Key usages by their bits."""
    found: set[int] = set()
    for name in several(value):
        if plain(name) not in PLAIN_USAGES:
            raise TemplateRefusedError(f"unsupported keyUsage {name}")
        found.add(PLAIN_USAGES[plain(name)])
    return frozenset(found)


def purposes(value: Any) -> tuple[str, ...]:
    """Return extended key usages as object identifiers."""
    for name in several(value):
        if plain(name) not in PLAIN_PURPOSES:
            raise TemplateRefusedError(f"unsupported extKeyUsage {name}")
    return tuple(PLAIN_PURPOSES[plain(name)] for name in several(value))


def usage_extensions(fields: Fields) -> Iterator[Extension]:
    """keyUsage, extKeyUsage with unknownExtKeyUsage, basicConstraints."""
    bits = fields.read("keyUsage", usages, frozenset[int]())
    if bits:
        yield extensions.key_usage([extensions.KEY_USAGES[bit] for bit in bits])
    wanted = fields.read("extKeyUsage", purposes, ())
    wanted += fields.read("unknownExtKeyUsage", object_identifiers, ())
    if wanted:
        yield extensions.extended_key_usage(wanted)
    if fields.get("basicConstraints") is not None:
        basic = Fields.of(fields.get("basicConstraints"), "basicConstraints")
        authority = basic.read("isCA", truth, False)  # a default of JSON
        length = basic.read("maxPathLen", whole, 0)
        limited = authority and length >= 0
        yield extensions.basic_constraints(ca=authority, path_length=length if limited else None)


def pointer_extensions(fields: Fields) -> Iterator[Extension]:
    """Where the responder and the issuer's certificate are: they stand before the names."""
    responders, issuers = fields.texts("ocspServer"), fields.texts("issuingCertificateURL")
    if responders or issuers:
        yield require_urls(lambda: extensions.authority_information_access(responders, issuers))


def later_extensions(fields: Fields) -> Iterator[Extension]:
    """Policies, name constraints, revocation lists: they stand behind the names."""
    policies = fields.read("policyIdentifiers", object_identifiers, ())
    if policies:
        information = [der.sequence(der.oid(each)) for each in policies]
        yield Extension(POLICIES, False, der.sequence(*information))
    bounds = Fields.of(fields.get("nameConstraints"), "nameConstraints")
    sides = [subtrees(bounds, side) for side in ("permitted", "excluded")]
    if any(sides):
        made = extensions.name_constraints(*sides)
        critical = bounds.read("critical", truth, False)  # a default of JSON
        yield Extension(made.oid, critical, made.value)
    lists = fields.texts("crlDistributionPoints")
    if lists:
        yield require_urls(lambda: extensions.crl_distribution_points(lists))


def require_urls(make: Any) -> Extension:
    """Return an extension of URLs; other texts are refused."""
    try:
        return make()
    except InvalidNameError as error:
        raise TemplateRefusedError(str(error)) from None


def subtrees(bounds: Fields, side: str) -> Sequence[bytes]:
    """Return the bases of one side's subtrees."""
    found: list[bytes] = []
    for name, tag in SUBTREES:
        for value in bounds.texts(side + name):
            if not value.isascii():
                raise TemplateRefusedError(f"{side}{name}: {value} is not ASCII")
            found.append(der.tlv(tag, network(value) if tag == 0x87 else value.encode()))
    return found


def network(value: str) -> bytes:
    """Return an address and its mask."""
    try:
        found = ipaddress.ip_network(value, strict=False)
    except ValueError:
        found = None
    if found is None or "/" not in value:
        raise TemplateRefusedError(f"error unmarshaling json: invalid CIDR address: {value}")
    return found.network_address.packed + found.netmask.packed
