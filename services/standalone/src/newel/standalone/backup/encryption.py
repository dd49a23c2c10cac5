"""The encryption of an archive: a stream of chunks that cannot be changed, moved, left out or cut off.

A file is the mark of the format, a salt of 16 octets and chunks of 64 KiB, each sealed by AES-256-GCM under
a key of this file alone: scrypt (RFC 7914) of passphrase and salt. The nonce is the number of the chunk and
whether it is the last one, so that each chunk opens at its own place only (the STREAM construction); mark and
salt are authenticated with every chunk.
"""

from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from newel.runtime.entropy import random_bytes

MARK = b"newel-backup 1\n"
CHUNK = 64 * 1024
SALT = 16
SHORTEST = 8
"""Octets that a passphrase must have at least."""
_TAG = 16
_COUNTER = 11
_MOST_CHUNKS = 1 << 40
_COST, _BLOCKS = 1 << 17, 8
"""scrypt's parameters: 128 MiB, and about half a second, for each guess at a passphrase."""


class ArchiveError(ValueError):
    """An archive that cannot be read, with the reason in one line."""


class EncryptedWriter:
    """Seals what is written to it into a file. ``close`` writes the last chunk and leaves the file open."""

    def __init__(self, file: BinaryIO, passphrase: bytes) -> None:
        salt = random_bytes(SALT)
        self._file = file
        self._header = MARK + salt
        self._cipher = derive_cipher(passphrase, salt)
        self._waiting = bytearray()
        self._count = 0
        file.write(self._header)

    def write(self, data: bytes) -> int:
        """Take octets; whole chunks go to the file."""
        self._waiting += data
        while (
            len(self._waiting) > CHUNK
        ):  # the last chunk is never empty, and known when the end is
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def close(self) -> None:
        """Write the last chunk."""
        self._seal(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        nonce = make_nonce(self._count, last=last)
        self._file.write(self._cipher.encrypt(nonce, chunk, self._header))
        self._count += 1


class EncryptedReader:
    """Opens an archive as a stream of octets, each of which was authenticated before it is given out."""

    def __init__(self, file: BinaryIO, passphrase: bytes) -> None:
        """Read the header. Raises ArchiveError for a file that is no backup."""
        self._header = file.read(len(MARK) + SALT)
        if not self._header.startswith(MARK):
            newer = self._header.startswith(MARK.split()[0])
            raise ArchiveError(
                "it is a backup of a newer version of this program; restore it with that one"
                if newer
                else "it is no backup that 'newel backup' made"
            )
        if len(self._header) < len(MARK) + SALT:
            raise ArchiveError("it ends too early; it was not copied whole")
        self._cipher = derive_cipher(passphrase, self._header[len(MARK) :])
        self._chunks = self._open_chunks(file)
        self._rest = b""

    def read(self, size: int) -> bytes:
        """Return ``size`` octets, fewer at the end. Raises ArchiveError."""
        parts: list[bytes] = []
        wanted = size
        while wanted:
            if not self._rest:
                self._rest = next(self._chunks, b"")
                if not self._rest:
                    break
            parts.append(self._rest[:wanted])
            self._rest = self._rest[wanted:]
            wanted -= len(parts[-1])
        return b"".join(parts)

    def finish(self) -> None:
        """Read to the end, which shows that nothing is cut off. Raises ArchiveError."""
        while self.read(CHUNK):
            pass

    def _open_chunks(self, file: BinaryIO) -> Iterator[bytes]:
        count, sealed = 0, file.read(CHUNK + _TAG)
        while True:
            following = file.read(CHUNK + _TAG)
            yield self._open(count, sealed, last=not following)
            if not following:
                return
            count, sealed = count + 1, following

    def _open(self, count: int, sealed: bytes, *, last: bool) -> bytes:
        if (plain := self._try(count, sealed, last=last)) is not None:
            return plain
        if last and (not sealed or self._try(count, sealed, last=False) is not None):
            raise ArchiveError("it ends too early; it was not copied whole")
        if count == 0:
            raise ArchiveError(
                "this passphrase does not open it; if the passphrase is the right one, the file was changed"
            )
        raise ArchiveError(
            f"it was changed, or was not copied whole: {count * (CHUNK + _TAG)} octets on it does not open"
        )

    def _try(self, count: int, sealed: bytes, *, last: bool) -> bytes | None:
        try:
            return self._cipher.decrypt(make_nonce(count, last=last), sealed, self._header)
        except InvalidTag:
            return None


def derive_cipher(passphrase: bytes, salt: bytes) -> AESGCM:
    """Derive the key of one archive (RFC 7914)."""
    return AESGCM(Scrypt(salt, 32, n=_COST, r=_BLOCKS, p=1).derive(passphrase))


def make_nonce(count: int, *, last: bool) -> bytes:
    """Return the nonce of a chunk: its number, and 1 for the last one. Raises ArchiveError past 2^40."""
    if count >= _MOST_CHUNKS:
        raise ArchiveError("it is too long")
    return count.to_bytes(_COUNTER, "big") + bytes([last])
