"""Delegations: an administrator lets a program act for them at one interface, for a stated time.

A delegation is a JWT that the key of the administrator's certificate signed (``x5c``, RFC 7515
§4.1.6). The certificate proves nothing by itself: the interface compares it octet by octet with
what was issued, as it does with the certificate of a handshake.
"""

import base64
import datetime as dt
from typing import Any

import msgspec

from newel.crypto import loading
from newel.crypto.keys import PrivateKey
from newel.jose import jws
from newel.step import tokens

TYPE = "newel-delegation+jwt"
"""``typ`` of its header (RFC 8725 §3.11), so that no other token is taken for one."""

LONGEST = dt.timedelta(hours=24)
"""How long one may last."""


def audience_of(interface: str) -> str:
    """Return the ``aud`` of a delegation for an interface, such as ``inventory``."""
    return f"urn:newel:{interface}"


def make(
    certificate: bytes, key: PrivateKey, interface: str, now: dt.datetime, lifetime: dt.timedelta
) -> str:
    """Return a delegation for one interface by a certificate (DER) and its key.

    It ends with the certificate at the latest.
    """
    end = min(now + lifetime, loading.load_certificate(certificate).not_valid_after_utc)
    header: dict[str, Any] = {
        "alg": jws.default_algorithm(key),
        "typ": TYPE,
        "x5c": [base64.b64encode(certificate).decode()],
    }
    claims = {
        "aud": audience_of(interface),
        "exp": int(end.timestamp()),
        "iat": int(now.timestamp()),
    }
    return jws.sign_compact(msgspec.json.encode(header), msgspec.json.encode(claims), key)


def read(text: str, interface: str, now: dt.datetime) -> bytes:
    """Return the certificate (DER) whose key signed a delegation for this interface.

    Who issued the certificate is not checked. Raises MalformedTokenError, InvalidSignatureError or
    InvalidClaimsError, all of them ValueError.
    """
    unverified = tokens.parse(text)
    encoded = unverified.header.x5c or ()
    if unverified.header.typ != TYPE or len(encoded) != 1:
        raise tokens.MalformedTokenError("it is no delegation with its one certificate")
    try:
        der = base64.b64decode(encoded[0], validate=True)
        key = jws.require_verifying_key(loading.read_public_key(loading.load_certificate(der)))
    except ValueError as error:  # of base64, of X.509, or of a key that signs nothing
        raise tokens.MalformedTokenError("its certificate cannot be used") from error
    token = unverified.verify(key)
    token.check_times(now.timestamp(), max_lifetime=LONGEST.total_seconds())
    made, ends = token.claims.iat, token.claims.exp
    if made is None or ends is None:
        raise tokens.InvalidClaimsError("it does not say when it was made (iat)")
    if ends - made > LONGEST.total_seconds():  # else one could be made today for next month
        raise tokens.InvalidClaimsError("it lasts longer than 24 hours (exp)")
    if audience_of(interface) not in token.claims.audience or len(token.claims.audience) != 1:
        raise tokens.InvalidClaimsError("it is for another interface (aud)")
    return der
