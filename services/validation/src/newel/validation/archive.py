"""The last CRL of every issuer as a file: for static hosting, and for its number."""

import os
from pathlib import Path

from cryptography import x509

from newel.crypto import loading
from newel.runtime.work import run_in_thread
from newel.validation.crls import PublishedCrl


class CrlFolder:
    """``<folder>/<issuer>.crl``, DER, replaced whole. Raises OSError as the file system does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def number(self, issuer: str) -> int:
        """The CRLNumber of the kept CRL, 0 when there is none."""
        return await run_in_thread(self._number, issuer)

    async def keep(self, crl: PublishedCrl) -> None:
        """Writes the file beside the old one, makes it durable, and puts it in its place."""
        await run_in_thread(self._keep, crl)

    def _path(self, issuer: str) -> Path:
        return self._folder / f"{issuer}.crl"

    def _number(self, issuer: str) -> int:
        try:
            crl = loading.load_list(self._path(issuer).read_bytes())
        except FileNotFoundError:
            return 0
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    def _keep(self, crl: PublishedCrl) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._path(crl.issuer).with_suffix(f".{os.getpid()}")
        with unfinished.open("wb") as file:
            file.write(crl.der)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path(crl.issuer))
