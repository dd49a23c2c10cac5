"""Renewal by bearer token: a JWS signed by the certificate's own key, its chain in ``x5cInsecure``.

The chain proves nothing by itself: the authority that accepts the token builds it to a root, and
compares the leaf octet by octet with the record of what was issued.
"""

import base64
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from newel.crypto import loading
from newel.crypto.keys import PrivateKey
from newel.jose import jws
from newel.step import tokens
from newel.step.audiences import Audiences, Method

ISSUER = "step-ca-client/1.0"
_MAX_CHAIN = 8
LIFETIME = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class RenewToken:
    """A bearer token signed by its own leaf's key; who issued that leaf is not known yet."""

    token: tokens.Token
    leaf: x509.Certificate
    chain: tuple[bytes, ...]
    """DER, leaf first, as received."""

    def check_claims(
        self, audiences: Audiences, provisioner: str, now: float, longest: float
    ) -> None:
        """Check subject, times, issuer and audience. Raises InvalidClaimsError in step-ca's words.

        ``longest`` bounds in seconds how far the expiry may lie ahead.
        """
        claims, name = self.token.claims, common_name(self.leaf)
        if name and claims.sub != name:
            raise tokens.InvalidClaimsError("invalid subject claim (sub)")
        self.token.check_times(now, max_lifetime=longest)
        if claims.iss not in {ISSUER, provisioner}:
            raise tokens.InvalidClaimsError("invalid issuer claim (iss)")
        if not audiences.accepts(Method.RENEW, claims.audience):
            raise tokens.InvalidClaimsError("invalid audience claim (aud)")


def parse(text: str) -> RenewToken:
    """Parse a renew token and verify it with its leaf's key.

    Raises MalformedTokenError or InvalidSignatureError. Who issued the leaf is not checked.
    """
    unverified = tokens.parse(text)
    encoded = unverified.header.x5c_insecure or []
    if not 1 <= len(encoded) <= _MAX_CHAIN:
        raise tokens.MalformedTokenError("no x5cInsecure chain, or one too long")
    try:
        chain = tuple(base64.b64decode(item, validate=True) for item in encoded)
        leaf = loading.load_certificate(chain[0])
        key = jws.require_verifying_key(loading.read_public_key(leaf))
        common_name(leaf)
    except ValueError as error:  # of base64, of X.509, or of a key that signs nothing
        raise tokens.MalformedTokenError("the x5cInsecure leaf cannot be used") from error
    return RenewToken(unverified.verify(key), leaf, chain)


def make(chain: Sequence[bytes], key: PrivateKey, audience: str, now: dt.datetime) -> str:
    """Return the token for a certificate (DER chain, leaf first) and its key, valid for five minutes."""
    leaf = loading.load_certificate(chain[0])
    issued = int(now.timestamp())
    header: dict[str, Any] = {
        "alg": jws.default_algorithm(key),
        "typ": "JWT",
        "x5cInsecure": [base64.b64encode(der).decode() for der in chain],
    }
    claims = {
        "aud": audience,
        "exp": issued + int(LIFETIME.total_seconds()),
        "iat": issued,
        "iss": ISSUER,
        "nbf": issued,
        "sub": common_name(leaf),
    }
    return jws.sign_compact(msgspec.json.encode(header), msgspec.json.encode(claims), key)


def common_name(certificate: x509.Certificate) -> str:
    """Return the last common name of the subject, or ``""``."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[-1].value) if names else ""
