"""The latest CRLs as files: for static hosting, and to keep their numbers."""

import os
from pathlib import Path

from newel.runtime.work import run_in_thread


class CRLFolder:
    """Files ``<folder>/<name>.crl``, DER, replaced whole. Methods raise OSError."""

    kind = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, name: str) -> bytes | None:
        """Return the file of this name; None when there is none."""
        return await run_in_thread(self._read, name)

    async def write(self, name: str, crl: bytes) -> None:
        """Write the file next to the old one, sync it, and replace the old one."""
        await run_in_thread(self._write, name, crl)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.crl"

    def _read(self, name: str) -> bytes | None:
        try:
            return self._path(name).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, name: str, crl: bytes) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        with unfinished.open("wb") as file:
            file.write(crl)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
