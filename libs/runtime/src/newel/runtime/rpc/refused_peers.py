"""Peers' certificates that are refused although they are valid: that of a service that was broken into.

A file has their SHA-256 fingerprints. It is read again when it changes, and looked at for every call, because a
connection that is open outlives what a handshake would refuse.
"""

import base64
import hashlib
import logging
import re
import time
from functools import lru_cache
from pathlib import Path

from newel.runtime.config import ConfigError
from newel.runtime.system_errors import describe

_LOOK_SECONDS = 1.0
_LARGEST = 1 << 20
_FINGERPRINT = re.compile("[0-9a-f]{64}")
_ARMOR = re.compile(rb"-----[A-Z ]+-----|\s")

_log = logging.getLogger(__name__)


class RefusedPeers:
    """The fingerprints of one file, which may not exist: then none are refused."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises ConfigError for one that cannot be read or has another line."""
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._looked_at = 0.0
        self._refused: frozenset[str] = frozenset()
        self._take(self._find_stamp())

    def includes(self, certificate: bytes) -> bool:
        """Tell whether a certificate (PEM) is refused.

        A file that can no longer be read changes nothing, and is logged.
        """
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            try:
                stamp = self._find_stamp()
                if stamp != self._stamp:
                    self._take(stamp)
                    _log.warning("%s: %d certificates are refused", self._path, len(self._refused))
            except ConfigError as error:
                _log.error("%s; what was refused before stays refused", error)
        return bool(self._refused) and fingerprint_of(certificate) in self._refused

    def _take(self, stamp: tuple[int, int] | None) -> None:
        """Read the file in the state of this stamp. Raises ConfigError."""
        self._refused = frozenset() if stamp is None else _read(self._path)
        self._stamp = stamp

    def _find_stamp(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self._path}: {describe(error)}") from None
        return found.st_mtime_ns, found.st_ino


def _read(path: Path) -> frozenset[str]:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1).decode("ascii", "replace")
    except OSError as error:
        raise ConfigError(f"{path}: {describe(error)}") from None
    if len(text) > _LARGEST:
        raise ConfigError(f"{path}: it is longer than {_LARGEST} octets")
    lines = [line.partition("#")[0].strip().lower().replace(":", "") for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        if line and not _FINGERPRINT.fullmatch(line):
            raise ConfigError(f"{path}: line {number} is no SHA-256 fingerprint in hexadecimal")
    return frozenset(line for line in lines if line)


@lru_cache(maxsize=256)
def fingerprint_of(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate (one PEM block), in hexadecimal."""
    return hashlib.sha256(base64.b64decode(_ARMOR.sub(b"", certificate))).hexdigest()
