import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519

from newel.crypto import keys

KINDS = [kind for kind in keys.KeyKind if kind not in {keys.KeyKind.RSA3072, keys.KeyKind.RSA4096}]


@pytest.fixture(scope="module", params=KINDS)
def key(request: pytest.FixtureRequest) -> keys.PrivateKey:
    return keys.generate(request.param)


def test_a_signature_verifies_and_a_changed_one_does_not(key: keys.PrivateKey) -> None:
    signature = keys.sign(key, b"data")
    keys.verify(key.public_key(), signature, b"data")
    for bad_signature, bad_data in (
        (signature, b"date"),
        (signature[:-1], b"data"),
        (b"", b"data"),
    ):
        with pytest.raises(keys.InvalidSignature):
            keys.verify(key.public_key(), bad_signature, bad_data)


def test_the_algorithm_is_the_one_the_library_writes(key: keys.PrivateKey) -> None:
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    chosen: hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None = hashes.SHA256()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        chosen = None
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        chosen = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.key_size]
    encoded = request.sign(key, chosen).public_bytes(serialization.Encoding.DER)
    assert keys.signature_algorithm(key.public_key()) in encoded


def test_public_keys_read_back_with_the_identifier_of_rfc_5280(key: keys.PrivateKey) -> None:
    encoded = keys.spki(key.public_key())
    assert keys.spki(keys.load_public_key(encoded)) == encoded
    expected = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    assert keys.key_identifier(encoded) == expected.digest


def test_private_keys_read_back_encrypted_and_plain(key: keys.PrivateKey) -> None:
    encrypted = keys.encrypt_private_key(key, b"secret")
    assert b"ENCRYPTED PRIVATE KEY" in encrypted
    public = keys.spki(key.public_key())
    assert keys.spki(keys.load_private_key(encrypted, b"secret").public_key()) == public
    plain = keys.plain_private_key(key)
    assert keys.spki(keys.load_private_key(plain).public_key()) == public
    assert keys.spki(keys.load_private_key(plain, b"unneeded").public_key()) == public
    for password in (None, b"wrong", b""):
        with pytest.raises(keys.InvalidKeyError) as refusal:
            keys.load_private_key(encrypted, password)
        assert "wrong" not in str(refusal.value).replace("password is wrong", "")


@pytest.mark.parametrize("kind", [keys.KeyKind.P256, keys.KeyKind.RSA2048])
@pytest.mark.parametrize("encoding", [serialization.Encoding.PEM, serialization.Encoding.DER])
def test_sec1_and_pkcs1_are_read(kind: keys.KeyKind, encoding: serialization.Encoding) -> None:
    key = keys.generate(kind)
    data = key.private_bytes(
        encoding,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    assert keys.spki(keys.load_private_key(data).public_key()) == keys.spki(key.public_key())


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    "arguments",
    [
        ["genrsa", "-traditional", "-aes256", "-passout", "pass:secret", "2048"],
        ["genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:secret"],
    ],
)
def test_what_openssl_encrypts_is_read(arguments: list[str]) -> None:
    data = subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout
    keys.load_private_key(data, b"secret")


@pytest.mark.needs("step")
@pytest.mark.parametrize("kty", ["EC", "RSA", "OKP"])
def test_what_the_step_program_encrypts_is_read(kty: str, tmp_path: Path) -> None:
    public, private, password = (tmp_path / name for name in ("public", "private", "password"))
    password.write_bytes(b"secret")
    subprocess.run(
        ["step", "crypto", "keypair", public, private, "--kty", kty, "--password-file", password],
        check=True,
        capture_output=True,
    )
    key = keys.load_private_key(private.read_bytes(), b"secret")
    assert key.public_key() == serialization.load_pem_public_key(public.read_bytes())
    with pytest.raises(keys.InvalidKeyError):
        keys.load_private_key(private.read_bytes(), b"Secret")


def test_a_damaged_key_with_a_password_it_does_not_need_is_refused() -> None:
    plain = keys.plain_private_key(keys.generate())
    damaged = plain.replace(b"PRIVATE KEY", b"EC PRIVATE KEY")
    for password in (None, b"secret"):
        with pytest.raises(keys.InvalidKeyError):
            keys.load_private_key(damaged, password)
    with pytest.raises(keys.InvalidKeyError):
        keys.is_encrypted(damaged)


def test_a_key_is_encrypted_or_not(key: keys.PrivateKey) -> None:
    assert keys.is_encrypted(keys.encrypt_private_key(key, b"secret"))
    assert not keys.is_encrypted(keys.plain_private_key(key))


def test_kinds_of_key_that_are_not_used_are_refused() -> None:
    foreign = dsa.generate_private_key(2048)
    with pytest.raises(keys.InvalidKeyError):
        keys.load_private_key(
            foreign.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    with pytest.raises(keys.InvalidKeyError):
        keys.load_public_key(
            foreign.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
    other_curve = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(keys.InvalidKeyError):
        keys.sign(other_curve, b"data")
    with pytest.raises(ValueError, match="not a valid KeyKind"):
        keys.generate("RSA-1024")


@pytest.mark.parametrize("data", [b"", b"junk", b"-----BEGIN PRIVATE KEY-----\n", bytes(70_000)])
def test_what_is_no_key_is_refused(data: bytes) -> None:
    with pytest.raises(keys.InvalidKeyError):
        keys.load_private_key(data)
    with pytest.raises(keys.InvalidKeyError):
        keys.is_encrypted(data)
    with pytest.raises(keys.InvalidKeyError):
        keys.load_public_key(data)
