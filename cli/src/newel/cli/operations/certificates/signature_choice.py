"""Which algorithm signs: the one that belongs to the key, or another of the same key that a template names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.crypto import der, keys
from newel.crypto.keys import PrivateKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa

MISMATCH = (
    "error creating certificate: x509: requested SignatureAlgorithm does not match private key type"
)
ECDSA = {"ECDSA-SHA256": 2, "ECDSA-SHA384": 3, "ECDSA-SHA512": 4}
PKCS1 = {"SHA256-RSA": 11, "SHA384-RSA": 12, "SHA512-RSA": 13}
PSS = {"SHA256-RSAPSS": 1, "SHA384-RSAPSS": 2, "SHA512-RSAPSS": 3}


@dataclass(frozen=True, slots=True)
class Signer:
    """The AlgorithmIdentifier in DER, and what makes its signatures."""

    algorithm: bytes
    sign: Callable[[bytes], bytes]


def choose(name: str | None, key: PrivateKey) -> Signer:
    """Return the signer of an algorithm's name, the key's own without one. Raises CliError for another key's."""
    if name is None:
        return Signer(
            keys.signature_algorithm(key.public_key()), lambda data: sign_verified(key, data)
        )
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and name in ECDSA:
        identifier = der.sequence(der.oid(f"1.2.840.10045.4.3.{ECDSA[name]}"))
        function = ec.ECDSA(digest(name.removeprefix("ECDSA-")))
        return Signer(identifier, lambda data: key.sign(data, function))
    if isinstance(key, rsa.RSAPrivateKey) and name in PKCS1 | PSS:
        return rsa_signer(name, key)
    if isinstance(key, ed25519.Ed25519PrivateKey) and name == "Ed25519":
        return choose(None, key)
    raise CliError(MISMATCH)


def sign_verified(key: PrivateKey, data: bytes) -> bytes:
    """Sign with the key and verify the signature with its public key."""
    signature = keys.sign(key, data)
    keys.verify(key.public_key(), signature, data)
    return signature


def digest(name: str) -> "hashes.SHA256 | hashes.SHA384 | hashes.SHA512":
    """Return a hash function by the start of a name: ``SHA384…``."""
    from cryptography.hazmat.primitives import hashes

    return {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}[
        name[:6]
    ]


def rsa_signer(name: str, key: "rsa.RSAPrivateKey") -> Signer:
    """RSA by PKCS #1 v1.5, or PSS with a salt as long as the digest (RFC 4055)."""
    from cryptography.hazmat.primitives.asymmetric import padding

    function = digest(name)
    if name in PKCS1:
        identifier = der.sequence(der.oid(f"1.2.840.113549.1.1.{PKCS1[name]}"), b"\x05\x00")
        return Signer(identifier, lambda data: key.sign(data, padding.PKCS1v15(), function))
    length = function.digest_size
    hashed = der.sequence(der.oid(f"2.16.840.1.101.3.4.2.{PSS[name]}"), b"\x05\x00")
    masked = der.sequence(der.oid("1.2.840.113549.1.1.8"), hashed)
    parameters = der.sequence(
        der.explicit(0, hashed), der.explicit(1, masked), der.explicit(2, der.integer(length))
    )
    scheme = padding.PSS(padding.MGF1(function), length)
    identifier = der.sequence(der.oid("1.2.840.113549.1.1.10"), parameters)
    return Signer(identifier, lambda data: key.sign(data, scheme, function))
