"""A complete CRL that is read from a file, again whenever the file changes."""

import logging
import stat
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from newel.crypto import crl_files
from newel.crypto.certificate import issuer_id
from newel.validation.crls import CRLCache, PublishedCRL

_log = logging.getLogger("newel.validation.list_file")

_State = tuple[int, int, int]


class ListFile:
    """The file of one issuer's CRL, and its latest list in the cache."""

    advice = ""
    """What the log says in addition when the file is missing."""

    def __init__(self, certificate: x509.Certificate, file: Path, crl_cache: CRLCache) -> None:
        self._certificate = certificate
        self.der = certificate.public_bytes(Encoding.DER)
        self.id = issuer_id(self.der)
        self._file = file
        self._crl_cache = crl_cache
        self._seen: _State | None = None
        self._fault = ""

    @property
    def next_update(self) -> int:
        """The nextUpdate of the served CRL, seconds since 1970; 0 when none is served."""
        crl = self._crl_cache.crl(self.id)
        return crl.next_update if crl is not None else 0

    def refresh(self) -> None:
        """Read the file again if it changed. An invalid one is logged and the CRL before stays."""
        seen: _State | None = None
        try:
            status = self._file.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return
            self.accept(self._read(status.st_mode))
            self._seen, self._fault = seen, ""
        except FileNotFoundError:
            subject = self._certificate.subject.rfc4514_string()
            self._log_fault(f"there is no CRL of {subject}{self.advice}")
        except OSError as error:
            self._log_fault(f"the CRL cannot be read: {error}")
        except ValueError as error:
            self._seen = seen  # what is wrong with it stays so until it changes
            self._log_fault(f"the CRL cannot be used: {error}")

    def accept(self, crl: x509.CertificateRevocationList) -> None:
        """Serve a list from now on. Raises ValueError for one that is not later than the one served.

        Lists of other programs may have no number, which is 0 here: of those the later one is served.
        """
        number = crl_files.list_number(crl)
        held = self._crl_cache.crl(self.id)
        der = crl.public_bytes(Encoding.DER)
        this_update, next_update = (
            int(each.timestamp()) if each else 0
            for each in (crl.last_update_utc, crl.next_update_utc)
        )
        if held is not None and der != held.der:
            if number < held.number or (number == held.number and number):
                raise ValueError(
                    f"its number {number} is not higher than {held.number}, which is served"
                )
            if number == held.number and this_update <= held.this_update:
                raise ValueError("it has no number, and is not later than the one that is served")
        self._crl_cache.put(
            PublishedCRL(self.id, number, this_update, next_update, 0, len(crl), der)
        )
        _log.info(
            "%s: serving CRL number %d, valid until %s", self._file, number, crl.next_update_utc
        )

    def _read(self, mode: int) -> x509.CertificateRevocationList:
        if not stat.S_ISREG(mode):
            raise ValueError("it is not a regular file")
        return crl_files.read_list(self._file, self._certificate)

    def _log_fault(self, fault: str) -> None:
        """Log a fault once, not every time the file is looked at."""
        if fault != self._fault:
            _log.warning("%s: %s", self._file, fault)
        self._fault = fault
