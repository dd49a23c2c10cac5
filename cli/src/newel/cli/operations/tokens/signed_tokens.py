"""One-time tokens as JWTs: what they say, and their signature."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import CliError, UsageError

if TYPE_CHECKING:
    from newel.crypto.keys import PrivateKey
    from newel.jose.jws import ExternalSigner
    from newel.step.tokens import SSHOptions

SHORTEST, LONGEST = dt.timedelta(seconds=10), dt.timedelta(hours=1)
LATEST_START = dt.timedelta(minutes=30)


class TokenRequest(NamedTuple):
    """The content of a token, independent of its signer."""

    subject: str
    audience: str
    """The URL of the method; provisioners that need it add their fragment."""
    root: str = ""
    """SHA-256 of the root, hex, so that the token alone is enough to trust the authority."""
    sans: Sequence[str] | None = None
    confirmation: str = ""
    ssh: "SSHOptions | None" = None
    user: dict[str, Any] | None = None
    not_before: dt.datetime | None = None
    not_after: dt.datetime | None = None


def sign(
    wanted: TokenRequest,
    key: "PrivateKey | ExternalSigner",
    *,
    kid: str,
    issuer: str,
    fragment: str = "",
    header: dict[str, Any] | None = None,
) -> str:
    """Return the token, signed by ``key``."""
    from newel.client.clock import now
    from newel.step import tokens

    moment = now()
    start = wanted.not_before or moment
    lifetime = wanted.not_after - start if wanted.not_after else tokens.LIFETIME
    if not SHORTEST <= lifetime <= LONGEST:
        raise UsageError("the token must be valid for ten seconds at least and an hour at most")
    if start > moment + LATEST_START:
        raise UsageError("the token must start within half an hour")
    try:
        return tokens.make(
            key,
            kid=kid,
            issuer=issuer,
            subject=wanted.subject,
            audience=wanted.audience + fragment,
            now=moment,
            sans=wanted.sans,
            root=wanted.root,
            not_before=wanted.not_before,
            lifetime=lifetime,
            confirmation=wanted.confirmation,
            ssh=wanted.ssh,
            user=wanted.user,
            extra_header=header,
        )
    except (ValueError, KeyError):
        raise CliError("the key cannot sign a token: its kind is not one of those used") from None
