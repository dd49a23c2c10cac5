"""Attributes that every subject gets which has none of the kind: ``authority.template`` of ca.json."""

from collections.abc import Mapping, Sequence

import msgspec

from newel.crypto import distinguished_names, oids
from newel.crypto.distinguished_names import Attribute
from newel.crypto.dns_names import InvalidNameError
from newel.registration.issuance import IssueRequest

_OIDS = {
    "country": oids.COUNTRY,
    "organization": oids.ORGANIZATION,
    "organizationalUnit": oids.ORGANIZATIONAL_UNIT,
    "locality": oids.LOCALITY,
    "province": oids.STATE_OR_PROVINCE,
    "streetAddress": oids.STREET_ADDRESS,
    "commonName": oids.COMMON_NAME,
    "serialNumber": oids.SERIAL_NUMBER,
}
"""The members, in the order in which a subject has them."""
_RANKS = {oid: rank for rank, oid in enumerate(_OIDS.values())}


def parse_defaults(template: Mapping[str, str], path: str) -> tuple[Attribute, ...]:
    """Read the defaults, which stand at ``path``. Raises ValueError with the path at fault."""
    found: list[Attribute] = []
    for name, oid in _OIDS.items():
        value = template.get(name)
        if not value:
            continue
        attribute = Attribute(oid, value)
        try:
            distinguished_names.encode([attribute])
        except InvalidNameError as error:
            raise ValueError(f"{path}.{name}: {error}") from None
        found.append(attribute)
    return tuple(found)


def fill_subject(request: IssueRequest, defaults: Sequence[Attribute]) -> IssueRequest:
    """Add the defaults of which the subject has no attribute, each in its place."""
    if not defaults:
        return request
    present = {each.oid for each in request.subject}
    missing = [each for each in defaults if each.oid not in present]
    if not missing:
        return request
    subject = sorted((*request.subject, *missing), key=lambda each: _RANKS.get(each.oid, 99))
    return msgspec.structs.replace(request, subject=tuple(subject))
