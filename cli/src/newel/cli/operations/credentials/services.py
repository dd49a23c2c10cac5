"""A service is an origin (RFC 6454): a credential that was got for one goes to no other."""

from urllib.parse import SplitResult, urlsplit

from newel.cli.errors import UsageError
from newel.cli.operations.oauth import exchange

PORTS = {"https": 443, "http": 80}


def origin(url: str) -> str:
    """``https://host`` with the port unless it is the usual one. Raises UsageError, CliError."""
    parts = split(url)
    exchange.allow(url)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    usual = parts.port in {None, PORTS[parts.scheme]}
    return f"{parts.scheme}://{host}" if usual else f"{parts.scheme}://{host}:{parts.port}"


def target(url: str) -> str:
    """Return the path and query of a URL."""
    parts = split(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def split(url: str) -> SplitResult:
    """Return an http or https URL without a user in it. Raises UsageError."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - a port that is none is found by asking for it
    except ValueError as error:
        raise UsageError(f"'{url}' is not a URL: {error}") from None
    strange = (
        not url.isascii() or not url.isprintable() or any(letter in ' \\"<>' for letter in url)
    )
    if parts.scheme not in PORTS or not parts.hostname or strange:
        raise UsageError(f"'{url}' is not the URL of a service, such as https://files.example")
    if "@" in parts.netloc:
        raise UsageError("a URL with a user in it is not asked: the login says who asks")
    return parts
