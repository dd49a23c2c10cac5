"""CRLs of issuers whose keys are offline: made by a ceremony, read from files, served like others.

A root's CRL says which intermediates are revoked. No service can sign the next one, so the log
reminds of its nextUpdate long before.
"""

import datetime as dt
import logging
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from newel.crypto import certificate_files, crl_files, loading
from newel.crypto.authority_chain import ChainError, find_chain
from newel.crypto.certificate import issuer_id
from newel.validation.config import CRLFileConfig
from newel.validation.crls import CRLCache, PublishedCRL
from newel.validation.issuers import UnusableIssuerError

_log = logging.getLogger("newel.validation.offline")

_State = tuple[int, int, int]
_DAY = 86_400.0
_REMIND_AHEAD = 60 * _DAY
"""As in the alert NewelOfflineCrlEnds of deploy/prometheus."""


class OfflineIssuer:
    """An issuer whose key is offline, and its latest CRL in the cache."""

    def __init__(self, config: CRLFileConfig, crl_cache: CRLCache) -> None:
        """Read the certificate. Raises :class:`UnusableIssuerError`."""
        named = config.certificate_file
        found = [
            each
            for file in (named if isinstance(named, tuple) else (named,))
            for each in _read(file)
        ]
        self._certificate = found[0]
        if config.chain_file is not None:
            self._certificate = _root_of(config.chain_file, found)
        self.der = self._certificate.public_bytes(Encoding.DER)
        self.id = issuer_id(self.der)
        self._file = config.crl_file
        self._crl_cache = crl_cache
        self._seen: _State | None = None
        self._fault = ""
        self._remind_at = 0.0

    @property
    def next_update(self) -> int:
        """The nextUpdate of the served CRL, seconds since 1970; 0 when none is served."""
        crl = self._crl_cache.crl(self.id)
        return crl.next_update if crl is not None else 0

    def refresh(self) -> None:
        """Read the file again if it changed. An invalid one is logged and the CRL before stays."""
        try:
            status = self._file.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen == self._seen:
                return
            self._load(status.st_mode)
            self._seen, self._fault = seen, ""
        except FileNotFoundError:
            subject = self._certificate.subject.rfc4514_string()
            self._log_fault(
                f"there is no CRL of {subject}: relying parties that check every certificate of a chain"
                " refuse ours. 'newel ceremony crl' makes it (docs/runbooks/key-ceremony.md)"
            )
        except (OSError, ValueError) as error:
            self._log_fault(f"the CRL cannot be used: {error}")

    def remind(self, now: float) -> None:
        """Log once a day, from sixty days before nextUpdate, that a new CRL must be made."""
        if not 0 < self.next_update <= now + _REMIND_AHEAD or now < self._remind_at:
            return
        self._remind_at = now + _DAY
        end = dt.datetime.fromtimestamp(self.next_update, dt.UTC)
        _log.warning(
            "%s: the CRL must be made again before %s, by the root's key: 'newel ceremony crl'"
            " (docs/runbooks/key-ceremony.md)",
            self._file,
            end.isoformat(" "),
        )

    def _load(self, mode: int) -> None:
        if not stat.S_ISREG(mode):
            raise ValueError("it is not a regular file")
        crl = crl_files.read_list(self._file, self._certificate)
        number = crl_files.list_number(crl)
        held = self._crl_cache.crl(self.id)
        der = crl.public_bytes(Encoding.DER)
        if held is not None and number <= held.number and der != held.der:
            raise ValueError(
                f"its number {number} is not higher than {held.number}, which is served"
            )
        end = crl.next_update_utc
        this_update, next_update = (
            int(each.timestamp()) if each else 0 for each in (crl.last_update_utc, end)
        )
        self._crl_cache.put(
            PublishedCRL(self.id, number, this_update, next_update, 0, len(crl), der)
        )
        _log.info("%s: serving CRL number %d, valid until %s", self._file, number, end)

    def _log_fault(self, fault: str) -> None:
        """Log a fault once, not every time the file is looked at."""
        if fault != self._fault:
            _log.warning("%s: %s", self._file, fault)
        self._fault = fault


def _read(file: Path) -> list[x509.Certificate]:
    try:
        return [loading.load_certificate(der) for der in certificate_files.read_certificates(file)]
    except (OSError, ValueError) as error:
        raise UnusableIssuerError(f"{file}: {error}") from error


def load_offline(
    configs: Sequence[CRLFileConfig], crl_cache: CRLCache
) -> tuple[OfflineIssuer, ...]:
    """Read every configured issuer and its CRL. Raises :class:`UnusableIssuerError`."""
    found = tuple(OfflineIssuer(config, crl_cache) for config in configs)
    for each in found:
        each.refresh()
    return found


def _root_of(chain_file: Path, roots: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return the root that a chain leads to, or the first one if it leads to none."""
    ders = [each.public_bytes(Encoding.DER) for each in roots]
    given = [each.public_bytes(Encoding.DER) for each in _read(chain_file)]
    try:
        return find_chain(given, ders).root
    except ChainError:
        return roots[0]
