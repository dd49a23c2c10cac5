"""Version 2 of Nebula's certificates: DER with automatic, mostly implicit tags.

The certificate is ``SEQUENCE { [0] details, [1] curve DEFAULT curve25519, [2] public key, [3]
signature }``. The details are ``{ [0] name, [1] networks OPTIONAL, [2] unsafe networks OPTIONAL, [3]
groups OPTIONAL, [4] is CA DEFAULT FALSE, [5] notBefore, [6] notAfter, [7] issuer OPTIONAL, … }``;
later versions may add to their end. A network is an OCTET STRING, 4 or 16 octets of address and one
of prefix length. The signature covers the details with their header, the octet of the curve, and the
public key; the fingerprint those and the signature.
"""

from newel.crypto import der
from newel.crypto.nebula import records
from newel.crypto.nebula.records import NebulaCertificate, NebulaError, Network, require

_DETAILS, _CURVE, _KEY, _SIGNATURE = 0xA0, 0x81, 0x82, 0x83
_NAME, _NETWORKS, _UNSAFE, _GROUPS = 0x80, 0xA1, 0xA2, 0xA3
_IS_CA, _NOT_BEFORE, _NOT_AFTER, _ISSUER = 0x84, 0x85, 0x86, 0x87
_MAX_NAME = 253
_SIZES = {5, 17}
_BOOLEANS = {b"\x00": False, b"\xff": True}


def parse(octets: bytes) -> NebulaCertificate:
    """Parse a certificate of version 2. Raises :class:`NebulaError`."""
    try:
        return records.check(_parse(octets))
    except der.DERError as error:
        raise NebulaError(f"not a Nebula certificate: {error}") from None


def _parse(octets: bytes) -> NebulaCertificate:
    outer = der.Reader(der.only(octets).content)
    details = outer.read(_DETAILS)
    curve = _number(outer.optional(_CURVE))
    public_key = outer.read(_KEY).content
    signature = outer.read(_SIGNATURE).content
    outer.end()
    signed = details.raw + bytes((curve,)) + public_key
    reader = der.Reader(details.content)
    name = reader.read(_NAME).content
    require(1 <= len(name) <= _MAX_NAME, "the name is empty or too long")
    networks, unsafe = _networks(reader.optional(_NETWORKS)), _networks(reader.optional(_UNSAFE))
    groups = _groups(reader.optional(_GROUPS))
    is_ca = _boolean(reader.optional(_IS_CA))
    begin, end = _time(reader.read(_NOT_BEFORE)), _time(reader.read(_NOT_AFTER))
    issuer = reader.optional(_ISSUER)
    while not reader.at_end:
        reader.read()
    return NebulaCertificate(
        version=2,
        name=records.read_text(name),
        networks=networks,
        unsafe_networks=unsafe,
        groups=groups,
        not_before=records.read_time(begin),
        not_after=records.read_time(end),
        is_ca=is_ca,
        issuer=issuer.content.hex() if issuer else "",
        curve=records.read_curve(curve),
        public_key=public_key,
        signed=signed,
        signature=signature,
        encoded=signed + signature,
    )


def _number(element: der.Element | None) -> int:
    if element is None:
        return 0
    require(len(element.content) == 1, "the curve is not one octet")
    return element.content[0]


def _boolean(element: der.Element | None) -> bool:
    if element is None:
        return False
    require(element.content in _BOOLEANS, "a boolean is neither true nor false")
    return _BOOLEANS[element.content]


def _time(element: der.Element) -> int:
    """Read the seconds of an INTEGER with an implicit tag."""
    return der.Reader(der.tlv(der.INTEGER, element.content)).integer()


def _networks(element: der.Element | None) -> tuple[Network, ...]:
    listed = der.children(element.content) if element else []
    require(len(listed) <= records.MAX_NETWORKS, "it has too many networks")
    return tuple(map(_network, listed))


def _network(element: der.Element) -> Network:
    require(element.tag == der.OCTET_STRING, "a network is not an OCTET STRING")
    require(len(element.content) in _SIZES, "a network has neither 5 nor 17 octets")
    return records.read_network(element.content[:-1], element.content[-1])


def _groups(element: der.Element | None) -> tuple[str, ...]:
    listed = der.children(element.content) if element else []
    require(all(each.tag == der.UTF8_STRING for each in listed), "a group is not a UTF8String")
    return tuple(records.read_text(each.content) for each in listed)
