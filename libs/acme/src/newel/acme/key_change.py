"""Account key rollover (RFC 8555 §7.3.5): make and verify the inner JWS."""

import msgspec

from newel.acme import jws
from newel.acme.account_keys import read_public_key
from newel.acme.problems import ACMEError, ErrorCode
from newel.crypto.keys import PrivateKey, PublicKey
from newel.jose import jwk


class KeyChange(msgspec.Struct, rename="camel"):
    """The inner payload: which account, and the key it has now."""

    account: str
    old_key: jwk.JWK


_decoder = msgspec.json.Decoder(KeyChange)


def make_request(account: str, url: str, old: PrivateKey, new: PrivateKey) -> bytes:
    """Return the inner JWS, signed by the new key: the payload of a request the old key signs."""
    content = {"account": account, "oldKey": jwk.required_members(old.public_key())}
    return jws.sign(msgspec.json.encode(content), new, url=url)


def verify(payload: bytes, *, account: str, url: str, current: bytes) -> PublicKey:
    """Return the new key, after every check of §7.3.5.

    ``current`` is the thumbprint of the account's key. Raises ``malformed`` for a wrong shape,
    account, url or old key, and what the signature check raises.
    """
    inner = jws.parse(payload)
    header = inner.protected
    jws.require_known_algorithm(header.alg)
    if header.jwk is None or header.kid is not None:
        raise ACMEError(ErrorCode.MALFORMED, "the inner JWS carries the new key as jwk")
    if header.nonce:
        raise ACMEError(ErrorCode.MALFORMED, "the inner JWS must not have a nonce")
    if header.url != url:
        raise ACMEError(ErrorCode.MALFORMED, "the inner JWS has another url than the outer one")
    new = read_public_key(header.jwk)
    jws.verify(inner, new)
    try:
        change = _decoder.decode(inner.payload)
    except msgspec.DecodeError as error:
        raise ACMEError(ErrorCode.MALFORMED, "the inner payload is not a key change") from error
    if change.account != account:
        raise ACMEError(ErrorCode.MALFORMED, "the inner payload names another account")
    if jwk.thumbprint(read_public_key(change.old_key)) != current:
        raise ACMEError(ErrorCode.MALFORMED, "oldKey is not the account's key")
    return new
