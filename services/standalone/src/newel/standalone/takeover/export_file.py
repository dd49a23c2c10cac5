"""An export: JSON lines, written by the program in ``exporter`` from badger and bbolt.

The first line names the format and the order of keys, each further one is a row with key and value in
base64, and the last one counts the rows, so that a file that was cut off is recognized.
"""

import base64
import binascii
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from newel.standalone.takeover.source import Entry, SourceError

FORMAT = "step-ca-export"
VERSION = 1
BY_LENGTH, BY_OCTETS = "length", "octets"
LONGEST_LINE = 16 << 20


class Header(msgspec.Struct):
    """The first line."""

    format: str
    version: int
    order: str


class Row(msgspec.Struct):
    """Any other line: a row, or the end with the number of rows."""

    table: str = ""
    key: str = ""
    value: str = ""
    end: int | None = None


_header = msgspec.json.Decoder(Header)
_row = msgspec.json.Decoder(Row)


class ExportFile:
    """An export that is whole. Raises SourceError for any other file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts: Counter[str] = Counter()
        self._order = BY_OCTETS
        self._check()

    async def count(self, table: str) -> int:
        """Count the rows of a table."""
        return self._counts[table]

    async def rows(self, table: str) -> AsyncIterator[Entry]:
        """Iterate over a table."""
        wanted = f'{{"table":"{table}",'.encode()
        with self._open() as file:
            file.readline(LONGEST_LINE)
            for line in file:
                if line.startswith(wanted):
                    yield self._entry(_row.decode(line))

    def sort_key(self, key: bytes) -> bytes:
        """Return what the rows are ordered by: badger's keys have their length in front."""
        return len(key).to_bytes(2, "little") + key if self._order == BY_LENGTH else key

    async def close(self) -> None:
        """Do nothing: each pass opens the file."""

    def _check(self) -> None:
        """Read the whole file once."""
        with self._open() as file:
            try:
                header = _header.decode(file.readline(LONGEST_LINE))
            except ValueError:
                header = Header("", 0, "")
            if header.format != FORMAT or header.version != VERSION:
                raise SourceError(
                    f"{self._path}: it is not an export; 'newel import --write-exporter DIR' writes the"
                    " program that makes one"
                )
            self._order = header.order
            number, end = 1, None
            while line := file.readline(LONGEST_LINE):
                number += 1
                if end is not None:
                    raise SourceError(f"{self._path}: line {number}: there is more after the end")
                row = self._decode(line, number)
                end = row.end
                if end is None:
                    self._counts[row.table] += 1
        if end is None or end != self._counts.total():
            raise SourceError(f"{self._path}: the export is not whole; make it again")

    def _decode(self, line: bytes, number: int) -> Row:
        try:
            row = _row.decode(line)
            self._entry(row)
        except ValueError as error:
            raise SourceError(f"{self._path}: line {number}: {error}") from None
        return row

    def _open(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as error:
            raise SourceError(f"{self._path}: {(error.strerror or str(error)).lower()}") from None

    @staticmethod
    def _entry(row: Row) -> Entry:
        try:
            return Entry(
                base64.b64decode(row.key, validate=True), base64.b64decode(row.value, validate=True)
            )
        except binascii.Error as error:
            raise ValueError(f"no base64: {error}") from None
