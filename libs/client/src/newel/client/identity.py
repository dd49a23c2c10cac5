"""An identity for programs with threads: a certificate that renews itself.

with Identity.from_token(token) as me:
    httpx.Client(verify=me.client_context()).get("https://other.internal/")
"""

import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from newel.client import acme, acme_transport, enrolment, rotating
from newel.client.acme_transport import Solver
from newel.client.authority import Authority
from newel.client.bootstrap import fetch_root
from newel.client.clock import now
from newel.client.credential import Credential, of_answer, of_pem
from newel.client.enrolment import Enrolment
from newel.client.errors import ClientError
from newel.client.holder import Holder, log
from newel.client.schedule import renewal
from newel.client.trust import base_url, trusting
from newel.crypto import keys
from newel.crypto.keys import KeyKind

LONGEST_SLEEP = 30.0
"""Seconds after which the wall clock is looked at again: a machine that slept does not sleep on."""


SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class Identity(Holder):
    """A certificate, its key, and a daemon thread that renews it between ``start`` and ``close``."""

    def __init__(self, credential: Credential, url: str, root: str) -> None:
        super().__init__(credential, base_url(url), root)
        self._again: Callable[[], Credential] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

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
        place = enrolment.place_of(token)
        trusted = root or fetch_root(place.url, place.fingerprint)
        steps = enrolment.by_token(token, key=keys.generate(kind), not_after=not_after)
        return cls(_play(place.url, trusted, steps), place.url, trusted)

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
        url = base_url(url)
        trusted = root or fetch_root(url, fingerprint)
        secret = password.encode() if isinstance(password, str) else password
        steps = enrolment.by_password(
            url, trusted, provisioner, secret, names, key=keys.generate(kind), not_after=not_after
        )
        return cls(_play(url, trusted, steps), url, trusted)

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
        token = Path(token_file).read_text()
        steps = enrolment.by_token(token, key=keys.generate(kind), subject=names[0], names=names)
        return cls(_play(url, root, steps), url, root)

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
        wanted = acme.wanted(private, names)

        def order() -> Credential:
            flow = acme.obtain(directory, account, wanted)
            return of_pem(acme_transport.run(flow, trusting(root), solver), private)

        made = cls(order(), directory, root)
        made._again = order
        return made

    def renew(self) -> Credential:
        """Renews now. Raises ClientError; then the identity stays what it was."""
        if self._again is not None:
            renewed = self._again()
            self._replace(renewed)
            return renewed
        credential = self._credential
        call, mutual = renewal(credential, self.url, now())
        tls: ssl.SSLContext = trusting(self.root)
        if mutual:
            rotating.load(tls, credential)
        with Authority(self.url, tls) as authority:
            renewed = of_answer(authority.send(call), credential.key)
        self._replace(renewed)
        return renewed

    def start(self) -> Self:
        """Begins to renew in the background."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="newel-renewal", daemon=True)
            self._thread.start()
        return self

    def close(self) -> None:
        """Renews no more; the credential stays usable."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(LONGEST_SLEEP)
            self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            wait = self._schedule.wait(now())
            if wait > 0:
                self._stop.wait(min(wait, LONGEST_SLEEP))
                continue
            try:
                self.renew()
            except ClientError as error:
                self._schedule.failed(now())
                log.warning("renewal failed (%d): %s", self._schedule.failures, error)
            except Exception:  # noqa: BLE001 - it is logged with its traceback
                # whatever it is, the thread is the only one that renews: it goes on
                self._schedule.failed(now())
                log.exception("renewal failed")


def _play(url: str, root: str, steps: Enrolment) -> Credential:
    """Plays an enrolment out against an authority."""
    answer: Any = None
    with Authority(url, trusting(root)) as authority:
        while True:
            try:
                call = steps.send(answer)
            except StopIteration as end:
                return end.value
            answer = authority.send(call)
