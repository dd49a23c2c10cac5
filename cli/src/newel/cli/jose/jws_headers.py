"""The x5c and x5t headers: a certificate that vouches for the signing key (RFC 7515 §4.1.6, §4.1.7)."""

import base64
import hashlib
from typing import Any

from newel.cli.errors import CliError, UsageError
from newel.cli.jose.jose_keys import JOSEKey
from newel.cli.options.invocation import Invocation


def certificate_flag(call: Invocation) -> str | None:
    """``x5c-cert`` or ``x5t-cert``, whichever was given; refuses what does not go with it."""
    given = [flag for flag in ("x5c-cert", "x5t-cert") if call.get(flag)]
    if not given:
        return None
    flag = given[0]
    if not call.get("key"):
        raise UsageError(
            f"one of flag --key or --{flag.replace('cert', 'key')} is required with flag --{flag}"
        )
    others = [
        *given[1:],
        *(name for name in ("jwk", "jwks") if call.has(name) and call.is_given(name)),
    ]
    if others:
        raise UsageError(f"flag '--{flag}' and flag '--{others[0]}' are mutually exclusive")
    return flag


def certificate_header(call: Invocation, flag: str, key: JOSEKey) -> dict[str, Any]:
    """Return the header of the certificate, when it is that of the key and may sign."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from newel.crypto import loading
    from newel.crypto.keys import PrivateKey

    kind = flag.removesuffix("-cert")
    chain = certificates(str(call.get(flag)))
    try:
        may_sign = (
            loading.read_extensions(chain[0])
            .get_extension_for_class(x509.KeyUsage)
            .value.digital_signature
        )
    except x509.ExtensionNotFound:
        may_sign = False
    prefix = f"error validating {kind} certificate{' chain' if kind == 'x5c' else ''} and key"
    prefix += f" for use in {kind} header: Validate{kind.upper()}: "
    if not isinstance(key.key, PrivateKey) or key.key.public_key() != chain[0].public_key():
        raise CliError(
            f"{prefix}error verifying certificate and key: private key does not match public key"
        )
    if not may_sign:
        raise CliError(
            f"{prefix}certificate/private-key pair used to sign token is not approved for"
            " digital signature"
        )
    ders = [certificate.public_bytes(Encoding.DER) for certificate in chain]
    if kind == "x5t":
        digest = hashlib.sha1(ders[0], usedforsecurity=False).digest()
        return {"x5t": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}
    name = "x5cInsecure" if call.has("x5c-insecure") and call.on("x5c-insecure") else "x5c"
    return {name: [base64.b64encode(der).decode() for der in ders]}


def certificates(name: str) -> list[Any]:
    """Return the certificates in a PEM file, or the one in a DER file."""
    from newel.cli.store.files import read
    from newel.crypto import loading

    data = read(name)
    try:
        if b"-----BEGIN " in data:
            return loading.load_pem_certificates(data)
        return [loading.load_certificate(data)]
    except ValueError as error:
        raise CliError(f"error parsing {name}: {error}") from None
