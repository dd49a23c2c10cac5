"""Reloading of key certificates whose file is replaced, as a responder's is regularly."""

import logging
from collections.abc import Iterable
from pathlib import Path

from newel.runtime.config import ConfigError
from newel.signer.assembly import bind
from newel.signer.config import KeyConfig
from newel.signer.signing import Signer

_log = logging.getLogger(__name__)


class CertificateWatch:
    """A watch over the certificate files of the configuration; an unusable new one changes nothing."""

    def __init__(self, configs: Iterable[KeyConfig], signer: Signer) -> None:
        self._configs = [config for config in configs if config.certificate]
        self._signer = signer
        self._stamps = {config.name: _stamp(config.certificate) for config in self._configs}

    async def run(self) -> None:
        """Check every file once."""
        for config in self._configs:
            stamp = _stamp(config.certificate)
            if stamp == self._stamps[config.name]:
                continue
            self._stamps[config.name] = stamp
            try:
                role = bind(config, self._signer.roles[config.name].key)
            except ConfigError as error:
                _log.error("the new certificate cannot be used: %s", error)
            else:
                self._signer.replace_role(role)
                _log.info("the key %s has a new certificate", config.name)


def _stamp(path: Path | None) -> tuple[int, int]:
    """Return modification time and inode; (0, 0) while the file is missing during its replacement."""
    try:
        status = path.stat() if path else None
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_ino) if status else (0, 0)
