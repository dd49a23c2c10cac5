"""PKCS #11 URIs (RFC 7512), as the step programs write them."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from newel.signer.keystore.pkcs11.key import KeyReference

SCHEME = "pkcs11:"


class URIError(ValueError):
    """The URI does not identify a key of a token."""


class KeyLocation(NamedTuple):
    """A token, its PIN ("" if none is given) and a key in it."""

    module: str
    token: str
    pin: str
    key: KeyReference


def parse(*uris: str) -> KeyLocation:
    """Parse several URIs together: the options of a service, and the name of a key; the last one wins.

    Attributes are before or after the question mark; ``id`` is percent-encoded or in hex.
    """
    found: dict[str, str] = {}
    for uri in uris:
        if not uri.lower().startswith(SCHEME):
            raise URIError("only keys of PKCS #11 tokens are supported: pkcs11:…")
        for part in uri[len(SCHEME) :].replace("?", ";").replace("&", ";").split(";"):
            name, equals, value = part.partition("=")
            if equals:
                found[name] = value
    for name in ("module-path", "token"):
        if name not in found:
            raise URIError(f"the URI has no {name}")
    if "object" not in found and "id" not in found:
        raise URIError("the URI names no key: it has neither object nor id")
    label = unquote(found["object"]) if "object" in found else None
    reference = KeyReference(label, identifier(found["id"]) if "id" in found else None)
    return KeyLocation(
        unquote(found["module-path"]), unquote(found["token"]), pin(found), reference
    )


def identifier(text: str) -> bytes:
    """Decode an id."""
    if "%" in text:
        return unquote_to_bytes(text)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise URIError("the URI's id is neither percent-encoded nor hex") from None


def pin(found: dict[str, str]) -> str:
    """Return the PIN, or the content of the file it is in."""
    if "pin-source" in found:
        name = unquote(found["pin-source"]).removeprefix("file:")
        return Path(name).read_text().strip()
    return unquote(found.get("pin-value", ""))
