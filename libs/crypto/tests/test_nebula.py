"""Nebula certificates of both versions: what is read, what verifies, what is refused."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.meshes import Mesh, encode_point, field, host_point, mesh, varint
from newel.crypto import der
from newel.crypto.nebula import certificates, records
from newel.crypto.nebula.certificates import Authorities, host_key, parse, parse_pem
from newel.crypto.nebula.records import Curve, NebulaError

BEGIN = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
NOON = BEGIN + dt.timedelta(hours=1)
KINDS = [(version, curve) for version in (1, 2) for curve in Curve]


def trust(*meshes: Mesh) -> Authorities:
    """What a provisioner trusts."""
    return Authorities(parse(each.encoded) for each in meshes)


@pytest.mark.parametrize(("version", "curve"), KINDS)
def test_a_host_of_a_trusted_network_verifies(version: int, curve: Curve) -> None:
    net = Mesh.make(BEGIN, version, curve)
    encoded, key = net.host(BEGIN, networks=["10.1.0.1/16", "10.2.0.9/24"], unsafe=["192.0.2.0/24"])
    host = parse(encoded)
    trust(net).verify(host, NOON)
    assert (host.version, host.name, host.groups) == (version, "host", ("servers",))
    assert list(map(str, host.networks)) == ["10.1.0.1/16", "10.2.0.9/24"]
    assert list(map(str, host.unsafe_networks)) == ["192.0.2.0/24"]
    assert (host.not_before, host.not_after) == (BEGIN, BEGIN + dt.timedelta(days=1))
    assert encode_point(host_key(host)) == host_point(key)
    assert host.issuer == parse(net.encoded).fingerprint


def test_only_version_2_has_ipv6() -> None:
    net = Mesh.make(BEGIN, 2)
    encoded, _ = net.host(BEGIN, networks=["fd00::1/64", "10.1.0.1/16"])
    trust(net).verify(parse(encoded), NOON)


@pytest.mark.needs("nebula-cert")
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("curve", ["25519", "P256"])
def test_what_the_real_program_makes_verifies(tmp_path: Path, version: int, curve: str) -> None:
    mesh(tmp_path, version, curve)
    (authority,) = parse_pem((tmp_path / "ca.crt").read_text())
    (host,) = parse_pem((tmp_path / "host.crt").read_text())
    Authorities([authority]).verify(host, host.not_before)
    assert (host.version, host.name, authority.name) == (version, "host", "Mesh")
    assert host.groups == ("servers", "laptops")
    assert list(map(str, host.networks)) == ["10.1.0.1/16"]


def test_a_host_of_another_network_is_refused() -> None:
    encoded, _ = Mesh.make(BEGIN).host(BEGIN)
    with pytest.raises(NebulaError, match="not trusted"):
        trust(Mesh.make(BEGIN)).verify(parse(encoded), NOON)


@pytest.mark.parametrize(("version", "curve"), KINDS)
def test_another_key_s_signature_is_refused(version: int, curve: Curve) -> None:
    net, other = Mesh.make(BEGIN, version, curve), Mesh.make(BEGIN, version, curve)
    forged, _ = other.host(BEGIN, issuer=parse(net.encoded).fingerprint)
    with pytest.raises(NebulaError, match="signature"):
        trust(net).verify(parse(forged), NOON)


@pytest.mark.parametrize(
    ("authority", "host", "complaint"),
    [
        ({}, {"begin": NOON + dt.timedelta(seconds=1)}, "host is not valid"),
        ({}, {"end": NOON - dt.timedelta(seconds=1)}, "host is not valid"),
        ({"end": NOON - dt.timedelta(seconds=1)}, {}, "authority is not valid"),
        ({"end": BEGIN + dt.timedelta(hours=2)}, {}, "outside its authority's time"),
        ({}, {"begin": BEGIN - dt.timedelta(seconds=1)}, "outside its authority's time"),
        ({"groups": ["laptops"]}, {}, "group"),
        ({"networks": ["10.2.0.0/16"]}, {}, "an address"),
        ({"networks": ["10.1.0.0/24"]}, {}, "an address"),
        ({"unsafe": ["192.0.2.0/25"]}, {"unsafe": ["192.0.2.0/24"]}, "a routed network"),
        ({}, {"is_ca": True}, "not of a host"),
        ({}, {"issuer": ""}, "not trusted"),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_what_the_authority_may_not_certify_is_refused(
    version: int, authority: dict[str, Any], host: dict[str, Any], complaint: str
) -> None:
    net = Mesh.make(BEGIN, version, **authority)
    values: dict[str, Any] = {"begin": BEGIN, **host}
    encoded, _ = net.host(**values)
    with pytest.raises(NebulaError, match=complaint):
        trust(net).verify(parse(encoded), NOON)


@pytest.mark.parametrize("version", [1, 2])
def test_what_the_authority_lists_may_be_certified(version: int) -> None:
    net = Mesh.make(
        BEGIN, version, networks=["10.2.0.0/16", "10.1.0.0/16"], groups=["servers", "laptops"]
    )
    trust(net).verify(parse(net.host(BEGIN, networks=["10.1.0.1/24"])[0]), NOON)


def test_a_curve_of_another_kind_is_refused() -> None:
    net, points = Mesh.make(BEGIN, 2), Mesh.make(BEGIN, 2, Curve.P256)
    encoded, _ = points.host(BEGIN, issuer=parse(net.encoded).fingerprint)
    with pytest.raises(NebulaError, match="different curves"):
        trust(net).verify(parse(encoded), NOON)


def test_authorities_are_self_signed() -> None:
    net = Mesh.make(BEGIN)
    with pytest.raises(NebulaError, match="not of an authority"):
        Authorities([parse(net.host(BEGIN)[0])])
    forged = parse(net.encoded)._replace(signature=bytes(64))
    with pytest.raises(NebulaError, match="signature"):
        Authorities([forged])


@pytest.mark.parametrize(
    ("curve", "point"),
    [
        (Curve.CURVE25519, bytes(31)),
        (Curve.P256, bytes(65)),
        (Curve.P256, b"\x04" + bytes(64)),
        (Curve.P256, b""),
        (Curve.P256, encode_point(ec.derive_private_key(1, ec.SECP256R1()).public_key())[:33]),
    ],
)
def test_keys_that_are_none_are_refused(curve: Curve, point: bytes) -> None:
    own = parse(Mesh.make(BEGIN, 2, curve).host(BEGIN)[0])
    with pytest.raises(NebulaError):
        host_key(own._replace(public_key=point))


def test_pem_files_have_one_label_for_each_version() -> None:
    nets = [Mesh.make(BEGIN, 1), Mesh.make(BEGIN, 2)]
    text = b"\n".join(each.pem for each in nets).decode()
    assert [each.version for each in parse_pem(text)] == [1, 2]
    for wrong in (
        "",
        text + "x",
        text.replace("CERTIFICATE V2", "CERTIFICATE"),
        text.replace("NEBULA ", ""),
        "-----BEGIN NEBULA CERTIFICATE-----\nCg=A\n-----END NEBULA CERTIFICATE-----\n",
        " " * (certificates.MAX_PEM_SIZE + 1),
    ):
        with pytest.raises(NebulaError):
            parse_pem(wrong)


V1_DETAILS = field(1, b"host") + field(2, varint(0x0A010001) + varint(0xFFFF0000)) + field(5, 1)
V1_REST = field(6, 2) + field(7, bytes(31) + b"\1")


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"\x0a", b"\x0a\xff", b"\x12\x01a", bytes(10), b"0", b"0\x00",
        field(1, V1_DETAILS + V1_REST),  # no signature
        field(2, b"s") + field(1, V1_DETAILS + V1_REST),  # out of order
        field(1, V1_REST + V1_DETAILS) + field(2, b"s"),
        field(1, V1_DETAILS + V1_DETAILS) + field(2, b"s"),
        field(1, V1_DETAILS + V1_REST + field(11, 1)) + field(2, b"s"),  # an unknown field
        field(1, V1_DETAILS + V1_REST + field(100, 2)) + field(2, b"s"),  # an unknown curve
        field(1, V1_DETAILS + V1_REST + b"\x40\x00") + field(2, b"s"),  # a default
        field(1, V1_DETAILS + b"\x30\x82\x00" + field(7, b"k")) + field(2, b"s"),  # a long varint
        field(1, V1_DETAILS + b"\x30" + b"\xff" * 10 + field(7, b"k")) + field(2, b"s"),
        field(1, V1_DETAILS + field(6, 1 << 60) + field(7, b"k")) + field(2, b"s"),  # a late year
        field(1, V1_DETAILS + field(6, 2)) + field(2, b"s"),  # no key
        field(1, V1_DETAILS.replace(b"host", b"h\xff\xfet") + V1_REST) + field(2, b"s"),
        field(1, field(1, b"host") + V1_REST) + field(2, b"s"),  # no network
        field(1, field(2, varint(1)) + V1_REST) + field(2, b"s"),  # no mask
        field(1, field(2, varint(1) + varint(0xFF00FF00)) + V1_REST) + field(2, b"s"),
        field(1, field(2, varint(0) + varint(0xFF000000)) + V1_REST) + field(2, b"s"),
        field(1, field(2, varint(1 << 32) + varint(0)) + V1_REST) + field(2, b"s"),
        field(1, field(2, varint(1) * 2 * (records.MAX_NETWORKS + 1)) + V1_REST) + field(2, b"s"),
        b"\x0a" + varint(1 << 40), b"\x0a" * (records.MAX_SIZE + 1),
    ],
)  # fmt: skip # a table
def test_what_is_no_certificate_of_version_1_is_refused(octets: bytes) -> None:
    with pytest.raises(NebulaError):
        parse(octets)


def _v2(details: bytes, *rest: bytes) -> bytes:
    return der.sequence(der.tlv(0xA0, details), *(rest or (KEY2, SIGNATURE2)))


KEY2, SIGNATURE2 = der.tlv(0x82, bytes(32)), der.tlv(0x83, bytes(64))
NAME2, TIMES2 = der.tlv(0x80, b"host"), der.tlv(0x85, b"\1") + der.tlv(0x86, b"\2")
NET2 = der.tlv(0xA1, der.octet_string(b"\x0a\1\0\1\x10"))


def test_later_members_of_version_2_are_skipped() -> None:
    assert parse(_v2(NAME2 + NET2 + TIMES2 + der.tlv(0x88, b"new"))).name == "host"


@pytest.mark.parametrize(
    "octets",
    [
        _v2(NAME2 + NET2 + TIMES2, SIGNATURE2),
        _v2(NAME2 + NET2 + TIMES2, KEY2),
        _v2(NAME2 + NET2 + TIMES2, KEY2, SIGNATURE2, der.tlv(0x84, b"")),
        _v2(NAME2 + NET2 + TIMES2, SIGNATURE2, KEY2),
        _v2(NAME2 + NET2 + TIMES2, der.tlv(0x81, b"\x02"), KEY2, SIGNATURE2),
        _v2(NAME2 + NET2 + TIMES2, der.tlv(0x81, b"\0\1"), KEY2, SIGNATURE2),
        _v2(NAME2 + NET2 + TIMES2, der.tlv(0x82, b""), SIGNATURE2),
        _v2(NAME2 + NET2 + TIMES2, KEY2, der.tlv(0x83, b"")),
        _v2(NAME2 + NET2 + TIMES2) + b"\0",
        _v2(NAME2 + TIMES2),
        _v2(NET2 + TIMES2),
        _v2(der.tlv(0x80, b"n" * 254) + NET2 + TIMES2),
        _v2(der.tlv(0x80, b"\xff") + NET2 + TIMES2),
        _v2(NAME2 + NET2),
        _v2(NAME2 + NET2 + der.tlv(0x84, b"\1") + TIMES2),
        _v2(NAME2 + NET2 + der.tlv(0x85, b"\0\1") + der.tlv(0x86, b"\2")),
        _v2(NAME2 + NET2 + der.tlv(0x85, b"") + der.tlv(0x86, b"\2")),
        _v2(NAME2 + NET2 + der.tlv(0x85, b"\x7f" * 9) + der.tlv(0x86, b"\2")),
        _v2(NAME2 + der.tlv(0xA1, der.tlv(0x0C, b"\x0a\1\0\1\x10")) + TIMES2),
        _v2(NAME2 + der.tlv(0xA1, der.octet_string(b"\x0a\1\0\1\x21")) + TIMES2),
        _v2(NAME2 + der.tlv(0xA1, der.octet_string(b"\x0a\1\0\1")) + TIMES2),
        _v2(NAME2 + der.tlv(0xA1, der.octet_string(b"\0\0\0\0\x10")) + TIMES2),
        _v2(NAME2 + der.tlv(0xA1, der.octet_string(b"\0" * 10 + b"\xff\xff\x0a\1\0\1\x60")) + TIMES2),
        _v2(NAME2 + der.tlv(0xA1, der.octet_string(b"\x0a\1\0\1\x10") * 257) + TIMES2),
        _v2(NAME2 + NET2 + der.tlv(0xA3, der.octet_string(b"g")) + TIMES2),
        _v2(NAME2 + NET2 + der.tlv(0xA3, der.tlv(0x0C, b"g") * 1025) + TIMES2),
    ],
)  # fmt: skip # a table
def test_what_is_no_certificate_of_version_2_is_refused(octets: bytes) -> None:
    with pytest.raises(NebulaError):
        parse(octets)


@given(st.binary(max_size=300))
def test_random_octets_end_in_one_error(octets: bytes) -> None:
    for first in (b"", b"\x0a", b"0"):
        try:
            parse(first + octets)
        except NebulaError:
            continue


REAL = {
    kind: (net, net.host(BEGIN)[0])
    for kind in KINDS
    for net in [Mesh.make(BEGIN, kind[0], kind[1])]
}


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_no_changed_certificate_verifies(kind: tuple[int, Curve], data: st.DataObject) -> None:
    """An octet is changed, removed or put in; what is still read must not verify."""
    net, encoded = REAL[kind]
    at = data.draw(st.integers(0, len(encoded) - 1))
    octet = data.draw(st.binary(max_size=2).filter(lambda new: new != encoded[at : at + 1]))
    changed = encoded[:at] + octet + encoded[at + 1 :]
    with pytest.raises(NebulaError):
        trust(net).verify(parse(changed), NOON)
