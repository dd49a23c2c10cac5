"""The extensions of a certificate in its JSON."""

from collections.abc import Callable
from typing import Any

from newel.cli.render.certificates import json_names, policy_notices, vendor_extensions
from newel.cli.render.certificates.json_keys import text
from newel.cli.render.certificates.json_usages import EXTENDED_KEY_USAGES
from newel.crypto import der, oids
from newel.crypto.reader import extensions as values
from newel.crypto.reader import names
from newel.crypto.reader.certificates import Certificate, Extension
from newel.crypto.reader.names import ip_text

ISSUER_ALT_NAME = "2.5.29.18"
POISON = "1.3.6.1.4.1.11129.2.4.3"
TIMESTAMPS = "1.3.6.1.4.1.11129.2.4.2"
_NEWER_TYPES = 8

Json = dict[str, Any]


def members(shown: Certificate) -> tuple[Json, list[Json]]:
    """Return known extensions by name, and others as they are."""
    found: Json = {}
    unknown: list[Json] = []
    for extension in shown.extensions:
        if extension.oid not in ORDER:
            unknown.append(raw(extension))
            continue
        name, decode = ORDER[extension.oid]
        try:
            found[name] = decode(extension)
        except (der.DERError, IndexError):
            unknown.append(raw(extension))
    if not found.get("key_usage", {}).get("value"):
        found.pop("key_usage", None)
    return {name: found[name] for name, _ in ORDER.values() if name in found}, unknown


def raw(extension: Extension) -> Json:
    """Return an extension as it is."""
    return {"id": extension.oid, "critical": extension.critical, "value": text(extension.value)}


def key_usage(extension: Extension) -> Json:
    """Return a member for each usage, and all of them as a number."""
    bits = values.key_usage(extension.value)
    found: Json = {}
    for number, name in enumerate(values.KEY_USAGES):
        if bits & 1 << number:
            found[name.lower().replace(" ", "_")] = True
    return found | {"value": bits}


def basic_constraints(extension: Extension) -> Json:
    """Return whether it is an authority, and how long a path may be."""
    authority, length = values.basic_constraints(extension.value)
    return {"is_ca": authority} | ({} if length is None else {"max_path_len": length})


def alternative_names(extension: Extension) -> Json:
    """Return names by kind."""
    found = names.parse_general_names(extension.value)
    others = [name for name in found.others if name.tag == 0xA0]
    kinds = {
        "directory_names": [
            json_names.members(name.content) for name in found.others if name.tag == 0xA4
        ],
        "dns_names": found.dns,
        "email_addresses": found.emails,
        "ip_addresses": found.addresses,
        "other_names": [other_name(name) for name in others],
        "registered_ids": [der.decode_oid(n.content) for n in found.others if n.tag == 0x88],
        "uniform_resource_identifiers": found.uris,
    }  # fmt: skip # a table
    return {kind: listed for kind, listed in kinds.items() if listed}


def other_name(element: der.Element) -> Json:
    """Return an otherName: its kind and its value in DER."""
    inner = der.Reader(element.content)
    return {"id": inner.oid(), "value": text(inner.read(0xA0).content)}


def name_constraints(extension: Extension) -> Json:
    """Return subtrees by side and kind."""
    found: Json = {"critical": extension.critical}
    sides = zip(("permitted", "excluded"), values.name_constraints(extension.value), strict=True)
    for side, trees in sides:
        kinds = {
            "names": trees.dns,
            "email_addresses": trees.emails,
            "ip_addresses": [address_range(*one) for one in trees.ranges],
            "directory_names": [json_names.members(name) for name in trees.directories],
        }
        found |= {f"{side}_{kind}": listed for kind, listed in kinds.items() if listed}
    return found


