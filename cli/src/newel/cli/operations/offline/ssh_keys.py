"""The keys an authority signs SSH certificates with, out of its own files."""

from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError
from newel.cli.operations.offline.authority_files import AuthorityFiles
from newel.client.ssh_calls import SSHKeys
from newel.crypto.ssh.public_keys import wire_of

if TYPE_CHECKING:
    from newel.cli.operations.tokens.token_options import TokenOptions
    from newel.crypto.keys import PrivateKey

_opened: dict[str, "PrivateKey"] = {}
"""Keys by their files: a password is asked for once."""


def load_key(tokens: "TokenOptions", files: AuthorityFiles, kind: str) -> "PrivateKey":
    """Return the key that signs the certificates of a ``user`` or a ``host``. Raises CliError."""
    name = section(files).get(f"{kind}Key")
    if not name:
        raise CliError(f"{files.path} names no key for SSH certificates of a {kind}")
    if name not in _opened:
        _opened[name] = files.key(str(name), tokens.ca_password_file)
    return _opened[name]


def public(tokens: "TokenOptions", *, federated: bool = False) -> SSHKeys:
    """Return what `/ssh/roots` or, with ``federated``, `/ssh/federation` would say. Raises CliError."""
    files = AuthorityFiles.read(tokens.authority.configuration)
    found: dict[str, list[bytes]] = {}
    for kind in ("user", "host"):
        own = [wire_of(load_key(tokens, files, kind))] if section(files).get(f"{kind}Key") else []
        found[kind] = own + [
            further(row)
            for row in section(files).get("keys") or []
            if row.get("type") == kind and (federated or not row.get("federated"))
        ]
    if not any(found.values()):
        raise CliError("the authority issues no SSH certificates: its ca.json has no ssh section")
    return SSHKeys(found["user"], found["host"])


def further(row: dict[str, Any]) -> bytes:
    """Return an additional key of ca.json, a JWK, in wire form."""
    from newel.jose import jwk

    try:
        return wire_of(jwk.to_public_key(row["key"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CliError(f"ca.json lists an SSH key that cannot be read: {error}") from None


def section(files: AuthorityFiles) -> dict[str, Any]:
    """Return ca.json's section on SSH."""
    return files.config.get("ssh") or {}
