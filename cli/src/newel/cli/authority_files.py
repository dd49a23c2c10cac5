"""An authority's own files, for commands that work while it is not running (--offline)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from newel.cli import paths
from newel.cli.errors import CliError
from newel.cli.files import read

if TYPE_CHECKING:
    from newel.cli.invocation import Invocation
    from newel.crypto.keys import PrivateKey


def configuration_of(call: "Invocation") -> Path:
    """The ca.json of --ca-config, by default that of the authority in force."""
    default = paths.authority_path(paths.context_of(call)) / "config/ca.json"
    given = call.get("ca-config") if call.known("ca-config") else None
    if not given or given.startswith("$STEPPATH"):
        return default
    return Path(given)


class AuthorityFiles(NamedTuple):
    """ca.json and the root certificate beside it."""

    path: Path
    config: dict[str, Any]
    root: str

    @classmethod
    def read(cls, call: "Invocation") -> "AuthorityFiles":
        """Reads them. Raises CliError."""
        path = configuration_of(call)
        config = paths.read_json(path, must=True)
        roots = config.get("root") or ""
        root = str(cast("list[object]", roots)[0]) if isinstance(roots, list) else str(roots)
        return cls(path, config, read(os.path.expandvars(root)).decode(errors="replace"))

    @property
    def authority(self) -> dict[str, Any]:
        """The section of ca.json that holds provisioners, claims and policy."""
        return self.config.get("authority") or {}

    @property
    def provisioners(self) -> list[dict[str, Any]]:
        """The provisioners of ca.json."""
        return [dict(each) for each in self.authority.get("provisioners") or []]

    @property
    def host(self) -> str:
        """The first name the authority goes by: what offline tokens name."""
        names = self.config.get("dnsNames") or []
        if not names:
            raise CliError(f"{self.path} names no dnsNames")
        return f"[{names[0]}]" if ":" in str(names[0]) else str(names[0])

    def issuer(self, call: "Invocation") -> tuple[str, "PrivateKey"]:
        """The intermediate's certificate, PEM, and its key. Raises CliError."""
        certificate = read(str(self.config.get("crt") or "")).decode(errors="replace")
        return certificate, self.key(call, str(self.config.get("key") or ""))

    def key(self, call: "Invocation", name: str) -> "PrivateKey":
        """One of the authority's keys: opened by a file's password, by ca.json's own, or by asking."""
        from newel.cli.keys.key_files import unlocked
        from newel.cli.keys.kms import signing_key

        for flag in ("ca-password-file", "password-file"):
            given = call.get(flag) if call.known(flag) else None
            if given:
                return signing_key(name, given)
        password = self.config.get("password")
        return unlocked(name, str(password).encode()) if password else signing_key(name)
