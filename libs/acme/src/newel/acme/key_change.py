"""Account key rollover (RFC 8555 §7.3.5): the inner JWS, made and verified."""

import msgspec

from newel.acme import algorithms, jwk, jws
from newel.acme.problems import AcmeError


class KeyChange(msgspec.Struct, rename="camel"):
    """The inner payload: which account, and the key it has now."""

    account: str
    old_key: jwk.Jwk


_decoder = msgspec.json.Decoder(KeyChange)


def make(account: str, url: str, old: algorithms.PrivateKey, new: algorithms.PrivateKey) -> bytes:
    """The inner JWS, signed by the new key: the payload of a request the old key signs."""
    content = {"account": account, "oldKey": jwk.required_members(old.public_key())}
    return jws.sign(msgspec.json.encode(content), new, url=url)


def verify(payload: bytes, *, account: str, url: str, current: bytes) -> jwk.PublicKey:
    """The new key, after every check of §7.3.5.

    ``current`` is the thumbprint of the account's key. Raises ``malformed`` for a wrong shape,
    account, url or old key, and what the signature check raises.
    """
    inner = jws.parse(payload)
    header = inner.protected
    algorithms.require_known(header.alg)
    if header.jwk is None or header.kid is not None:
        raise AcmeError("malformed", "the inner JWS carries the new key as jwk")
    if header.nonce:
        raise AcmeError("malformed", "the inner JWS must not have a nonce")
    if header.url != url:
        raise AcmeError("malformed", "the inner JWS has another url than the outer one")
    new = jwk.public_key(header.jwk)
    jws.verify(inner, new)
    try:
        change = _decoder.decode(inner.payload)
    except msgspec.DecodeError as error:
        raise AcmeError("malformed", "the inner payload is not a key change") from error
    if change.account != account:
        raise AcmeError("malformed", "the inner payload names another account")
    if jwk.thumbprint(jwk.public_key(change.old_key)) != current:
        raise AcmeError("malformed", "oldKey is not the account's key")
    return new
