"""Where credentials are kept: one file for each service in the profile's ``credentials``, its owner's alone."""

import contextlib
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast
from urllib.parse import quote

import msgspec

from newel.cli import program
from newel.cli.errors import CliError
from newel.cli.interact.terminal import note
from newel.cli.operations.credentials.certificate import ClientCertificate
from newel.cli.operations.credentials.token import Token
from newel.cli.store import files, steppath
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.operations.credentials.credential import Credential

Kinds: TypeAlias = Token | ClientCertificate


class StoredLogin(msgspec.Struct, frozen=True):
    """A credential and the one service it goes to."""

    service: str
    credential: Kinds


class Logins:
    """The credentials of a profile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, context: "steppath.Context | None") -> "Logins":
        """Return those of a context."""
        return cls(steppath.profile_path(context) / "credentials")

    def file(self, service: str) -> Path:
        """Return where a service's credential is kept; origins differ in their names."""
        return self.folder / f"{quote(service, safe='')}.json"

    def every(self) -> Iterator[StoredLogin]:
        """All there are, in the order of their services."""
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []:
            yield read(path)

    def get(self, service: str) -> "Credential":
        """Return the login for a service. Raises CliError when there is none."""
        path = self.file(service)
        if not path.is_file():
            raise no_login(service)
        kept = read(path)
        if kept.service != service:
            raise CliError(f"error parsing {path}: it is the login for {kept.service}")
        return kept.credential

    def fresh(self, service: str) -> "Credential":
        """Return the login for a service, renewed when it is due.

        One that cannot be renewed is used until it ends. Two commands at once renew it once: providers that
        give a new refresh token each time take the second use of an old one for theft.
        """
        credential = self.get(service)
        if not credential.due(now()):
            return credential
        with self.alone():
            credential = self.get(service)
            if not credential.due(now()):
                return credential
            try:
                credential = credential.renew()
            except CliError as error:
                if credential.ends is None or now() >= credential.ends:
                    raise CliError(
                        f"the login for {service} has ended: {error}", hint=again(service)
                    ) from None
                note(f"The login for {service} cannot be renewed and soon ends: {error}")
                return credential
            self.save(service, credential)
            return credential

    def save(self, service: str, credential: "Credential") -> None:
        """Store a credential, replacing an earlier one."""
        files.make_directory(self.folder)
        kept = StoredLogin(service, cast("Kinds", credential))
        text = msgspec.json.format(msgspec.json.encode(kept), indent=2)
        files.write(str(self.file(service)), text, force=True)

    def remove(self, service: str) -> None:
        """Forget a credential."""
        self.file(service).unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """While it lasts no other command renews, hands out or removes one of these."""
        files.make_directory(self.folder)
        with (self.folder / ".lock").open("wb") as lock:
            if os.name == "posix":
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def read(path: Path) -> StoredLogin:
    """Return a file's credential. Raises CliError, which repeats nothing of it."""
    try:
        return msgspec.json.decode(files.read(str(path)), type=StoredLogin)
    except (msgspec.MsgspecError, UnicodeError):
        raise CliError(f"error parsing {path}: it holds no login") from None


def no_login(service: str) -> CliError:
    """There is none."""
    return CliError(f"there is no login for {service}", hint=again(service))


def again(service: str) -> str:
    """Return the hint that says what to do."""
    return (
        f"'{program.name()} login {service}' makes one; '{program.name()} login --help' says how."
    )
