"""One-time tokens: clients make them, a provisioner's key alone verifies them.

``parse`` yields an UnverifiedToken, whose claims may choose a provisioner and nothing more;
``UnverifiedToken.verify`` yields the Token that authorizes. The header's ``jku``, ``x5u`` and
``jwk`` are never used.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from newel.crypto.entropy import random_hex
from newel.crypto.keys import PrivateKey, PublicKey
from newel.jose import base64url, jws
from newel.jose.errors import AlgorithmMismatchError

MAX_TOKEN = 128 * 1024
"""Octets; longer tokens are refused unread. 256 names fit."""

LEEWAY = 60
"""Seconds by which clocks may differ."""

LIFETIME = dt.timedelta(minutes=5)


class MalformedTokenError(ValueError):
    """The text is not a token; the message says why, for the audit trail."""


class InvalidClaimsError(ValueError):
    """The signature is right, but the claims do not hold now or here."""


class Header(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The protected header's members that matter."""

    alg: str
    kid: str | None = ""
    typ: str | None = ""
    crit: list[str] | None = None
    sshpop: str | None = None
    x5c: list[str] | None = None
    x5c_insecure: list[str] | None = msgspec.field(default=None, name="x5cInsecure")
    nebula: str | None = None
    """Base64 of the Nebula certificate whose key signed."""


class Confirmation(msgspec.Struct, omit_defaults=True):
    """RFC 7800 ``cnf``: the fingerprint of the one request the token is good for."""

    request: str = msgspec.field(default="", name="x5rt#S256")


class SSHOptions(msgspec.Struct, omit_defaults=True, rename="camel"):
    """What an SSH token fixes."""

    cert_type: str = ""
    key_id: str = msgspec.field(default="", name="keyID")
    principals: list[str] | None = None
    valid_after: str | None = ""
    valid_before: str | None = ""


class StepClaim(msgspec.Struct, omit_defaults=True):
    """The ``step`` claim."""

    ssh: SSHOptions | None = None


NumericDate = Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]
"""RFC 7519 §2: seconds since 1970, up to the end of the year 9999."""


class Claims(msgspec.Struct, omit_defaults=True):
    """The registered claims (RFC 7519 §4.1), those of step that authorize, and those that select."""

    aud: str | list[str] | None = None
    azp: str | None = ""
    email: str | None = ""
    exp: NumericDate | None = None
    iat: NumericDate | None = None
    iss: str = ""
    jti: str = ""
    nbf: NumericDate | None = None
    sans: list[str] | None = None
    sha: str = ""
    sub: str = ""
    tid: str | None = ""
    cnf: Confirmation | None = None
    step: StepClaim | None = None

    @property
    def issued_at(self) -> int:
        """Seconds since 1970 when it was made: ``iat``, or ``nbf`` without it; 0 when it has neither."""
        return int(self.iat or self.nbf or 0)

    @property
    def audience(self) -> Sequence[str]:
        """``aud`` as a list."""
        return [self.aud] if isinstance(self.aud, str) else self.aud or []


_header = msgspec.json.Decoder(Header)
_claims = msgspec.json.Decoder(Claims)


class Token(NamedTuple):
    """A token whose signature was verified."""

    claims: Claims
    header: Header
    payload: bytes
    """The claims as they were signed: JSON."""
    key: bytes
    """32 octets that are the same for every spelling of the same signed content."""

    def check_times(
        self,
        now: float,
        *,
        max_lifetime: float,
        leeway: float = LEEWAY,
        needs_expiry: bool = True,
    ) -> None:
        """Raise InvalidClaimsError outside ``nbf`` … ``exp`` (seconds since 1970, with leeway).

        ``max_lifetime`` bounds in seconds how far ``exp`` may lie ahead.
        """
        claims = self.claims
        if claims.exp is None:
            if needs_expiry:
                raise InvalidClaimsError("token never expires (exp)")
        elif now > claims.exp + leeway:
            raise InvalidClaimsError("token is expired (exp)")
        elif claims.exp > now + max_lifetime + leeway:
            raise InvalidClaimsError("token expires too late (exp)")
        if claims.nbf is not None and now < claims.nbf - leeway:
            raise InvalidClaimsError("token not valid yet (nbf)")
        if claims.iat is not None and now < claims.iat - leeway:
            raise InvalidClaimsError("token issued in the future (iat)")


