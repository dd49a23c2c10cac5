"""The encrypted stream of a backup: nothing in it can be changed, moved, left out, cut off or read."""

import io
from collections.abc import Callable

import pytest

from newel.standalone.backup.encryption import (
    CHUNK,
    MARK,
    SALT,
    ArchiveError,
    EncryptedReader,
    EncryptedWriter,
)
from newel.standalone.backup.manifest import check_path

HEADER = len(MARK) + SALT
SEALED = CHUNK + 16
PASSPHRASE = b"a passphrase"
PLAIN = b"".join(bytes([number]) * CHUNK for number in range(3))


def encrypt(plain: bytes) -> bytes:
    file = io.BytesIO()
    writer = EncryptedWriter(file, PASSPHRASE)
    writer.write(plain)
    writer.close()
    return file.getvalue()


def decrypt(octets: bytes, passphrase: bytes = PASSPHRASE) -> bytes:
    reader = EncryptedReader(io.BytesIO(octets), passphrase)
    plain = reader.read(1 << 30)
    reader.finish()
    return plain


@pytest.fixture(scope="module")
def archive() -> bytes:
    """Three whole chunks."""
    return encrypt(PLAIN)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1])
def test_what_was_encrypted_is_read_again(size: int) -> None:
    plain = b"x" * size
    assert decrypt(encrypt(plain)) == plain


def test_no_two_archives_have_a_key_in_common(archive: bytes) -> None:
    other = encrypt(PLAIN)
    assert other[HEADER:] != archive[HEADER:]
    with pytest.raises(ArchiveError, match="does not open"):
        decrypt(archive[: HEADER + SEALED] + other[HEADER + SEALED :])


def swap(octets: bytes) -> bytes:
    first, second = octets[HEADER : HEADER + SEALED], octets[HEADER + SEALED : HEADER + 2 * SEALED]
    return octets[:HEADER] + second + first + octets[HEADER + 2 * SEALED :]


CHANGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "another program's": (lambda _: b"PK\x03\x04" * 100, "it is no backup"),
    "empty": (lambda _: b"", "it is no backup"),
    "a newer format": (lambda octets: octets.replace(b"backup 1", b"backup 2", 1), "newer version"),
    "a header alone": (lambda octets: octets[:HEADER], "ends too early"),
    "half a header": (lambda octets: octets[: HEADER - 1], "ends too early"),
    "cut after a chunk": (lambda octets: octets[: HEADER + SEALED], "ends too early"),
    "cut in a chunk": (lambda octets: octets[:-1], "131104 octets on"),
    "one bit changed": (lambda octets: octets[:-1] + bytes([octets[-1] ^ 1]), "131104 octets on"),
    "more behind it": (lambda octets: octets + b"more", "131104 octets on"),
    "a chunk moved": (swap, "this passphrase does not open it"),
    "the first chunk left out": (
        lambda octets: octets[:HEADER] + octets[HEADER + SEALED :],
        "this passphrase does not open it",
    ),
    "the second chunk left out": (
        lambda octets: octets[: HEADER + SEALED] + octets[HEADER + 2 * SEALED :],
        "65552 octets on",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_archive_is_refused_in_words(archive: bytes, change: str) -> None:
    alter, says = CHANGES[change]
    with pytest.raises(ArchiveError, match=says):
        decrypt(alter(archive))


def test_another_passphrase_opens_nothing(archive: bytes) -> None:
    with pytest.raises(ArchiveError, match="this passphrase does not open it"):
        decrypt(archive, b"another one")


@pytest.mark.parametrize("path", ["/etc/passwd", "../ca.json", "a/../../b", "", ".", "a//b", "./a"])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ArchiveError, match="cannot be restored"):
        check_path(path)
