"""A provisioner's permission for one SSH certificate."""

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from newel.registration.errors import malformed_error, unauthorized_error
from newel.registration.issuance import ProvisionerRef
from newel.registration.provisioners.grant import Grant, TokenUse, Window
from newel.registration.provisioners.limits import Durations, Limits
from newel.step.tokens import SSHOptions, Token

_NOTHING: Mapping[str, Any] = {}
NO_OPTIONS = SSHOptions()
"""Of a token that fixes nothing."""


class SSHChoice(enum.Enum):
    """What the request may choose for itself."""

    NOTHING = "nothing"
    """The certificate says what the token proves; the request may not ask for anything else."""
    PRINCIPALS = "principals"
    """The request's principals, where it names any."""
    ALL = "all"
    """Type, key id and principals: the request has to name all three."""


class SSHGrant(NamedTuple):
    """The type, names and limits of one SSH certificate, and whom the provisioner proved."""

    provisioner: ProvisionerRef
    use: TokenUse | None
    """None: the token may be used again."""
    subject: str
    types: frozenset[str]
    """``user`` and ``host``, or one of them."""
    type: str
    key_id: str
    principals: Sequence[str]
    limits: Limits
    identity: Callable[[], Grant]
    """Makes the grant of the X.509 certificate beside it, for a request that asks for one. Raises NewelError."""
    choice: SSHChoice = SSHChoice.NOTHING
    options: SSHOptions = NO_OPTIONS
    """What the token fixes, which the request must not contradict."""
    payload: bytes = b""
    """The verified claims as JSON, for templates."""
    window: Window | None = None
    template_data: Mapping[str, Any] = _NOTHING
    certificate: bytes = b""
    """DER of the certificate that proved the identity; empty: none did."""
    principal: str = ""
    """The instance or object that is proved, for webhooks; empty: the certificate's common name."""

    others: Mapping[str, "SSHGrant"] = _NOTHING
    """What the same token proves for another type, where it is other names, by type."""

    def of_type(self, asked: str) -> "SSHGrant":
        """Return the grant for the type that a request asks for; ``""``: it asks for none."""
        return self.others.get(asked, self)

    def durations(self, kind: str) -> Durations:
        """Return how long certificates of a type are valid."""
        return self.limits.ssh_user if kind == "user" else self.limits.ssh_host


BOTH = frozenset({"user", "host"})
USERS = frozenset({"user"})
HOSTS = frozenset({"host"})


def read_options(token: Token) -> SSHOptions:
    """Return what a token of the step tools fixes. Raises NewelError for one that is not for SSH."""
    step = token.claims.step
    if step is None or step.ssh is None:
        raise unauthorized_error("the token is not for an SSH certificate (step.ssh)")
    if step.ssh.cert_type not in {"", *BOTH}:
        raise malformed_error(f"unknown certificate type '{step.ssh.cert_type[:64]}'")
    return step.ssh


def grant_options(
    token: Token, options: SSHOptions, types: frozenset[str], **facts: Any
) -> SSHGrant:
    """Return the grant of a token of the step tools: what it fixes, and its subject for the rest."""
    subject = token.claims.sub
    return SSHGrant(
        subject=subject,
        types=types,
        type=options.cert_type or ("user" if "user" in types else "host"),
        key_id=options.key_id or subject,
        principals=options.principals or [subject],
        options=options,
        payload=token.payload,
        **facts,
    )
