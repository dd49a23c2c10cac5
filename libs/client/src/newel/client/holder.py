"""What every identity has, however it is kept fresh: the credential of the moment, and TLS made of it."""

import logging
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from newel.client import rotating
from newel.client.calls import Call, Issued
from newel.client.clock import now
from newel.client.credential import Credential, of_pem
from newel.client.errors import ClientError
from newel.client.rotating import RotatingContext
from newel.client.schedule import Schedule, renewal
from newel.client.trust import base_url, trusting

log = logging.getLogger("newel.client")

LONGEST_SLEEP = 30.0
"""Seconds after which the wall clock is looked at again: a machine that slept does not sleep on."""


class Holder:
    """The base of `Identity` and `AsyncIdentity`. Reading it is safe from any thread."""

    def __init__(self, credential: Credential, url: str, root: str) -> None:
        self.url = base_url(url)
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
        """Writes both files as they are now, both or none, for programs that read files; new ones are 0600."""
        from newel.client.whole_files import File, write_all

        credential = self._credential
        pair = [(key, credential.key_pem()), (certificate, credential.chain_pem)]
        write_all([File(Path(name), data) for name, data in pair])

    def _renewal(self) -> tuple[Call[Issued], ssl.SSLContext]:
        """The call that renews now, and the TLS it is made over."""
        credential = self._credential
        call, mutual = renewal(credential, self.url, now())
        tls: ssl.SSLContext = trusting(self.root)
        if mutual:
            rotating.load(tls, credential)
        return call, tls

    def _pause(self) -> float:
        """Seconds to sleep before the schedule is looked at again; 0 when renewal is due."""
        return max(0.0, min(self._schedule.wait(now()), LONGEST_SLEEP))

    def _failed(self, error: Exception) -> None:
        """A renewal failed. Whatever it was, whoever renews is the only one to do so, and goes on."""
        self._schedule.failed(now())
        if isinstance(error, ClientError):
            log.warning("renewal failed (%d): %s", self._schedule.failures, error)
        else:
            log.error("renewal failed (%d)", self._schedule.failures, exc_info=error)

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
