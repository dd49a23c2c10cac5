"""What every identity has, however it is kept fresh: the credential of the moment, and TLS made of it."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from newel.client import rotating
from newel.client.credential import Credential, of_pem
from newel.client.rotating import RotatingContext
from newel.client.schedule import Schedule

log = logging.getLogger("newel.client")


class Holder:
    """The base of `Identity` and `AsyncIdentity`. Reading it is safe from any thread."""

    def __init__(self, credential: Credential, url: str, root: str) -> None:
        self.url = url
        self.root = root
        """PEM of what is trusted."""
        self._credential = credential
        self._schedule = Schedule(credential)
        self._listeners: list[Callable[[Credential], None]] = []
        self._lock = threading.Lock()

    @classmethod
    def from_files(
        cls,
        certificate: str | Path,
        key: str | Path,
        *,
        url: str,
        root: str,
        password: bytes | None = None,
    ) -> Self:
        """From files somebody else wrote. Raises OSError, ValueError."""
        chain, private = Path(certificate).read_bytes(), Path(key).read_bytes()
        return cls(of_pem(chain, private, password), url, root)

    @property
    def credential(self) -> Credential:
        """The certificate and key of this moment."""
        return self._credential

    def client_context(self) -> RotatingContext:
        """For httpx (``verify=``), requests, aiohttp, asyncpg and whoever else takes an SSLContext."""
        return rotating.client(lambda: self._credential, self.root)

    def server_context(self, *, require_client: bool | str = True) -> RotatingContext:
        """For servers; ``require_client`` is True, "optional" or False."""
        return rotating.server(lambda: self._credential, self.root, require_client=require_client)

    def on_renewal(self, listener: Callable[[Credential], None]) -> None:
        """Calls ``listener`` with each new credential, for libraries that want files or bytes."""
        with self._lock:
            self._listeners.append(listener)

    def write(self, certificate: str | Path, key: str | Path) -> None:
        """Writes both files as they are now, 0600, each whole: for programs that read files."""
        from newel.client.whole_files import write

        credential = self._credential
        write(Path(key), credential.key_pem())
        write(Path(certificate), credential.chain_pem)

    def _replace(self, credential: Credential) -> None:
        with self._lock:
            self._credential = credential
            self._schedule.renewed(credential)
            listeners = list(self._listeners)
        log.info("certificate renewed, valid until %s", credential.not_after.isoformat())
        for listener in listeners:
            try:
                listener(credential)
            except Exception:
                # a listener's fault must not keep the certificate from being renewed next time
                log.exception("a renewal listener failed")
