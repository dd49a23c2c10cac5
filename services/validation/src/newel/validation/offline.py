"""CRLs of issuers whose keys are offline: made by a ceremony, read from files, served like others.

A root's CRL says which intermediates are revoked. No service can sign the next one, so the log
reminds of its nextUpdate long before.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from newel.crypto import certificate_files, loading
from newel.crypto.authority_chain import ChainError, find_chain
from newel.validation.config import CRLFileConfig
from newel.validation.crls import CRLCache
from newel.validation.issuers import UnusableIssuerError
from newel.validation.list_file import ListFile

_log = logging.getLogger("newel.validation.offline")

_DAY = 86_400.0
_REMIND_AHEAD = 60 * _DAY
"""As in the alert NewelOfflineCrlEnds of deploy/prometheus."""


class OfflineIssuer(ListFile):
    """An issuer whose key is offline, and its latest CRL in the cache."""

    advice = (
        ": relying parties that check every certificate of a chain refuse ours. 'newel ceremony crl' makes"
        " it (docs/runbooks/key-ceremony.md)"
    )

    def __init__(self, config: CRLFileConfig, crl_cache: CRLCache) -> None:
        """Read the certificate. Raises :class:`UnusableIssuerError`."""
        named = config.certificate_file
        found = [
            each
            for file in (named if isinstance(named, tuple) else (named,))
            for each in _read(file)
        ]
        certificate = found[0]
        if config.chain_file is not None:
            certificate = _root_of(config.chain_file, found)
        super().__init__(certificate, config.crl_file, crl_cache)
        self._remind_at = 0.0

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
