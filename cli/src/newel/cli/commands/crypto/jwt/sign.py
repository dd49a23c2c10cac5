"""`newel crypto jwt sign`: a signed token from flags and a JSON payload."""

import json
import secrets
from typing import TYPE_CHECKING, Any, cast

from newel.cli.commands.crypto.jws.sign import show, signer
from newel.cli.errors import CliError, UsageError
from newel.cli.jose import jws_messages
from newel.cli.store.files import read
from newel.cli.store.standard_input import has_input
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jwt import CryptoJWTSignOptions


NEEDED = ("iss", "aud", "sub", "exp")
TIMES = ("exp", "nbf", "iat")


def run(options: "CryptoJWTSignOptions") -> None:
    """Print the token; the payload's claims override those of the flags."""
    given = options.positionals(0, 1)
    extra = payload(given[0] if given else None)
    key, header = signer(options)
    header = {"typ": "JWT"} | header
    for item in options.header:
        name, equals, value = item.partition("=")
        if not equals:
            raise UsageError(f"invalid value '{item}' for flag '--header'")
        header[name] = value
    claims = build_claims(options, int(now().timestamp())) | extra
    text = json.dumps(claims, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    show(options, jws_messages.sign(header, text.encode(), key))


def build_claims(options: "CryptoJWTSignOptions", moment: int) -> dict[str, Any]:
    """Return the claims of the flags, which must include the recommended ones without --subtle."""
    subtle = options.subtle
    audience = options.aud
    claims: dict[str, Any] = {
        "iss": options.iss,
        "aud": audience[0] if len(audience) == 1 else audience,
        "sub": options.sub,
        "jti": options.jti or secrets.token_hex(32),
    } | {name: options.integer(name) for name in TIMES}
    if not subtle:
        if claims["exp"] and claims["exp"] < moment:
            raise UsageError(
                "flag '--exp' must be in the future unless the '--subtle' flag is provided"
            )
        for name in NEEDED:
            if not claims[name]:
                raise UsageError(f"flag '--{name}' is required unless '--subtle' is used")
    claims["nbf"] = claims["nbf"] or moment
    claims["iat"] = claims["iat"] or moment
    return {name: value for name, value in claims.items() if value}


def payload(name: str | None) -> dict[str, Any]:
    """Return the JSON object in a file or on stdin; an empty one for no content."""
    if name is None and not has_input():
        return {}
    text = read(name or "-")
    if name is None and not text.strip():
        return {}
    source = "STDIN" if name in {None, "-"} else name
    try:
        value: object = json.loads(text)
    except ValueError as error:
        raise CliError(f"error decoding JSON from {source}: {error}") from None
    if not isinstance(value, dict):
        raise CliError(f"error decoding JSON from {source}: it is not an object")
    return cast("dict[str, Any]", value)
