"""Which JOSE algorithms (RFC 7518, RFC 8037) go with which key."""

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from newel.cli.errors import CliError
from newel.cli.operations.keys.key_material import Material

HMAC = ("HS256", "HS384", "HS512")
RSA_SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ECDSA = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
RSA_ENCRYPTION = ("RSA1_5", "RSA-OAEP", "RSA-OAEP-256")
ECDH = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW")
OCT_ENCRYPTION = (
    "dir", "A128KW", "A192KW", "A256KW", "A128GCMKW", "A192GCMKW", "A256GCMKW",
)  # fmt: skip # words in rows


def default_algorithm(key: Material, use: str, *, fixed_only: bool = False) -> str:
    """Return the default algorithm of a kind of key; "" where there is none."""
    encrypts = use == "enc"
    if isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        return "EdDSA"
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        if encrypts:
            return "" if fixed_only else "ECDH-ES"
        return ECDSA.get(key.curve.name, "")
    if fixed_only:
        return ""
    if isinstance(key, bytes):
        return "A256GCMKW" if encrypts else "HS256"
    return "RSA-OAEP-256" if encrypts else "RS256"


def signatures_of(key: Material) -> tuple[tuple[str, ...], str]:
    """Return the signature algorithms of a key, and how its kind is called."""
    if isinstance(key, bytes):
        return HMAC, "kty 'oct'"
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return RSA_SIGNATURES, "kty 'RSA'"
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey):
        name = key.curve.name
        return (ECDSA.get(name, ""),), f"kty 'EC' and crv '{CURVES.get(name, name)}'"
    return ("EdDSA",), "kty 'OKP' and crv 'Ed25519'"


def encryptions_of(key: Material) -> tuple[tuple[str, ...], str]:
    """Return the key management algorithms of a key, and its ``kty``. Raises CliError for Ed25519."""
    if isinstance(key, ed25519.Ed25519PublicKey | ed25519.Ed25519PrivateKey):
        raise CliError("key Ed25519 cannot be used for encryption")
    if isinstance(key, bytes):
        return OCT_ENCRYPTION, "oct"
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey):
        return RSA_ENCRYPTION, "RSA"
    return ECDH, "EC"
