"""Tokens by the key of a host in a Nebula network, whose certificate vouches for it."""

import base64
import secrets
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.tokens import signed_tokens
from newel.cli.store.files import read
from newel.crypto import pem
from newel.crypto.nebula.certificates import V1_LABEL, V2_LABEL

if TYPE_CHECKING:
    from newel.cli.operations.tokens.provisioner_choice import Provisioner
    from newel.cli.operations.tokens.signed_tokens import TokenRequest
    from newel.cli.operations.tokens.token_options import TokenOptions
    from newel.crypto.keys import PrivateKey
    from newel.jose.jws import ExternalSigner

KEY = "NEBULA X25519 PRIVATE KEY"
P256_KEY = "NEBULA P256 PRIVATE KEY"


def token_of(options: "TokenOptions", provisioner: "Provisioner", wanted: "TokenRequest") -> str:
    """Return a token by --nebula-key, with --nebula-cert. Raises CliError."""
    require = options.authority.require
    certificate_file = require(options.nebula_cert, "nebula-cert")
    key_file = require(options.nebula_key, "nebula-key")
    certificate = certificate_of(certificate_file)
    data = read(key_file)
    signer, public, kid = (
        x25519(data, key_file)
        if KEY.encode() in data
        else p256(data, key_file, options.password_file)
    )
    if public not in certificate:  # as octets, in either version's encoding
        raise CliError(f"the key {key_file} is not the key of the certificate {certificate_file}")
    name = str(provisioner["name"])
    return signed_tokens.sign(
        wanted,
        signer,
        kid=kid,
        issuer=name,
        fragment=f"#nebula/{name}",
        header={"nebula": base64.b64encode(certificate).decode()},
    )


def certificate_of(name: str) -> bytes:
    """Return the first certificate of a file, in Nebula's own encoding. Raises CliError."""
    data = read(name)
    for label in (V1_LABEL, V2_LABEL):
        begin, end = (f"-----{word} {label}-----".encode() for word in ("BEGIN", "END"))
        if begin in data:
            first = data[data.index(begin) :].partition(end)[0]
            return decode_pem(first + end + b"\n", label, name)
    raise CliError(f"error reading {name}: not a proper nebula certificate")


def x25519(data: bytes, name: str) -> "tuple[ExternalSigner, bytes, str]":
    """Return how a host's key signs, its public half, and the id it goes by."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    from newel.cli.operations.tokens import xeddsa
    from newel.jose import base64url
    from newel.jose.jwk import JWK
    from newel.jose.jws import ExternalSigner

    private = decode_pem(data, KEY, name)
    try:
        public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    except ValueError as error:
        raise CliError(f"error parsing {name}: {error}") from None

    def sign(message: bytes) -> bytes:
        return xeddsa.sign(private, message, secrets.token_bytes(64))

    kid = base64url.encode(JWK(kty="OKP", crv="X25519", x=base64url.encode(public)).thumbprint())
    return ExternalSigner("XEdDSA", sign), public, kid


def p256(data: bytes, name: str, password_file: str | None) -> "tuple[PrivateKey, bytes, str]":
    """Return the same for a network with P-256 keys, whose tokens are signed by ECDSA."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    from newel.cli.operations.keys.key_files import private_key
    from newel.jose.jwk import from_public_key

    if P256_KEY.encode() in data:  # the scalar, as nebula-cert writes it
        scalar = int.from_bytes(decode_pem(data, P256_KEY, name), "big")
        try:
            key: PrivateKey = ec.derive_private_key(scalar, ec.SECP256R1())
        except ValueError as error:
            raise CliError(f"error parsing {name}: {error}") from None
    else:
        key = private_key(name, password_file)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CliError(f"error parsing {name}: it is no key of a Nebula host")
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return key, point, from_public_key(key.public_key()).kid or ""


def decode_pem(block: bytes, label: str, name: str) -> bytes:
    """Return the octets of a PEM block. Raises CliError."""
    try:
        return pem.decode(block, label)
    except ValueError as error:
        raise CliError(f"error parsing {name}: {error}") from None
