"""An archive: the manifest and then the files, as a tar stream that is encrypted."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, BinaryIO, cast

from newel.standalone.backup.encryption import ArchiveError, EncryptedReader, EncryptedWriter
from newel.standalone.backup.manifest import LARGEST, NAME, Manifest, decode, encode

MODE = 0o600
_PIECE = 1 << 20
Take = Callable[[str, IO[bytes], int], None]
"""What is done with a file: its path, its octets as a stream, their number."""


def write_archive(
    file: BinaryIO,
    passphrase: bytes,
    manifest: Manifest,
    contents: Mapping[str, bytes | Path],
) -> None:
    """Write an archive of files, by their paths below the state folder.

    Raises OSError, and ArchiveError for a file that is no longer what the manifest tells of.
    """
    writer = EncryptedWriter(file, passphrase)
    with tarfile.open(
        fileobj=cast("IO[bytes]", writer), mode="w|", format=tarfile.PAX_FORMAT
    ) as tar:
        octets = encode(manifest)
        tar.addfile(_describe(NAME, len(octets), manifest), io.BytesIO(octets))
        for path, content in contents.items():
            entry = _describe(path, manifest.files[path].octets, manifest)
            if isinstance(content, bytes):
                tar.addfile(entry, io.BytesIO(content))
                continue
            _add_file(tar, entry, content, manifest.files[path].sha256)
    writer.close()


def _add_file(tar: tarfile.TarFile, entry: tarfile.TarInfo, path: Path, sha256: str) -> None:
    with path.open("rb") as stream:
        observed = _ObservedStream(stream)
        try:
            tar.addfile(entry, cast("IO[bytes]", observed))
        except OSError as error:
            if error.errno is not None:
                raise
            # tarfile's own word for a file that became shorter
            raise ArchiveError(f"{path} became shorter while it was read; run it again") from None
    if observed.digest.hexdigest() != sha256:
        raise ArchiveError(f"{path} changed while it was read; run it again")


def _describe(path: str, octets: int, manifest: Manifest) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode, entry.mtime = octets, MODE, manifest.created_at
    return entry


def read_archive(file: BinaryIO, passphrase: bytes, take: Take | None = None) -> Manifest:
    """Read and check a whole archive, and ``take`` each file. Raises ArchiveError and OSError.

    What is taken was authenticated up to there, and only the return says that all of it was.
    """
    reader = EncryptedReader(file, passphrase)
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", reader), mode="r|", bufsize=1 << 16) as tar:
            manifest = _read_manifest(tar)
            _read_files(tar, manifest, take or _skip)
    except tarfile.TarError as error:
        raise ArchiveError(f"its content cannot be read: {error}") from None
    reader.finish()
    return manifest


def _read_manifest(tar: tarfile.TarFile) -> Manifest:
    entry = tar.next()
    stream = None if entry is None else tar.extractfile(entry)
    if entry is None or stream is None or entry.name != NAME or entry.size > LARGEST:
        raise ArchiveError("it does not begin with a manifest")
    return decode(stream.read())


def _read_files(tar: tarfile.TarFile, manifest: Manifest, take: Take) -> None:
    missing = dict(manifest.files)
    while (entry := tar.next()) is not None:
        content = missing.pop(entry.name, None)
        stream = tar.extractfile(entry) if entry.isreg() else None
        if content is None or stream is None or entry.size != content.octets:
            raise ArchiveError(f"its manifest has no such file: {entry.name!r}")
        observed = _ObservedStream(stream)
        take(entry.name, cast("IO[bytes]", observed), entry.size)
        if observed.digest.hexdigest() != content.sha256:
            raise ArchiveError(f"{entry.name} is not the file that its manifest tells of")
    if missing:
        raise ArchiveError(f"{next(iter(missing))} is missing in it")


def _skip(path: str, stream: IO[bytes], size: int) -> None:
    del path, size
    while stream.read(_PIECE):
        pass


class _ObservedStream:
    """A stream that hashes what is read from it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Read up to ``size`` octets."""
        piece = self._stream.read(size)
        self.digest.update(piece)
        return piece
