"""The URIs by which the step programs name a key in a key service.

``SCHEME:NAME=VALUE;NAME=VALUE?NAME=VALUE&NAME=VALUE``, percent-encoded, where both parts mean the same;
Google's also ``cloudkms:projects/…``. A URI is read as the settings of :mod:`newel.signer.stores`.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

MAX_URI_LENGTH = 4096

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_ATTRIBUTES: Mapping[str, Mapping[str, str]] = {
    "awskms": {
        "key-id": "key_id",
        "region": "region",
        "profile": "profile",
        "credentials-file": "credentials_file",
        "endpoint": "endpoint",
    },
    "azurekms": {
        "vault": "vault",
        "name": "name",
        "version": "version",
        "environment": "environment",
        "hsm": "hsm",
    },
    "cloudkms": {
        "resource": "key",
        "credentials-file": "credentials_file",
        "endpoint": "endpoint",
    },
}
"""The attributes of each scheme, and the settings of its store."""
_ENVIRONMENTS = {
    "AzurePublicCloud": "public",
    "AzureUSGovernmentCloud": "usgov",
    "AzureChinaCloud": "china",
}
"""The step programs' longer names of the clouds."""
_SECRETS = frozenset({"client-secret", "pin-value"})


class KeyURIError(ValueError):
    """The URI names no key in a supported service."""


def scheme_of(text: str) -> str:
    """Return the scheme of a URI in lower case; "" for a path."""
    found = _SCHEME.match(text)
    return found[1].lower() if found else ""


def parse_key_uri(*uris: str) -> dict[str, Any]:
    """Parse the URI of a service and that of a key in it as settings of one store; the last one wins.

    Raises :class:`KeyURIError` for an unknown scheme or attribute, two schemes, and a secret.
    """
    schemes = {scheme_of(uri) for uri in uris}
    scheme = next(iter(schemes))
    if len(schemes) != 1:
        raise KeyURIError(f"these are URIs of different services: {', '.join(sorted(schemes))}")
    if scheme not in _ATTRIBUTES:
        raise KeyURIError(
            f"it is the URI of a {scheme!r} store; supported are {', '.join(_ATTRIBUTES)}"
        )
    settings: dict[str, Any] = {"kind": scheme}
    for uri in uris:
        settings |= _read_attributes(scheme, uri)
    return settings


def read_store(value: object) -> object:
    """Read a store that is written as a URI; any other value is left as it is."""
    return parse_key_uri(value) if isinstance(value, str) else value


def _read_attributes(scheme: str, uri: str) -> dict[str, Any]:
    if len(uri) > MAX_URI_LENGTH:
        raise KeyURIError(f"the URI of a key has at most {MAX_URI_LENGTH} characters")
    found: dict[str, Any] = {}
    for part in re.split("[;?&]", uri[len(scheme) + 1 :]):
        name, equals, value = part.partition("=")
        if scheme == "cloudkms" and not equals and part:
            name, value = "resource", part
        if not name:
            continue
        if name in _SECRETS:
            raise KeyURIError(
                f"{name}: a secret does not belong in a URI; give it by the environment"
            )
        setting = _ATTRIBUTES[scheme].get(name)
        if setting is None:
            known = ", ".join(_ATTRIBUTES[scheme])
            raise KeyURIError(f"{name[:64]!r} is no attribute of {scheme}: URIs; they are {known}")
        found[setting] = _read_value(setting, unquote(value))
    return found


def _read_value(setting: str, value: str) -> object:
    if setting == "environment":
        return _ENVIRONMENTS.get(value, value)
    return value
