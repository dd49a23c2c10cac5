"""The URIs by which the step programs name a key in a token (RFC 7512) or a key service.

``SCHEME:NAME=VALUE;NAME=VALUE?NAME=VALUE&NAME=VALUE``, percent-encoded, where both parts mean the same;
Google's also ``cloudkms:projects/…``. A URI is read as the settings of :mod:`newel.signer.stores`.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

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
    "pkcs11": {
        "module-path": "module",
        "token": "token",
        "object": "label",
        "id": "id",
        "pin-source": "pin_file",
        "pin-value": "pin",
        "max-sessions": "sessions",
    },
}
"""The attributes of each scheme, and the settings of its store."""
_ENVIRONMENTS = {
    "AzurePublicCloud": "public",
    "AzureUSGovernmentCloud": "usgov",
    "AzureChinaCloud": "china",
}
"""The step programs' longer names of the clouds."""
_SECRETS = frozenset({"client-secret"})
_KEY_TYPE = "type"
"""The attribute that PKCS #11 tools write beside a key's name; only a private key signs."""


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
        if scheme == "pkcs11" and (name, value) == (_KEY_TYPE, "private"):
            continue
        setting = _ATTRIBUTES[scheme].get(name)
        if setting is None:
            known = ", ".join(_ATTRIBUTES[scheme])
            raise KeyURIError(f"{name[:64]!r} is no attribute of {scheme}: URIs; they are {known}")
        found[setting] = _read_value(setting, value)
    return found


def _read_value(setting: str, value: str) -> object:
    if setting == "id":
        return read_identifier(value)
    text = unquote(value)
    if setting == "environment":
        return _ENVIRONMENTS.get(text, text)
    if setting == "pin_file":
        return text.removeprefix("file:")
    return text


def read_identifier(text: str) -> bytes:
    """Read the ``id`` of a key in a token: percent-encoded, or in hex. Raises :class:`KeyURIError`."""
    if "%" in text:
        return unquote_to_bytes(text)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise KeyURIError("the URI's id is neither percent-encoded nor hex") from None
