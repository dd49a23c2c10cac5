"""An identity for programs with threads: a certificate that renews itself.

with Identity.from_token(token) as me:
    httpx.Client(verify=me.client_context()).get("https://other.internal/")
"""

import threading
from typing import Self

from newel.client import acme_transport, calls
from newel.client.authority import Authority
from newel.client.bootstrap import fetch_root
from newel.client.credential import Credential, of_answer, of_pem
from newel.client.errors import ClientError
from newel.client.holder import MAX_SLEEP
from newel.client.origins import ACMEOrigin, EnrolledHolder, Origin
from newel.client.trust import client_tls
from newel.client.work import Thread, start_thread


class Identity(EnrolledHolder["Identity"]):
    """A certificate, its key, and a daemon thread that renews it between ``start`` and ``close``."""

    def __init__(self, credential: Credential, url: str, root: str) -> None:
        super().__init__(credential, url, root)
        self._acme: ACMEOrigin | None = None
        self._stop = threading.Event()
        self._thread: Thread | None = None

    @classmethod
    def _enrol(cls, origin: Origin) -> "Identity":
        root = origin.root or fetch_root(origin.url, origin.fingerprint)
        steps, answer = origin.steps(root), None
        with Authority(origin.url, client_tls(root)) as authority:
            while True:
                try:
                    call = steps.send(answer)
                except StopIteration as end:
                    return cls(end.value, origin.url, root)
                answer = authority.send(call)

    @classmethod
    def _enrol_by_acme(cls, origin: ACMEOrigin) -> "Identity":
        enrolled = cls(_order(origin), origin.directory, origin.root)
        enrolled._acme = origin
        return enrolled

    def renew(self) -> Credential:
        """Renew now. Raises ClientError; then the identity stays what it was."""
        if self._acme is not None:
            renewed = _order(self._acme)
        else:
            call, tls = self._renewal()
            with Authority(self.url, tls) as authority:
                renewed = of_answer(authority.send(call), self._credential.key)
                self._learn_roots(authority)
        self._replace(renewed)
        return renewed

    def _learn_roots(self, authority: Authority) -> None:
        try:
            self._trust(authority.send(calls.roots()))
        except (ClientError, ValueError) as error:  # the certificate is new all the same
            self._record_unknown_roots(error)

    def start(self) -> Self:
        """Start to renew in the background."""
        if self._thread is None:
            self._stop.clear()
            self._thread = start_thread(self._run, name="newel-renewal")
        return self

    def close(self) -> None:
        """Stop renewing; the credential stays usable."""
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


def _order(origin: ACMEOrigin) -> Credential:
    chain = acme_transport.run(origin.order(), client_tls(origin.root), origin.solver)
    return of_pem(chain, origin.key)
