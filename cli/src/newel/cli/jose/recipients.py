"""Whom a message is encrypted for: a certificate, a public key in any form, or a key of a JWK set.

The name is a file or an https address; after ``#`` stands the id of a key in a set.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import CliError
from newel.cli.jose import jose_keys, jwk_files
from newel.cli.jose.jose_key import JOSEKey
from newel.cli.jose.jose_keys import KeyRequest
from newel.cli.operations.web_files import read_file_or_url
from newel.cli.store.files import utf_8

if TYPE_CHECKING:
    from collections.abc import Sequence

    from newel.crypto.reader.certificates import Certificate

PEM_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


class Recipient(NamedTuple):
    """The key, and what the message says of it so that its holder finds the private half."""

    key: JOSEKey
    header: dict[str, Any]


def find(name: str, roots: "Sequence[Certificate] | None" = None) -> Recipient:
    """Return the recipient. Raises CliError for keys that cannot be encrypted for.

    A certificate must be valid now and, where there are ``roots``, lead to one of them; with roots a bare key
    belongs to no person.
    """
    where, _, kid = name.partition("#")
    data = utf_8(read_file_or_url(where))
    if PEM_CERTIFICATE in data:
        return of_certificate(data, where, roots)
    if roots is not None:
        raise CliError(f"{where} is no certificate: with '--roots' only certificates are trusted")
    if jose_keys.is_set(data):
        return check_key(only_one(data, where, kid), {})
    return check_key(jose_keys.of_data(data, where, KeyRequest("enc", kid=kid)), {})


def of_certificate(data: bytes, name: str, roots: "Sequence[Certificate] | None") -> Recipient:
    """Return the subject of the first certificate, whose digest goes into the header (RFC 7515 §4.1.8)."""
    import hashlib

    from newel.cli.operations.certificates import sources, vouched
    from newel.client.clock import now
    from newel.jose import base64url

    chain = sources.bundle(data, name)
    vouched.check(chain, roots, now(), f"the certificate {name}")
    key = vouched.key_of(chain[0], name)
    jwk = jwk_files.of_key(key, use="enc")
    jwk["kid"] = jwk_files.thumbprint(jwk)
    digest = base64url.encode(hashlib.sha256(chain[0].der).digest())
    return check_key(
        jose_keys.with_algorithm(key, jwk, name, KeyRequest("enc")), {"x5t#S256": digest}
    )


def only_one(data: bytes, name: str, kid: str) -> JOSEKey:
    """Return the key with this id, else the only one of the set that is for encryption."""
    keys = [
        key
        for key in jose_keys.keys_of_set(data, name)
        if key.get("kty") != "OKP" and key.get("use") != "sig" and kid in {"", key.get("kid")}
    ]
    if not keys:
        raise CliError(f"{name} has no key to encrypt for" + (f" with the id {kid}" if kid else ""))
    if len(keys) > 1:
        ids = ", ".join(str(key.get("kid", "without id")) for key in keys)
        raise CliError(f"{name} has several keys to encrypt for: add '#' and one of {ids}")
    (jwk,) = keys
    return jose_keys.with_algorithm(
        jwk_files.key_of(jwk, name), {"use": "enc"} | jwk, name, KeyRequest("enc")
    )


def check_key(key: JOSEKey, header: dict[str, Any]) -> Recipient:
    """Return the recipient, if the key is one to encrypt for."""
    if key.use == "sig":
        raise CliError("invalid jwk use: found 'sig' (signature), expecting 'enc' (encryption)")
    jose_keys.validate_encryption(key, key.alg)
    named = {"kid": key.kid} if key.kid else {}
    return Recipient(key, {"alg": key.alg, **named, **header})
