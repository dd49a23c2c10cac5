"""The base of every identity: its current credential, and TLS contexts that follow it."""

import logging
import ssl
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from newel.client import rotating
from newel.client.calls import Call, IssuedCertificate
from newel.client.clock import now
from newel.client.credential import Credential, of_pem
from newel.client.errors import ClientError
from newel.client.rotating import RotatingContext
from newel.client.schedule import Schedule, renewal
from newel.client.trust import base_url, client_tls
from newel.crypto import pem

log = logging.getLogger("newel.client")

MAX_SLEEP = 30.0
"""Seconds after which the wall clock is read again, because a machine may have been suspended."""


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
        self._contexts: weakref.WeakSet[RotatingContext] = weakref.WeakSet()

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
        """Read an identity from files that another program wrote. Raises OSError, ValueError."""
        chain, private = Path(certificate).read_bytes(), Path(key).read_bytes()
        return cls(of_pem(chain, private, password), url, root)

    @property
    def credential(self) -> Credential:
        """The current certificate and key."""
        return self._credential

    def client_context(self) -> RotatingContext:
        """Return a context for httpx (``verify=``), requests, aiohttp, asyncpg and other clients."""
        return self._follow(rotating.client(lambda: self._credential, self.root))

    def server_context(self, *, require_client: bool | str = True) -> RotatingContext:
        """Return a context for servers; ``require_client`` is True, "optional" or False."""
        made = rotating.server(lambda: self._credential, self.root, require_client=require_client)
        return self._follow(made)

    def on_renewal(self, listener: Callable[[Credential], None]) -> None:
        """Call ``listener`` with each new credential, for libraries that need files or bytes."""
        with self._lock:
            self._listeners.append(listener)

    def write(self, certificate: str | Path, key: str | Path) -> None:
        """Write both files, or neither, for programs that read files; new files have mode 0600."""
        from newel.client.atomic_write import File, write_all

        credential = self._credential
        pair = [(key, credential.key_pem()), (certificate, credential.chain_pem)]
        write_all([File(Path(name), data) for name, data in pair])

    def _renewal(self) -> tuple[Call[IssuedCertificate], ssl.SSLContext]:
        """Return the call that renews now, and the TLS context for it."""
        credential = self._credential
        call, mutual = renewal(credential, self.url, now())
        tls: ssl.SSLContext = client_tls(self.root)
        if mutual:
            rotating.load(tls, credential)
        return call, tls

    def _follow(self, context: RotatingContext) -> RotatingContext:
        with self._lock:
            self._contexts.add(context)
        return context

    def _trust(self, served: Sequence[str]) -> None:
        """Trust the authority's roots of today too, given in PEM, in every context there is.

        A root that is no longer served stays trusted by this process: certificates below it may be in use.
        """
        known = set(pem.decode_all(self.root.encode()))
        added = [each for each in served if pem.decode(each.encode()) not in known]
        if not added:
            return
        with self._lock:
            self.root = "".join((self.root.rstrip("\n") + "\n", *added))
            contexts = list(self._contexts)
        for context in contexts:
            if context.verify_mode is not ssl.CERT_NONE:
                context.load_verify_locations(cadata="".join(added))
        log.info("the authority has %d new roots, which are trusted from now on", len(added))

    def _record_unknown_roots(self, error: Exception) -> None:
        log.warning("the authority's roots could not be read: %s", error)

    def _pause(self) -> float:
        """Return the seconds to sleep before the schedule is checked again; 0 when renewal is due."""
        return max(0.0, min(self._schedule.wait(now()), MAX_SLEEP))

    def _record_failure(self, error: Exception) -> None:
        """Record and log a failed renewal; the renewing thread or task continues after any error."""
        self._schedule.record_failure(now())
        if isinstance(error, ClientError):
            log.warning("renewal failed (%d): %s", self._schedule.failures, error)
        else:
            log.error("renewal failed (%d)", self._schedule.failures, exc_info=error)

    def _replace(self, credential: Credential) -> None:
        with self._lock:
            self._credential = credential
            self._schedule.record_renewal(credential)
            listeners = list(self._listeners)
        log.info("certificate renewed, valid until %s", credential.not_after.isoformat())
        for listener in listeners:
            try:
                listener(credential)
            except Exception:
                # a listener's fault must not keep the certificate from being renewed next time
                log.exception("a renewal listener failed")
