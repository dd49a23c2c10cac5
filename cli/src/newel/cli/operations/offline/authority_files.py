"""An authority's own files, for commands that work while it is not running (--offline)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from newel.cli.errors import CliError
from newel.cli.store import steppath
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.crypto.keys import PrivateKey


def is_ours(config: dict[str, Any]) -> bool:
    """Say whether `newel up` made or runs the authority of a ca.json."""
    database = config.get("db")
    return config.get("newel") is not None or (
        isinstance(database, dict) and cast("dict[str, Any]", database).get("type") == "newel"
    )


def resolve_paths(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with the paths of its files as they can be opened.

    Relative ones begin at the state folder; in a ca.json of step-ca they begin at the working directory where
    there is such a file.
    """
    ours, state = is_ours(config), path.absolute().parent.parent

    def place(name: object) -> object:
        text = os.path.expandvars(name) if isinstance(name, str) else ""
        if not text or ":" in text.partition("/")[0] or Path(text).is_absolute():
            return name
        return name if not ours and Path(text).exists() else str(state / text)

    result = dict(config)
    for member in ("root", "crt", "key"):
        given = config.get(member)
        if isinstance(given, list):
            result[member] = [place(each) for each in cast("list[object]", given)]
        else:
            result[member] = place(given)
    if isinstance(keys := config.get("ssh"), dict):
        members = cast("dict[str, Any]", keys)
        own = {each: place(members[each]) for each in ("hostKey", "userKey") if each in members}
        result["ssh"] = {**members, **own}
    return result


class AuthorityFiles(NamedTuple):
    """ca.json and the root certificate beside it."""

    path: Path
    config: dict[str, Any]
    root: str

    @classmethod
    def read(cls, path: Path) -> "AuthorityFiles":
        """Read a ca.json and the root that it names. Raises CliError."""
        config = resolve_paths(path, steppath.read_json(path, must=True))
        roots = config.get("root") or ""
        root = str(cast("list[object]", roots)[0]) if isinstance(roots, list) else str(roots)
        return cls(path, config, read(os.path.expandvars(root)).decode(errors="replace"))

    @property
    def keeps_records(self) -> bool:
        """Whether this program runs the authority, which records every certificate before signing."""
        return is_ours(self.config)

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

    def issuer(self, password_file: str | None) -> tuple[str, "PrivateKey"]:
        """Return the intermediate's certificate, PEM, and its key. Raises CliError."""
        certificate = read(str(self.config.get("crt") or "")).decode(errors="replace")
        return certificate, self.key(str(self.config.get("key") or ""), password_file)

    def key(self, name: str, password_file: str | None) -> "PrivateKey":
        """Return one of the authority's keys: opened by a file's password, by ca.json's, or by asking."""
        from newel.cli.operations.keys.key_files import unlock
        from newel.cli.operations.keys.signing_keys import signing_key

        if password_file:
            return signing_key(name, password_file)
        password = self.config.get("password")
        return unlock(name, str(password).encode()) if password else signing_key(name)
