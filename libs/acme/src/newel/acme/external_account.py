"""External account binding (RFC 8555 §7.3.4): a MAC by a key the operator handed out."""

import hashlib
import hmac

import msgspec

from newel.acme import base64url, jwk, jws
from newel.acme.problems import AcmeError

_MACS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_jwk = msgspec.json.Decoder(jwk.Jwk)


def make(key_id: str, mac_key: bytes, url: str, account_key: jwk.PublicKey) -> bytes:
    """The ``externalAccountBinding`` object as JSON."""
    header = {"alg": "HS256", "kid": key_id, "url": url}
    protected = base64url.encode(msgspec.json.encode(header))
    payload = base64url.encode(msgspec.json.encode(jwk.required_members(account_key)))
    mac = hmac.digest(mac_key, f"{protected}.{payload}".encode(), "sha256")
    return jws.join(protected, payload, mac)


def key_id(binding: bytes) -> str:
    """The id of the MAC key the client claims to hold; nothing is verified yet."""
    kid = jws.parse(binding).protected.kid
    if not kid:
        raise AcmeError("malformed", "the external account binding names no key")
    return kid


def verify(binding: bytes, mac_key: bytes, *, url: str, account_key: jwk.PublicKey) -> None:
    """Checks MAC, url and bound key: ``unauthorized`` for a wrong MAC, else ``malformed``."""
    inner = jws.parse(binding)
    header = inner.protected
    digest = _MACS.get(header.alg)
    if digest is None:
        raise AcmeError("badSignatureAlgorithm", "an external account binding is an HMAC")
    if header.nonce or header.jwk is not None or header.url != url:
        raise AcmeError("malformed", "the external account binding has a wrong header")
    made = hmac.new(mac_key, inner.signing_input, digest).digest()
    if not hmac.compare_digest(made, inner.signature):
        raise AcmeError("unauthorized", "the external account binding does not verify")
    try:
        bound = jwk.public_key(_jwk.decode(inner.payload))
    except msgspec.DecodeError as error:
        raise AcmeError("malformed", "the external account binding holds no key") from error
    if jwk.thumbprint(bound) != jwk.thumbprint(account_key):
        raise AcmeError("malformed", "the external account binding holds another key")