class UnverifiedToken(NamedTuple):
    """A well-formed token whose signature is not verified yet."""

    header: Header
    unverified: Claims
    payload: bytes
    signed: bytes
    signature: bytes

    def verify(self, key: PublicKey | X25519PublicKey) -> Token:
        """Return the verified token, or raise ``newel.jose.errors.InvalidSignatureError``."""
        jws.verify(key, self.header.alg, self.signed, self.signature)
        return self._as_verified()

    def verify_mac(self, secret: bytes, algorithm: str) -> Token:
        """Return the token whose HMAC is right. Raises as ``newel.jose.jws.verify_mac``."""
        if self.header.alg != algorithm:
            raise AlgorithmMismatchError(f"the token is not one of {algorithm}")
        jws.verify_mac(secret, algorithm, self.signed, self.signature)
        return self._as_verified()

    def _as_verified(self) -> Token:
        identity = hashlib.sha256(self.signed).digest()
        return Token(self.unverified, self.header, self.payload, identity)


def parse(text: str) -> UnverifiedToken:
    """Parse a compact JWS of at most MAX_TOKEN octets. Raises MalformedTokenError."""
    if len(text) > MAX_TOKEN:
        raise MalformedTokenError("token is too large")
    signed, _, tail = text.encode(errors="replace").rpartition(b".")
    head, _, body = signed.partition(b".")
    if not head or not body or not tail or b"." in body:
        raise MalformedTokenError("not a compact JWS")
    try:
        header = _header.decode(base64url.decode(head))
        payload = base64url.decode(body)
        claims = _claims.decode(payload)
        signature = base64url.decode(tail)
    except (ValueError, RecursionError) as error:
        raise MalformedTokenError(f"malformed token: {error}"[:200]) from error
    if header.crit is not None:
        raise MalformedTokenError("critical header members are not understood")  # RFC 7515 §4.1.11
    return UnverifiedToken(header, claims, payload, signed, signature)


def make(
    key: PrivateKey | jws.ExternalSigner,
    *,
    kid: str,
    issuer: str,
    subject: str,
    audience: str,
    now: dt.datetime,
    sans: Sequence[str] | None = None,
    root: str = "",
    not_before: dt.datetime | None = None,
    lifetime: dt.timedelta = LIFETIME,
    confirmation: str = "",
    ssh: SSHOptions | None = None,
    user: dict[str, Any] | None = None,
    extra_header: dict[str, Any] | None = None,
) -> str:
    """Return a token as ``step ca token`` makes it.

    ``root`` is the hex fingerprint of the root (``sha``), ``confirmation`` the fingerprint of the
    one request it is for, ``sans`` None for a token that names only its subject (revocation).
    """
    start = not_before or now
    claims: dict[str, Any] = {
        "aud": audience,
        "exp": int((start + lifetime).timestamp()),
        "iat": int(now.timestamp()),
        "iss": issuer,
        "jti": random_hex(32),
        "nbf": int(start.timestamp()),
        "sub": subject,
    }
    optional: dict[str, Any] = {
        "sans": None if sans is None else list(sans),
        "sha": root or None,
        "cnf": {"x5rt#S256": confirmation} if confirmation else None,
        "step": StepClaim(ssh=ssh) if ssh is not None else None,
        "user": user,
    }
    claims |= {name: value for name, value in optional.items() if value is not None}
    header = {"alg": jws.default_algorithm(key), "kid": kid, "typ": "JWT", **(extra_header or {})}
    return jws.sign_compact(_sorted_json(header), _sorted_json(claims), key)


def _sorted_json(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")
