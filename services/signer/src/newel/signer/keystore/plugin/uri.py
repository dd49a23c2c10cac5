"""A key of a token that a person names by PKCS #11 URIs (RFC 7512)."""

from pathlib import Path
from typing import Any, NamedTuple

from newel.signer.key_uris import KeyURIError, parse_key_uri, scheme_of
from newel.signer.keystore.pkcs11.key import KeyReference

SCHEME = "pkcs11"


class KeyLocation(NamedTuple):
    """A token, its PIN ("" if none is given) and a key in it."""

    module: str
    token: str
    pin: str
    key: KeyReference


def parse(*uris: str) -> KeyLocation:
    """Parse several URIs together: the options of a service, and the name of a key; the last one wins.

    Raises :class:`newel.signer.key_uris.KeyURIError`, and ``OSError`` for the file of a PIN.
    """
    if {scheme_of(uri) for uri in uris} != {SCHEME}:
        raise KeyURIError("only keys of PKCS #11 tokens are supported: pkcs11:…")
    found = parse_key_uri(*uris)
    for attribute, name in (("module-path", "module"), ("token", "token")):
        if name not in found:
            raise KeyURIError(f"the URI has no {attribute}")
    reference = KeyReference(found.get("label"), found.get("id"))
    if reference == KeyReference():
        raise KeyURIError("the URI names no key: it has neither object nor id")
    return KeyLocation(found["module"], found["token"], _read_pin(found), reference)


def _read_pin(found: dict[str, Any]) -> str:
    """Return the PIN, or the content of the file it is in."""
    if "pin_file" in found:
        return Path(found["pin_file"]).read_text().strip()
    return str(found.get("pin", ""))
