"""The claims of tokens that others sign (RFC 7519 §4)."""

import json
from typing import Any

from newel.cli.errors import CliError


def unverified_claims(token: str) -> dict[str, Any]:
    """Return the payload of a token, unverified. Raises CliError for what is no token."""
    from newel.jose import base64url

    parts = token.split(".")
    if len(parts) != 3:
        raise CliError("error parsing token: compact JWS format must have three parts")
    try:
        claims: Any = json.loads(base64url.decode(parts[1]))
        if isinstance(claims, dict):
            return claims
    except ValueError:
        pass
    raise CliError("error parsing token: its payload is no JSON object")
