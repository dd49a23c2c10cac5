"""The responders' private keys, from files."""

import logging
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from newel.crypto import keys
from newel.runtime.config import read_secret_octets
from newel.runtime.work import run_in_thread

_log = logging.getLogger("newel.validation.stateless.keys")

_State = tuple[int, int, int]


class ResponderKeyFile:
    """A key in a file: a new one takes the old one's place without a restart."""

    def __init__(self, path: Path, password_file: Path | None) -> None:
        """Raise OSError, ConfigError, and :class:`newel.crypto.keys.InvalidKeyError`."""
        self._path = path
        self._password_file = password_file
        self._seen = self._state()
        self._key = self._load()

    def refresh(self) -> None:
        """Read the key again if its file changed. An unusable one is logged, and the old one stays."""
        try:
            seen = self._state()
            if seen == self._seen:
                return
            self._seen = seen
            self._key = self._load()
        except (OSError, ValueError) as error:
            _log.warning("%s: the responder's key cannot be read again: %s", self._path, error)

    async def sign(self, body: bytes) -> bytes:
        """Sign, in a thread where it takes long enough to delay other requests."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return keys.sign(self._key, body)
        return await run_in_thread(keys.sign, self._key, body)

    def _state(self) -> _State:
        status = self._path.stat()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _load(self) -> keys.PrivateKey:
        password = read_secret_octets(self._password_file) if self._password_file else None
        with self._path.open("rb") as file:
            return keys.load_private_key(file.read(keys.MAX_ENCODED_KEY + 1), password)
