"""The latest CRL of every issuer as a file: for static hosting, and to keep its number."""

import os
from pathlib import Path

from cryptography import x509

from newel.crypto import loading
from newel.runtime.work import run_in_thread
from newel.validation.crls import PublishedCRL


class CRLFolder:
    """Files ``<folder>/<issuer>.crl``, DER, replaced whole. Methods raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def number(self, issuer: str) -> int:
        """Return the CRLNumber of an issuer's file, 0 when there is none."""
        return await run_in_thread(self._number, issuer)

    async def write(self, crl: PublishedCRL) -> None:
        """Write the file next to the old one, sync it, and replace the old one."""
        await run_in_thread(self._write, crl)

    def _path(self, issuer: str) -> Path:
        return self._folder / f"{issuer}.crl"

    def _number(self, issuer: str) -> int:
        try:
            crl = loading.load_list(self._path(issuer).read_bytes())
        except FileNotFoundError:
            return 0
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    def _write(self, crl: PublishedCRL) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._path(crl.issuer).with_suffix(f".{os.getpid()}")
        with unfinished.open("wb") as file:
            file.write(crl.der)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path(crl.issuer))
