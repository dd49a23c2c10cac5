"""`newel crypto jwt verify`: the claims of a token, if it is whole, in time and meant for you."""

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, cast

from newel.cli.commands.crypto.jws.verify import verifier
from newel.cli.commands.crypto.jwt.inspect import show
from newel.cli.errors import CliError, UsageError
from newel.cli.jose import jws_messages
from newel.cli.jose.jose_keys import KeySource, require_source
from newel.cli.options.groups import select
from newel.cli.store.files import read
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jwt import CryptoJWTVerifyOptions


def run(options: "CryptoJWTVerifyOptions") -> None:
    """Print the token on stdin as JSON when signature, issuer, audience and times are right."""
    options.positionals(0)
    message = jws_messages.parse(read("-").decode(errors="replace"))
    issuer, audience = options.iss, options.aud
    require_source(select(KeySource, options))
    for flag, value in (("iss", issuer), ("aud", audience)):
        if not value and not options.subtle:
            raise UsageError(f"flag '--{flag}' is required unless the '--subtle' flag is provided")
    if options.no_exp_check and not options.insecure:
        raise UsageError("flag '--no-exp-check' requires the '--insecure' flag")
    payload = jws_messages.verify(message, verifier(options, message, "JWT"))
    try:
        claims: object = json.loads(payload)
    except ValueError:
        claims = None
    if not isinstance(claims, dict):
        raise CliError("claim verify failed: the payload is not a JSON object")
    check_expiry = not options.no_exp_check
    found = faults(
        cast("dict[str, Any]", claims),
        issuer,
        audience,
        now().timestamp(),
        check_expiry=check_expiry,
    )
    if found:
        raise CliError(f"validation failed: {', '.join(found)}")
    show(message)


def faults(
    claims: dict[str, Any],
    issuer: str | None,
    audience: str | None,
    moment: float,
    *,
    check_expiry: bool,
) -> list[str]:
    """Everything about the claims that is not as it should be (RFC 7519 §4.1)."""
    found: list[str] = []
    if issuer and claims.get("iss") != issuer:
        found.append("invalid issuer claim (iss)")
    named = claims.get("aud", [])
    if audience and audience not in (
        cast("list[Any]", named) if isinstance(named, list) else [named]
    ):
        found.append("invalid audience claim (aud)")
    if "nbf" in claims and moment < date(claims, "nbf"):
        found.append("token not valid yet (nbf)")
    if "exp" in claims and check_expiry and moment > date(claims, "exp"):
        from newel.durations.go import format_duration

        late = dt.timedelta(milliseconds=round((moment - date(claims, "exp")) * 1000))
        found.append(f"token is expired by {format_duration(late)} (exp)")
    return found


def date(claims: dict[str, Any], name: str) -> float:
    """Return a NumericDate as a time."""
    value: object = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CliError(f"claim verify failed: {name} is not a number")
    return float(value)
