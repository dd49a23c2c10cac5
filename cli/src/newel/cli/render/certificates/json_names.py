"""Distinguished names in the JSON of a certificate."""

from newel.crypto.reader import names

KEYS = {
    "2.5.4.3": "common_name",
    "2.5.4.5": "serial_number",
    "2.5.4.6": "country",
    "2.5.4.7": "locality",
    "2.5.4.8": "province",
    "2.5.4.9": "street_address",
    "2.5.4.10": "organization",
    "2.5.4.11": "organizational_unit",
    "2.5.4.17": "postal_code",
    "0.9.2342.19200300.100.1.25": "domain_component",
    "1.2.840.113549.1.9.1": "email_address",
    "2.5.4.42": "given_name",
    "2.5.4.4": "surname",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdiction_country",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdiction_locality",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdiction_province",
}
SHORT = {
    "2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L",
    "2.5.4.8": "ST", "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title",
    "2.5.4.13": "description", "2.5.4.15": "businessCategory", "2.5.4.17": "postalCode",
    "2.5.4.41": "name", "2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier",
    "2.5.4.45": "x500UniqueIdentifier", "2.5.4.46": "dnQualifier", "2.5.4.65": "pseudonym",
    "1.2.840.113549.1.9.1": "emailAddress", "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.3": "mail",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionLocality",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionStateOrProvince",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionCountry",
}  # fmt: skip # a table


def members(name: bytes) -> dict[str, list[str]]:
    """Return the attributes by their JSON names; those without one are left out."""
    found: dict[str, list[str]] = {}
    for part in names.parse_name(name):
        if part.oid in KEYS:
            found.setdefault(KEYS[part.oid], []).append(part.text)
    return {key: found[key] for key in KEYS.values() if key in found}


def line(name: bytes) -> str:
    """``O=…, CN=…`` in the order it was written."""
    return ", ".join(f"{SHORT.get(p.oid, p.oid)}={p.text}" for p in names.parse_name(name))
