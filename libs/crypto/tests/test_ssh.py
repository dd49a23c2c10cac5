"""SSH keys, certificates and signatures, against the library's own."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    load_ssh_public_identity,
)
from hypothesis import given
from hypothesis import strategies as st

from newel.crypto import keys
from newel.crypto.keys import KeyKind
from newel.crypto.ssh import certificate_body, certificates, signatures
from newel.crypto.ssh.certificate_body import Body
from newel.crypto.ssh.key_quality import UnusableKeyError, check_key, load_key
from newel.crypto.ssh.public_keys import wire_of, write_line
from newel.crypto.ssh.wire import WireError, mpint, string

KINDS = [KeyKind.P256, KeyKind.P384, KeyKind.P521, KeyKind.RSA2048, KeyKind.ED25519]


def security_key(application: bytes = b"ssh:") -> bytes:
    """A FIDO key's public half, as PROTOCOL.u2f has it."""
    raw = keys.generate(KeyKind.ED25519).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return b"".join(map(string, (b"sk-ssh-ed25519@openssh.com", raw, application)))


def body_for(key: bytes) -> Body:
    return Body(
        key,
        2**64 - 1,
        certificate_body.holder("user", "alice@example.com", ["alice", "root"]),
        1_700_000_000,
        1_700_003_600,
        certificate_body.rights({"force-command": "/bin/true"}, {"permit-pty": ""}),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_library_verifies_what_is_signed_and_reads_the_same(kind: KeyKind) -> None:
    authority = keys.generate(kind)
    wire = body_for(wire_of(keys.generate())).sign(authority, b"n" * 32)
    identity = load_ssh_public_identity(write_line(wire))
    assert isinstance(identity, SSHCertificate)
    identity.verify_cert_signature()
    ours = certificates.parse(wire)
    assert (identity.serial, identity.key_id) == (ours.serial, ours.key_id.encode())
    assert [each.decode() for each in identity.valid_principals] == ours.principals
    assert ours.critical_options == {"force-command": "/bin/true"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_is_of_one_key_algorithm_and_text(kind: KeyKind) -> None:
    key = keys.generate(kind)
    signature = signatures.sign(key, b"data")
    signatures.verify(key.public_key(), signature, b"data")
    with pytest.raises(InvalidSignature):
        signatures.verify(key.public_key(), signature, b"other")
    with pytest.raises(InvalidSignature):
        signatures.verify(keys.generate(kind).public_key(), signature, b"data")
    with pytest.raises(WireError):
        signatures.verify(key.public_key(), signature + b"x", b"data")
    other = keys.generate(KeyKind.ED25519 if kind is not KeyKind.ED25519 else KeyKind.P256)
    with pytest.raises(WireError):
        signatures.verify(other.public_key(), signature, b"data")


@pytest.mark.parametrize("kind", KINDS)
def test_common_keys_are_certified(kind: KeyKind) -> None:
    key = keys.generate(kind).public_key()
    assert check_key(wire_of(key)) == keys.spki(key)
    assert keys.spki(load_key(wire_of(key))) == keys.spki(key)


def test_security_keys_are_certified_by_the_key_they_sign_with() -> None:
    check_key(security_key())
    with pytest.raises(UnusableKeyError, match="application"):
        check_key(security_key(b""))


@pytest.mark.attack("S02")
def test_weak_and_foreign_keys_are_refused() -> None:
    small = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - it is to be refused
    line = small.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    with pytest.raises(UnusableKeyError, match="2048 bits"):
        check_key(base64.b64decode(line.split()[1]))
    with pytest.raises(UnusableKeyError, match="DSA"):
        check_key(string(b"ssh-dss") + 4 * mpint(2**1023 + 1))
    for wire in (b"", b"\0", string(b"ssh-ed25519"), string(b"ssh-ed25519") + string(b"x" * 31)):
        with pytest.raises(UnusableKeyError):
            check_key(wire)
    with pytest.raises(UnusableKeyError, match="order"):
        check_key(string(b"ssh-ed25519") + string(bytes(32)))


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.P384, KeyKind.P521])
def test_a_point_is_whole_uncompressed_of_its_curve_and_on_it(kind: KeyKind) -> None:
    key = keys.generate(kind).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    name = f"nistp{key.curve.key_size}".encode()
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    short = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    off = point[:-1] + bytes([point[-1] ^ 1])

    def write(curve: bytes, octets: bytes) -> bytes:
        return string(b"ecdsa-sha2-" + name) + string(curve) + string(octets)

    check_key(write(name, point))
    for curve, octets in (
        (name, short),
        (name, off),
        (name, point + b"\0"),
        (name, b"\x06" + point[1:]),
        (name, b""),
        (b"nistp224", point),
    ):
        with pytest.raises(UnusableKeyError, match="not a public key"):
            check_key(write(curve, octets))


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(1, 255))
def test_no_octets_crash_the_parsers(data: bytes, place: int, change: int) -> None:
    whole = _SAMPLE[:place] + bytes([_SAMPLE[place % len(_SAMPLE)] ^ change]) + _SAMPLE[place + 1 :]
    for wire in (data, whole):
        try:
            certificates.parse(wire)
        except WireError:
            continue


_SAMPLE = body_for(security_key()).sign(keys.generate(), b"n" * 32)
