"""A request as JSON: the members of Go's structure, which scripts have come to read."""

from typing import Any

from newel.cli.render.certificates import json_keys, json_names
from newel.cli.render.certificates.json_certificate import signature_algorithm
from newel.cli.render.certificates.json_extensions import raw
from newel.crypto import der, oids
from newel.crypto.reader import names, public_keys
from newel.crypto.reader.certificates import Attribute, Request


def request_json(shown: Request) -> dict[str, Any]:
    """Every part of the request; octets in base64."""
    asked = names.parse_general_names(shown.extension(oids.SUBJECT_ALT_NAME))
    key = public_keys.parse_public_key(shown.spki)
    return {
        "Raw": json_keys.text(shown.der),
        "RawTBSCertificateRequest": json_keys.text(shown.info),
        "RawSubjectPublicKeyInfo": json_keys.text(shown.spki),
        "RawSubject": json_keys.text(shown.subject),
        "Version": shown.version,
        "Signature": json_keys.text(shown.signature),
        "SignatureAlgorithm": signature_algorithm(shown.algorithm),
        "PublicKeyAlgorithm": {"name": key.kind or "unknown_algorithm"},
        "PublicKey": public_key(key),
        "Subject": json_names.members(shown.subject),
        "Attributes": attributes(shown) or None,
        "Extensions": [raw(extension) for extension in shown.extensions] or None,
        "ExtraExtensions": None,
        "DNSNames": asked.dns or None,
        "EmailAddresses": asked.emails or None,
        "IPAddresses": asked.addresses or None,
    }


def public_key(key: public_keys.PublicKey) -> Any:
    """Return the key's numbers; octets in base64 for a key that has none."""
    numbers = {name: int.from_bytes(octets, "big") for name, octets in key.parts.items()}
    if key.kind == "RSA":
        return {"N": numbers["n"], "E": numbers["e"]}
    if key.kind == "ECDSA":
        return {
            "Pub": {"Curve": {}, "X": numbers["x"], "Y": numbers["y"]},
            "Raw": {"Bytes": json_keys.text(key.octets), "BitLength": len(key.octets) * 8},
        }
    return json_keys.text(key.octets)


def attributes(shown: Request) -> list[dict[str, Any]]:
    """Return the attributes whose values are sets of identifiers and values; Go leaves the others out."""
    found: list[dict[str, Any]] = []
    for one in shown.attributes:
        if not one.values or any(value[0] != der.SEQUENCE for value in one.values):
            continue
        try:
            found.append(attribute(one))
        except der.DERError:
            continue
    return found


def attribute(one: Attribute) -> dict[str, Any]:
    """Return an attribute whose values are sets of identifiers and values."""
    return {
        "Type": [int(arc) for arc in one.oid.split(".")],
        "Value": [
            [
                {"type": der.Reader(der.content(item)).oid()}
                for item in der.split(der.content(value))
            ]
            for value in one.values
        ],
    }
