"""Tokens of a service account, whose key signs for it (RFC 7523)."""

from typing import Any, NamedTuple, cast

from newel.cli.errors import CliError
from newel.cli.operations.oauth import exchange
from newel.cli.operations.oauth.endpoints import Endpoints
from newel.cli.operations.oauth.exchange import Client
from newel.cli.store.files import read

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME = 3600


class Account(NamedTuple):
    """What an account file says; ``email`` and ``key`` are "" for an installed application."""

    endpoints: Endpoints
    client: Client
    email: str = ""
    kid: str = ""
    key: str = ""


def read_account(name: str) -> Account:
    """Return the account of a credentials file. Raises CliError."""
    found = exchange.members(name, read(name))
    installed = found.get("installed")
    try:
        if isinstance(installed, dict):
            row = cast("dict[str, Any]", installed)
            endpoints = Endpoints(row["auth_uri"], "", row["token_uri"])
            return Account(endpoints, Client(row["client_id"], row["client_secret"]))
        if found.get("type") == "service_account":
            endpoints = Endpoints(found["auth_uri"], "", found["token_uri"])
            return Account(
                endpoints,
                Client(found["client_email"]),
                found["client_email"],
                found["private_key_id"],
                found["private_key"],
            )
    except KeyError as error:
        raise CliError(f"error reading {name}: it has no {error}") from None
    raise CliError(f"error reading {name}: unsupported account type")


def assertion(account: Account, claims: dict[str, Any]) -> str:
    """Return a token the account's key signs, good for an hour. Raises CliError."""
    import json

    from newel.client.clock import now
    from newel.crypto.keys import InvalidKeyError, load_private_key
    from newel.jose import jws

    try:
        key = load_private_key(account.key.encode())
    except InvalidKeyError:
        raise CliError("error parsing private key") from None
    issued = int(now().timestamp())
    body = {"iss": account.email, "iat": issued, "nbf": issued, "exp": issued + LIFETIME, **claims}
    header = {"alg": jws.default_algorithm(key), "kid": account.kid, "typ": "JWT"}
    return jws.sign_compact(json.dumps(header).encode(), json.dumps(body).encode(), key)


def authorize(account: Account, scope: str) -> dict[str, Any]:
    """Return the tokens for an assertion."""
    signed = assertion(account, {"aud": account.endpoints.token, "scope": scope})
    form = {"assertion": signed, "grant_type": GRANT}
    return exchange.token_of(exchange.post(account.endpoints.token, form))


def self_signed(account: Account, audience: str) -> dict[str, Any]:
    """Return the assertion itself, for services that take it as a token."""
    signed = assertion(account, {"aud": audience, "sub": account.email})
    return {
        "access_token": signed, "id_token": "", "refresh_token": "", "expires_in": LIFETIME,
        "token_type": "Bearer",
    }  # fmt: skip # a table
