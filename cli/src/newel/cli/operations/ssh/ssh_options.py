"""What a command was told about the SSH certificate it gets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.operations.times import parse_time

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions
    from newel.cli.operations.template_data import TemplateData
    from newel.cli.operations.tokens.token_options import TokenOptions


SIGNERS = ("JWK", "OIDC", "X5C", "K8sSA", "Nebula", "AWS", "GCP", "Azure")
"""Kinds of provisioner whose tokens may ask for a new certificate."""
SIGNERS_OFFLINE = ("JWK", "X5C")
"""Provisioners whose credentials can be checked offline."""
NEEDED_FLAGS = {"X5C": "x5c-cert", "Nebula": "nebula-cert", "K8sSA": "k8ssa-token-path"}
"""The flag without which a kind has no tokens: not every command has it."""


class SSHOptions(NamedTuple):
    """The authority, and the way to a token for it and to a certificate."""

    tokens: "TokenOptions"
    usage: str
    """The synopsis of the command, for errors."""
    kinds: Sequence[str] = ()
    """The types of provisioner whose tokens the command's flags can ask for."""
    token: str | None = None
    offline: bool = False
    not_before: str | None = None
    not_after: str | None = None
    comment: str | None = None
    host_id: str | None = None
    template_data: "TemplateData | None" = None

    @property
    def authority(self) -> "AuthorityOptions":
        """The authority that issues."""
        return self.tokens.authority


class CertificateRequest(NamedTuple):
    """What the certificate shall say."""

    kind: str
    """``user`` or ``host``."""
    key_id: str
    principals: Sequence[str]
    valid_after: str
    valid_before: str

    @classmethod
    def of_options(
        cls, options: SSHOptions, key_id: str, principals: Sequence[str], *, host: bool = False
    ) -> "CertificateRequest":
        """Return a request with the validity of the options. Raises UsageError."""
        start = str(parse_time(options.not_before, "not-before"))
        end = str(parse_time(options.not_after, "not-after"))
        return cls("host" if host else "user", key_id, principals, start, end)