def address_range(address: bytes, mask: bytes) -> Json:
    """Return a range with its ends."""
    found: Json = {"cidr": values.range_text(address, mask)}
    number, width = int.from_bytes(mask, "big"), len(mask) * 8
    ones = number.bit_count()
    if not ones or number != ((1 << ones) - 1) << (width - ones):
        return found
    first = bytes(a & m for a, m in zip(address, mask, strict=True))
    last = bytes(a | (m ^ 0xFF) for a, m in zip(address, mask, strict=True))
    ends = {"begin": first, "end": last, "mask": mask}
    return found | {name: ip_text(octets) for name, octets in ends.items()}


def extended_key_usage(extension: Extension) -> Json:
    """Return a member for each usage that has a name, the others in a list."""
    found = values.object_identifiers(extension.value)
    known = {EXTENDED_KEY_USAGES[oid] for oid in found if oid in EXTENDED_KEY_USAGES}
    listed: Json = {name: True for name in EXTENDED_KEY_USAGES.values() if name in known}
    rest = [oid for oid in found if oid not in EXTENDED_KEY_USAGES]
    return listed | ({"unknown": rest} if rest else {})


def authority_access(extension: Extension) -> Json:
    """OCSP responders and issuers."""
    responders, issuers = values.authority_access(extension.value)
    found: Json = {"ocsp_urls": responders} if responders else {}
    return found | ({"issuer_urls": issuers} if issuers else {})


def timestamps(extension: Extension) -> list[Json]:
    """Signed certificate timestamps; their times in seconds."""
    listed: list[Json] = []
    for one in vendor_extensions.timestamp_list(extension.value):
        signature = (
            bytes((one.hash, one.signer)) + len(one.signature).to_bytes(2, "big") + one.signature
        )
        entry: Json = {
            "version": one.version,
            "log_id": text(one.log),
            "timestamp": one.time // 1000,
        }
        if one.extensions:
            entry["extensions"] = text(one.extensions)
        listed.append(entry | {"signature": text(signature)})
    return listed


def provisioner(extension: Extension) -> dict[str, str]:
    """Return which provisioner let it be issued, in the order of the members' names."""
    found = values.provisioner(extension.value)
    named = 0 < found.type <= _NEWER_TYPES
    kind = vendor_extensions.PROVISIONERS[found.type] if named else f"Unknown ({found.type:#x})"
    entry = {"type": kind, "name": found.name}
    if found.credential:
        entry["credentialID"] = found.credential
    for key, value in zip(found.pairs[::2], [*found.pairs[1::2], "-"], strict=False):
        lowered = key[:1].lower() + key[1:] if "A" <= key[:1] <= "Z" else key
        entry[lowered] = value
    return dict(sorted(entry.items()))


ORDER: dict[str, tuple[str, Callable[[Extension], Any]]] = {
    oids.KEY_USAGE: ("key_usage", key_usage),
    oids.BASIC_CONSTRAINTS: ("basic_constraints", basic_constraints),
    oids.SUBJECT_ALT_NAME: ("subject_alt_name", alternative_names),
    ISSUER_ALT_NAME: ("issuer_alt_name", alternative_names),
    oids.NAME_CONSTRAINTS: ("name_constraints", name_constraints),
    oids.CRL_DISTRIBUTION_POINTS: ("crl_distribution_points", lambda e: values.crl_points(e.value)),
    oids.AUTHORITY_KEY_IDENTIFIER: (
        "authority_key_id", lambda e: values.authority_key_id(e.value).hex(),
    ),
    oids.SUBJECT_KEY_IDENTIFIER: (
        "subject_key_id", lambda e: der.only(e.value, der.OCTET_STRING).content.hex(),
    ),
    oids.EXTENDED_KEY_USAGE: ("extended_key_usage", extended_key_usage),
    oids.CERTIFICATE_POLICIES: ("certificate_policies", lambda e: policy_notices.members(e.value)),
    oids.AUTHORITY_INFORMATION_ACCESS: ("authority_info_access", authority_access),
    POISON: ("ct_poison", lambda _: True),
    TIMESTAMPS: ("signed_certificate_timestamps", timestamps),
    oids.STEP_PROVISIONER: ("step_provisioner", provisioner),
}  # fmt: skip # a table
"""Each known extension's member and what makes it, in the order of the members."""
