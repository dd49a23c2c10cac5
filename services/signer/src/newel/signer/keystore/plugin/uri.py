"""PKCS #11 URIs (RFC 7512), as the step programs write them."""

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, unquote_to_bytes

from newel.signer.keystore.pkcs11.key import KeyReference

SCHEME = "pkcs11:"


class URIError(ValueError):
    """The URI does not say which key is meant, or is none of a token."""


class Place(NamedTuple):
    """A token, its PIN ("" where none is given) and a key in it."""

    module: str
    token: str
    pin: str
    key: KeyReference


def parse(*uris: str) -> Place:
    """What the URIs say together, the last one first: a service's options, and a key's name.

    Attributes stand before or after the question mark; ``id`` is percent-encoded, or in hex without it.
    """
    said: dict[str, str] = {}
    for uri in uris:
        if not uri.lower().startswith(SCHEME):
            raise URIError("it is for keys of PKCS #11 tokens only: pkcs11:…")
        for part in uri[len(SCHEME) :].replace("?", ";").replace("&", ";").split(";"):
            name, equals, value = part.partition("=")
            if equals:
                said[name] = value
    for name in ("module-path", "token"):
        if name not in said:
            raise URIError(f"the URI has no {name}")
    if "object" not in said and "id" not in said:
        raise URIError("the URI names no key: it has neither object nor id")
    label = unquote(said["object"]) if "object" in said else None
    reference = KeyReference(label, identifier(said["id"]) if "id" in said else None)
    return Place(unquote(said["module-path"]), unquote(said["token"]), pin(said), reference)


def identifier(text: str) -> bytes:
    """The octets of an id."""
    if "%" in text:
        return unquote_to_bytes(text)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise URIError("the URI's id is neither percent-encoded nor hex") from None


def pin(said: dict[str, str]) -> str:
    """The PIN itself, or what the file it is in says."""
    if "pin-source" in said:
        name = unquote(said["pin-source"]).removeprefix("file:")
        return Path(name).read_text().strip()
    return unquote(said.get("pin-value", ""))
