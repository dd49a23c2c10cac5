"""The first member of an archive: what the others are, and when and of which authority it was made."""

import datetime as dt
from pathlib import PurePosixPath

import msgspec

from newel.standalone.backup.encryption import ArchiveError

NAME = "manifest.json"
LARGEST = 64 << 20
"""Octets of a manifest."""
FORMAT = 1


class Content(msgspec.Struct, frozen=True):
    """One file of the archive."""

    octets: int
    sha256: str


class AuditMark(msgspec.Struct, frozen=True):
    """How long the audit trail was, and the hash of all of it: what was there then cannot be changed later."""

    octets: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive says of itself."""

    format: int = FORMAT
    created_at: int
    """Seconds since 1970."""
    version: str
    authority: str
    """The common name of the issuer, without what a first start adds."""
    root_sha256: str
    """Of the root's certificate as DER, in hexadecimal digits."""
    postgresql: bool
    """Whether the databases are elsewhere, and not in the archive."""
    databases: list[str]
    """The services whose databases are in it."""
    audit: AuditMark
    files: dict[str, Content]
    """By path below the state folder."""

    @property
    def moment(self) -> str:
        """When it was made, for a person."""
        return f"{dt.datetime.fromtimestamp(self.created_at, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def encode(manifest: Manifest) -> bytes:
    """Encode as JSON."""
    return msgspec.json.encode(manifest)


def decode(octets: bytes) -> Manifest:
    """Decode and check. Raises ArchiveError for what this version did not make."""
    try:
        manifest = msgspec.json.decode(octets, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ArchiveError(f"its manifest cannot be read: {error}") from None
    if manifest.format != FORMAT:
        raise ArchiveError(
            "it was made by a newer version of this program; restore it with that one"
        )
    for path in manifest.files:
        check_path(path)
    return manifest


def check_path(path: str) -> None:
    """Raise ArchiveError for a path that would lead out of the folder."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or str(PurePosixPath(path)) != path:
        raise ArchiveError(f"it has a file of a name that cannot be restored: {path!r}")
