"""Key sets from where identity providers publish them: a JWK set, or a discovery document that names one.

The document is that of OpenID Connect Discovery §4; RFC 8414 §3 has the same two members.
"""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

import msgspec

from newel.registration.provisioners.key_set_cache import CachedKeySet, IssuerKeys, KeySetCache
from newel.registration.provisioners.key_sets import parse_key_set
from newel.runtime.egress import EgressError
from newel.runtime.http.outgoing import OutgoingClient, OutgoingResponse
from newel.runtime.tls.client import trust_file

_ACCEPTED = "application/json, application/jwk-set+json"
"""Kubernetes serves its keys as the second alone (RFC 7517 §8.5.2), and answers 406 without it."""

WELL_KNOWN = "/.well-known/openid-configuration"

_OK = 200
_MAX_TOKEN = 1 << 16  # octets of a credential file
_MAX_AGE = re.compile(r"max-age=\"?(\d{1,9})", re.IGNORECASE)
_NOT_CACHED = re.compile(r"\bno-(?:store|cache)\b", re.IGNORECASE)


class Access(NamedTuple):
    """How a server that is not a public one is reached. Files are read again by each use."""

    ca_file: str = ""
    """PEM of the authorities that its certificate may chain to; ``""``: the client's."""
    token_file: str = ""
    """A bearer token that is sent to it; ``""``: none."""

    def open(self, client: OutgoingClient) -> OutgoingClient:
        """Return the client for it. Raises ValueError for a file that cannot be read."""
        if not self.ca_file:
            return client
        try:
            return client.with_trust(trust_file(self.ca_file))
        except OSError as error:  # ssl.SSLError is one
            raise ValueError(f"{self.ca_file}: {error.strerror or error}") from None

    def headers(self) -> dict[str, str]:
        """Return the header with the token. Raises ValueError for a file that cannot be read."""
        if not self.token_file:
            return {}
        try:
            with Path(self.token_file).open("rb") as source:
                token = source.read(_MAX_TOKEN).decode("ascii").strip()
        except OSError as error:
            raise ValueError(f"{self.token_file}: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{self.token_file}: this is no bearer token") from None
        return {"Authorization": f"Bearer {token}"}


PUBLIC = Access()


def share_key_set(cache: KeySetCache | None, url: str, access: Access = PUBLIC) -> CachedKeySet:
    """Return the process's copy of the JWK set at a URL. Raises ValueError where nothing is fetched."""
    cache = _require(cache)
    load = partial(load_key_set, cache.client, url, access)
    return cache.share(("key set", url, access), f"the key set {url}", load)


def share_discovered(cache: KeySetCache | None, url: str, access: Access = PUBLIC) -> CachedKeySet:
    """Return the process's copy of the JWK set that the discovery document at a URL names.

    Raises ValueError where nothing is fetched.
    """
    cache = _require(cache)
    load = partial(load_discovered, cache.client, url, access)
    return cache.share(("discovery", url, access), f"the key set of {url}", load)


def _require(cache: KeySetCache | None) -> KeySetCache:
    if cache is None:
        raise ValueError("key sets are not fetched here")
    return cache


def require_https(url: str) -> SplitResult:
    """Split an https URL without a user. Raises ValueError, whose text does not quote it."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("it is not an https address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address names a user, whose password everyone could read")
    return parts


def discovery_url(endpoint: str) -> str:
    """Return the URL of a provider's discovery document. Raises ValueError for what is no https URL."""
    parts = require_https(endpoint)
    if WELL_KNOWN in parts.path:
        return endpoint
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + WELL_KNOWN, fragment=""))


async def load_key_set(client: OutgoingClient, url: str, access: Access) -> IssuerKeys:
    """Fetch a JWK set. Raises EgressError or ValueError."""
    opened = access.open(client)
    response = await _get(opened, url, access.headers())
    return IssuerKeys(parse_key_set(response.body), max_age=_max_age(response.headers))


class _Discovery(msgspec.Struct):
    issuer: str = ""
    jwks_uri: str = ""


_discovery = msgspec.json.Decoder(_Discovery)


async def load_discovered(client: OutgoingClient, url: str, access: Access) -> IssuerKeys:
    """Fetch a discovery document and the JWK set that it names. Raises EgressError or ValueError.

    Both are fetched each time, because a provider may move its keys.
    """
    response = await _get(access.open(client), url, access.headers())
    try:
        found = _discovery.decode(response.body)
    except (ValueError, RecursionError):
        raise ValueError("the discovery document is not one of OpenID Connect") from None
    if not found.issuer:
        raise ValueError("the discovery document has no issuer")
    if not found.jwks_uri:
        raise ValueError("the discovery document has no jwks_uri")
    if urlsplit(found.jwks_uri)[:2] != urlsplit(url)[:2]:
        access = access._replace(token_file="")  # the credential is for the configured server alone
    keys = await load_key_set(client, found.jwks_uri, access)
    return keys._replace(issuer=found.issuer)


async def _get(client: OutgoingClient, url: str, headers: Mapping[str, str]) -> OutgoingResponse:
    """Fetch what has to be there. Raises EgressError."""
    response = await client.get(url, {"Accept": _ACCEPTED, **headers})
    if response.status != _OK:
        raise EgressError(f"{urlsplit(url).hostname} answered with the status {response.status}")
    return response


def _max_age(headers: Mapping[str, str]) -> float | None:
    """Read for how long an answer is fresh (RFC 9111 §5.2.2), in seconds; None: it does not say."""
    control = headers.get("cache-control", "")
    if _NOT_CACHED.search(control):
        return 0.0
    found = _MAX_AGE.search(control)
    return float(found[1]) if found else None
