"""The x5c and x5t headers: a certificate that vouches for the signing key (RFC 7515 §4.1.6, §4.1.7)."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.jose.jose_key import JOSEKey


class CertificateSource(NamedTuple):
    """The file of the certificate that --x5c-cert or --x5t-cert names."""

    x5c_cert: str | None = None
    x5t_cert: str | None = None
    x5c_insecure: bool = False
    """Whether the header is ``x5cInsecure``, which some authorities read without checking the chain."""


def check_source(source: CertificateSource, key: str | None, others: Sequence[str]) -> None:
    """Raise UsageError for a certificate without --key, or with ``others``, flags that exclude it."""
    given = [
        flag
        for flag, file in (("x5c-cert", source.x5c_cert), ("x5t-cert", source.x5t_cert))
        if file
    ]
    if not given:
        return
    flag, *rest = given
    if not key:
        raise UsageError(
            f"one of flag --key or --{flag.replace('cert', 'key')} is required with flag --{flag}"
        )
    for other in (*rest, *others):
        raise UsageError(f"flag '--{flag}' and flag '--{other}' are mutually exclusive")


def certificate_header(source: CertificateSource, key: JOSEKey) -> dict[str, Any]:
    """Return the header of the certificate, which must be the key's and allowed to sign; {} for none.

    Raises CliError.
    """
    name = source.x5c_cert or source.x5t_cert
    if not name:
        return {}
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    from newel.crypto import loading
    from newel.crypto.keys import PrivateKey

    kind = "x5c" if source.x5c_cert else "x5t"
    chain = certificates(name)
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
    return {
        "x5cInsecure" if source.x5c_insecure else "x5c": [
            base64.b64encode(der).decode() for der in ders
        ]
    }


def certificates(name: str) -> list[Any]:
    """Return the certificates in a file of PEM or PKCS #7, or the one in a DER file."""
    from newel.cli.operations.certificates.sources import contents
    from newel.crypto import loading

    data = contents(name)
    try:
        if b"-----BEGIN " in data:
            return loading.load_pem_certificates(data)
        return [loading.load_certificate(data)]
    except ValueError as error:
        raise CliError(f"error parsing {name}: {error}") from None
