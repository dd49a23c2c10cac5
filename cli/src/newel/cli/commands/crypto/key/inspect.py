"""`newel crypto key inspect`: the numbers a key consists of."""

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from newel.cli.errors import CliError
from newel.cli.interact.terminal import show_json
from newel.cli.operations.keys.key_files import load
from newel.cli.operations.keys.key_material import Material

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_key import CryptoKeyInspectOptions


CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
COLUMNS = 16

Facts = list[tuple[str, bytes | str]]


def run(options: "CryptoKeyInspectOptions") -> None:
    """Describe the key in a file."""
    name = (options.positionals(0, 1) or ["-"])[0]
    title, bits, facts = describe_key(load(name, options.password_file).key)
    if options.json:
        shown = {key: value.hex() if isinstance(value, bytes) else value for key, value in facts}
        show_json({"type": title, "bits": bits, **shown})
        return
    print(f"{title}: ({bits} bit)")
    for label, value in facts:
        print(f"{label}: {value}" if isinstance(value, str) else block(label, value))


def block(label: str, value: bytes) -> str:
    """Return octets in hexadecimal, sixteen to a line."""
    lines = [value[at : at + COLUMNS].hex(":") for at in range(0, len(value), COLUMNS)]
    return f"{label}:\n    " + ":\n    ".join(lines)


def describe_key(key: Material) -> tuple[str, int, Facts]:
    """Return the kind of a key, its size and its parts."""
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA Public-Key", key.key_size, rsa_public(key, "Exponent")
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA Private-Key", key.key_size, rsa_private(key)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC Public-Key", key.key_size, [*point(key), curve(key)]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.key_size + 7) // 8
        secret = key.private_numbers().private_value.to_bytes(size, "big")
        public = key.public_key()
        return "EC PrivateKey-Key", key.key_size, [*point(public), ("D", secret), curve(public)]
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519 Public-Key", 256, [("Public", key.public_bytes_raw())]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        public_octets = key.public_key().public_bytes_raw()
        facts: Facts = [("Public", public_octets), ("Private", key.private_bytes_raw())]
        return "Ed25519 Private-Key", 512, facts
    raise CliError("unsupported key type: a symmetric key has nothing to show")


def rsa_public(key: rsa.RSAPublicKey, exponent: str) -> Facts:
    """Return modulus and exponent."""
    numbers = key.public_numbers()
    modulus = numbers.n.to_bytes((key.key_size + 7) // 8, "big")
    return [("Modulus", modulus), (exponent, f"{numbers.e} (0x{numbers.e:x})")]


def rsa_private(key: rsa.RSAPrivateKey) -> Facts:
    """All eight numbers of PKCS #1."""
    n = key.private_numbers()
    private = n.d.to_bytes((key.key_size + 7) // 8, "big")
    rest = {"Prime #1": n.p, "Prime #2": n.q, "Exponent #1": n.dmp1, "Exponent #2": n.dmq1}
    rest["Coefficient"] = n.iqmp
    return [
        *rsa_public(key.public_key(), "Public Exponent"),
        ("Private Exponent", private),
        *((label, shortest(value)) for label, value in rest.items()),
    ]


def point(key: ec.EllipticCurvePublicKey) -> Facts:
    """Return the coordinates at full length."""
    size, numbers = (key.key_size + 7) // 8, key.public_numbers()
    return [("X", numbers.x.to_bytes(size, "big")), ("Y", numbers.y.to_bytes(size, "big"))]


def curve(key: ec.EllipticCurvePublicKey) -> tuple[str, str]:
    """Return the curve's name."""
    return "Curve", CURVES.get(key.curve.name, key.curve.name)


def shortest(value: int) -> bytes:
    """Return a number without leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
