"""An identity for programs with threads: a certificate that renews itself.

with Identity.from_token(token) as me:
    httpx.Client(verify=me.client_context()).get("https://other.internal/")
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from newel.client import acme, acme_transport, origins
from newel.client.acme_transport import Solver
from newel.client.authority import Authority
from newel.client.bootstrap import fetch_root
from newel.client.credential import Credential, of_answer, of_pem
from newel.client.holder import MAX_SLEEP, Holder
from newel.client.origins import SERVICE_ACCOUNT, Origin
from newel.client.trust import client_tls
from newel.client.work import Thread, start_thread
from newel.crypto import keys
from newel.crypto.keys import KeyKind


class Identity(Holder):
    """A certificate, its key, and a daemon thread that renews it between ``start`` and ``close``."""

    def __init__(self, credential: Credential, url: str, root: str) -> None:
        super().__init__(credential, url, root)
        self._again: Callable[[], Credential] | None = None
        self._stop = threading.Event()
        self._thread: Thread | None = None

    @classmethod
    def from_token(
        cls,
        token: str,
        *,
        kind: KeyKind = KeyKind.P256,
        root: str | None = None,
        not_after: str = "",
    ) -> Self:
        """By a one-time token, which names the authority and its root. Raises ClientError."""
        return cls._from(origins.token(token, kind, root, not_after))

    @classmethod
    def from_password(
        cls,
        url: str,
        provisioner: str,
        password: str | bytes,
        names: Sequence[str],
        *,
        fingerprint: str = "",
        root: str | None = None,
        kind: KeyKind = KeyKind.P256,
        not_after: str = "",
    ) -> Self:
        """By a JWK provisioner's password; the first name is the subject. Raises ClientError."""
        origin = origins.password(
            url, provisioner, password, names,
            fingerprint=fingerprint, root=root, kind=kind, not_after=not_after,
        )  # fmt: skip
        return cls._from(origin)

    @classmethod
    def from_kubernetes(
        cls,
        url: str,
        root: str,
        names: Sequence[str],
        *,
        token_file: str | Path = SERVICE_ACCOUNT,
        kind: KeyKind = KeyKind.P256,
    ) -> Self:
        """By the pod's service account; the first name is the subject. Raises ClientError, OSError."""
        return cls._from(origins.kubernetes(url, root, names, token_file, kind))

    @classmethod
    def from_acme(
        cls,
        directory: str,
        names: Sequence[str],
        solver: Solver,
        *,
        root: str,
        kind: KeyKind = KeyKind.P256,
    ) -> Self:
        """By ACME challenges the solver answers, and renewed by proving the names again."""
        private, account = keys.generate(kind), keys.generate()
        wanted = acme.make_order(private, names)

        def order() -> Credential:
            flow = acme.obtain(directory, account, wanted)
            return of_pem(acme_transport.run(flow, client_tls(root), solver), private)

        made = cls(order(), directory, root)
        made._again = order
        return made

    @classmethod
    def _from(cls, origin: Origin) -> Self:
        """Plays the exchange out."""
        root = origin.root or fetch_root(origin.url, origin.fingerprint)
        steps, answer = origin.steps(root), None
        with Authority(origin.url, client_tls(root)) as authority:
            while True:
                try:
                    call = steps.send(answer)
                except StopIteration as end:
                    return cls(end.value, origin.url, root)
                answer = authority.send(call)

    def renew(self) -> Credential:
        """Renews now. Raises ClientError; then the identity stays what it was."""
        if self._again is not None:
            renewed = self._again()
        else:
            call, tls = self._renewal()
            with Authority(self.url, tls) as authority:
                renewed = of_answer(authority.send(call), self._credential.key)
        self._replace(renewed)
        return renewed

    def start(self) -> Self:
        """Begins to renew in the background."""
        if self._thread is None:
            self._stop.clear()
            self._thread = start_thread(self._run, name="newel-renewal")
        return self

    def close(self) -> None:
        """Renews no more; the credential stays usable."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(MAX_SLEEP)
            self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            if pause := self._pause():
                self._stop.wait(pause)
                continue
            try:
                self.renew()
            except Exception as error:  # noqa: BLE001 - it is logged
                self._record_failure(error)
