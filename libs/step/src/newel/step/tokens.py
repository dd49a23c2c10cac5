"""One-time tokens: made by clients, parsed within bounds, verified by the provisioner's key alone.

``parse`` yields an UnverifiedToken, whose claims may choose a provisioner and nothing more;
``UnverifiedToken.verify`` yields the Token that authorises. The header's ``jku``, ``x5u`` and
``jwk`` are never looked at.
"""

import datetime as dt
import hashlib
from binascii import a2b_base64
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec

from newel.crypto.entropy import random_hex
from newel.step import jws
from newel.step.jwk import PrivateKey, b64url

LARGEST = 128 * 1024
"""Octets; anything longer is refused before it is looked at. 256 names have room."""

LEEWAY = 60
"""Seconds by which clocks may differ."""

LIFETIME = dt.timedelta(minutes=5)

_TO_STANDARD = bytes.maketrans(b"-_+/", b"+/!!")  # "!" makes the other alphabet's signs an error
_SPARE = {0: b"", 2: b"==", 3: b"="}


class MalformedToken(ValueError):  # noqa: N818 - named for what was found
    """Not a token at all. The text says why, for the audit trail."""


class InvalidClaims(ValueError):  # noqa: N818 - named for what was found
    """Signed well, but not good now or not good here."""


class Header(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The protected header's members that matter."""

    alg: str
    kid: str | None = ""
    typ: str | None = ""
    crit: list[str] | None = None
    x5c: list[str] | None = None
    x5c_insecure: list[str] | None = msgspec.field(default=None, name="x5cInsecure")


class Confirmation(msgspec.Struct, omit_defaults=True):
    """RFC 7800 ``cnf``: the fingerprint of the one request the token is good for."""

    request: str = msgspec.field(default="", name="x5rt#S256")


class SshOptions(msgspec.Struct, omit_defaults=True, rename="camel"):
    """What an SSH token fixes."""

    cert_type: str = ""
    key_id: str = msgspec.field(default="", name="keyID")
    principals: list[str] | None = None
    valid_after: str | None = ""
    valid_before: str | None = ""


class StepClaim(msgspec.Struct, omit_defaults=True):
    """The ``step`` claim."""

    ssh: SshOptions | None = None


Moment = Annotated[float, msgspec.Meta(ge=0, le=253_402_300_799)]
"""NumericDate of RFC 7519 §2: seconds since 1970, up to the end of the year 9999."""


class Claims(msgspec.Struct, omit_defaults=True):
    """The registered claims (RFC 7519 §4.1) and those of step that authorise."""

    aud: str | list[str] | None = None
    exp: Moment | None = None
    iat: Moment | None = None
    iss: str = ""
    jti: str = ""
    nbf: Moment | None = None
    sans: list[str] | None = None
    sha: str = ""
    sub: str = ""
    cnf: Confirmation | None = None
    step: StepClaim | None = None

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
        longest: float,
        leeway: float = LEEWAY,
        needs_expiry: bool = True,
    ) -> None:
        """Raises InvalidClaims outside ``nbf`` … ``exp`` (seconds since 1970, with leeway).

        ``longest`` bounds how far ``exp`` may lie ahead, so that no token is good for ever.
        """
        claims = self.claims
        if claims.exp is None:
            if needs_expiry:
                raise InvalidClaims("token never expires (exp)")
        elif now > claims.exp + leeway:
            raise InvalidClaims("token is expired (exp)")
        elif claims.exp > now + longest + leeway:
            raise InvalidClaims("token expires too late (exp)")
        if claims.nbf is not None and now < claims.nbf - leeway:
            raise InvalidClaims("token not valid yet (nbf)")
        if claims.iat is not None and now < claims.iat - leeway:
            raise InvalidClaims("token issued in the future (iat)")


class UnverifiedToken(NamedTuple):
    """A well-formed token nobody has verified."""

    header: Header
    unverified: Claims
    payload: bytes
    signed: bytes
    signature: bytes

    def verify(self, verifier: jws.Verifier) -> Token:
        """The token, verified. Raises :class:`newel.step.jws.BadSignature`."""
        verifier.verify(self.header.alg, self.signed, self.signature)
        key = hashlib.sha256(self.signed).digest()
        return Token(self.unverified, self.header, self.payload, key)


def parse(text: str) -> UnverifiedToken:
    """Reads a compact JWS of at most LARGEST octets. Raises MalformedToken."""
    if len(text) > LARGEST:
        raise MalformedToken("token is too large")
    signed, _, tail = text.encode(errors="replace").rpartition(b".")
    head, _, body = signed.partition(b".")
    if not head or not body or not tail or b"." in body:
        raise MalformedToken("not a compact JWS")
    try:
        header = _header.decode(_decode(head))
        payload = _decode(body)
        claims = _claims.decode(payload)
        signature = _decode(tail)
    except (ValueError, RecursionError) as error:
        raise MalformedToken(f"malformed token: {error}"[:200]) from error
    if header.crit is not None:
        raise MalformedToken("critical header members are not understood")  # RFC 7515 §4.1.11
    return UnverifiedToken(header, claims, payload, signed, signature)


def _decode(text: bytes) -> bytes:
    """Unpadded base64url, and nothing else."""
    padding = _SPARE.get(len(text) % 4)
    if padding is None or text.endswith(b"="):
        raise ValueError("not base64url")
    return a2b_base64(text.translate(_TO_STANDARD) + padding, strict_mode=True)


def make(
    key: PrivateKey | jws.Signer,
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
    ssh: SshOptions | None = None,
    user: dict[str, Any] | None = None,
    extra_header: dict[str, Any] | None = None,
) -> str:
    """A token as ``step ca token`` makes it.

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
    header = {"alg": jws.algorithm(key), "kid": kid, "typ": "JWT", **(extra_header or {})}
    return jws.sign(_sorted_json(header), _sorted_json(claims), key)


def _sorted_json(value: object) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def spell(head: bytes, body: bytes, signature: bytes) -> str:
    """The compact form of three parts: for tests and tools that make tokens by hand."""
    return ".".join(b64url(part) for part in (head, body, signature))
