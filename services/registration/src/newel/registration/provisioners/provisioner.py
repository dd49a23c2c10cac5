"""What every kind of provisioner offers to the rest of the registration authority."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.registration.errors import malformed, unauthorized
from newel.registration.provisioners.grant import Grant, RevocationGrant, TokenUse
from newel.registration.provisioners.limits import Limits
from newel.step.audiences import Audiences
from newel.step.provisioners import Newel, ProvisionerConfig, identity, kind, to_public
from newel.step.tokens import Token, UnverifiedToken

if TYPE_CHECKING:
    from newel.registration.provisioners.templates import LeafTemplate


class TokenRules(Protocol):
    """The rules all tokens are held to, whoever verifies them."""

    @property
    def audiences(self) -> Audiences:
        """The audiences of this authority."""
        ...

    @property
    def longest_token(self) -> float:
        """Seconds that a token may lie before its expiry."""
        ...


class Provisioner:
    """One provisioner: its record, its limits, and how it decides. Kinds override ``authorize_*``."""

    def __init__(
        self, record: ProvisionerConfig, limits: Limits, *, active_revocation: bool
    ) -> None:
        """``limits`` are the authority's; raises ValueError when the record cannot be used."""
        own = record.newel or Newel()
        self.record = record
        self.id = identity(record)
        self.kind = kind(record)
        self.name = record.name
        self.limits = limits.inherit(record.claims)
        self.profile = own.profile
        self.template = template_of(record)
        self.disabled = own.disabled
        self.revokes_any = own.revokes_any
        self.active_revocation = (
            active_revocation if own.active_revocation is None else own.active_revocation
        )

    @property
    def public(self) -> dict[str, Any]:
        """What ``/provisioners`` shows: the record without secrets."""
        return to_public(self.record)

    @property
    def may_renew(self) -> bool:
        """Whether certificates of this provisioner may be renewed today."""
        return self.limits.allow_renewal and not self.disabled

    def authorize_sign(self, token: UnverifiedToken, rules: TokenRules, now: float) -> Grant:
        """The grant a token proves. Raises the refusal."""
        raise self._no_tokens(token, rules, now)

    def authorize_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: float
    ) -> RevocationGrant:
        """The right to revoke that a token proves. Raises the refusal."""
        raise self._no_tokens(token, rules, now)

    def _no_tokens(self, _token: UnverifiedToken, _rules: TokenRules, _now: float) -> Exception:
        return malformed(
            "token flow is not supported",
            cause=f"a token names the {self.kind} provisioner {self.name!r}",
        )

    def accepts(self, credential_id: str) -> bool:  # noqa: ARG002 - kinds with credentials look at it
        """Whether a certificate with this credential id in its extension is of this provisioner."""
        return True

    def statement(
        self, credential_id: str, key_values: Mapping[str, str] | None = None
    ) -> pb.Provisioner:
        """What the issuing authority records and puts into the extension."""
        return pb.Provisioner(
            type=self.kind,
            name=self.name,
            credential_id=credential_id,
            key_values=key_values or {},
            renewable=self.may_renew,
            hide_extension=not self.limits.include_extension,
        )


def template_of(record: ProvisionerConfig) -> "LeafTemplate | None":
    """The record's X.509 template. Raises ValueError when it cannot be used.

    The template language is loaded only where a provisioner has one.
    """
    if not record.options or not record.options.get("x509"):
        return None
    from newel.registration.provisioners.templates import LeafTemplate

    return LeafTemplate.of(record.options)


def token_use(provisioner_id: str, token: Token) -> TokenUse:
    """One token's key: of its id where it has one, else of what was signed.

    The provisioner is part of it, so that nobody can use up another provisioner's ids; the signature
    is not, because one content has many signatures.
    """
    claims = token.claims
    if claims.exp is None:
        raise unauthorized("token never expires (exp)")
    own = b"jti\0" + claims.jti.encode() if claims.jti else b"content\0" + token.key
    digest = hashlib.sha256(provisioner_id.encode() + b"\0" + own).digest()
    return TokenUse(digest[:24], int(claims.exp))
