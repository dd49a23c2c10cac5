"""Where an identity provider is asked: known providers, those who describe themselves, or the flags."""

from typing import NamedTuple

from newel.cli.errors import CliError
from newel.cli.operations.oauth import exchange

WELL_KNOWN = "/.well-known/openid-configuration"


class Endpoints(NamedTuple):
    """The addresses of one provider; "" for what it has not."""

    authorization: str = ""
    device: str = ""
    token: str = ""
    revocation: str = ""


KNOWN = {
    "google": Endpoints(
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/device/code",
        "https://www.googleapis.com/oauth2/v4/token",
        "https://oauth2.googleapis.com/revoke",
    ),
    "github": Endpoints(
        "https://github.com/login/oauth/authorize",
        "https://github.com/login/device/code",
        "https://github.com/login/oauth/access_token",
    ),
}


def find(given: Endpoints, provider: str | None, *, device: bool) -> Endpoints:
    """Return the endpoints for this flow: those given, else the provider's. Raises CliError."""
    for name, value in (
        ("authorization-endpoint", given.authorization),
        ("device-authorization-endpoint", given.device),
    ):
        if value and not given.token:
            raise CliError(f"flag '--{name}' requires flag '--token-endpoint'")
    if given.device if device else given.authorization:
        return given
    provider = provider or "google"
    return KNOWN.get(provider) or discover(provider, device=device)


def discover(provider: str, *, device: bool) -> Endpoints:
    """Return the endpoints of a provider's metadata (OpenID Connect Discovery §4)."""
    url = provider if WELL_KNOWN in provider else provider.rstrip("/") + WELL_KNOWN
    answer = exchange.send(url)
    if answer.status >= 400:
        raise CliError(f"error retrieving {url}: status code {answer.status}")
    names = (
        "authorization_endpoint",
        "device_authorization_endpoint",
        "token_endpoint",
        "revocation_endpoint",
    )
    found = Endpoints(*(text(answer.members.get(name)) for name in names))
    needed = (names[1], found.device) if device else (names[0], found.authorization)
    for name, value in (needed, (names[2], found.token)):
        if not value:
            raise CliError(f"missing or invalid '{name}' in provider metadata")
    return found


def text(value: object) -> str:
    """Return a member that is text, else ""."""
    return value if isinstance(value, str) else ""
