"""When an identity is renewed, and how: decisions over values, for threads and event loops alike."""

import datetime as dt

from newel.client import calls, retries
from newel.client.calls import Call, IssuedCertificate
from newel.client.credential import Credential

FRACTION = 2 / 3
"""Of the lifetime, after which renewal begins."""


class Schedule:
    """The next attempt's time."""

    def __init__(self, credential: Credential) -> None:
        self.failures = 0
        self._due = self._normal(credential)

    def wait(self, now: dt.datetime) -> float:
        """Seconds until the next attempt, 0 when it is due."""
        return max(0.0, (self._due - now).total_seconds())

    def record_renewal(self, credential: Credential) -> None:
        """Record a successful attempt."""
        self.failures = 0
        self._due = self._normal(credential)

    def record_failure(self, now: dt.datetime) -> None:
        """Record a failed attempt."""
        self._due = now + retries.pause(self.failures)
        self.failures += 1

    @staticmethod
    def _normal(credential: Credential) -> dt.datetime:
        lifetime = credential.not_after - credential.not_before
        return credential.not_before + lifetime * (FRACTION - retries.JITTER * retries.draw())


def renewal(
    credential: Credential, url: str, now: dt.datetime
) -> tuple[Call[IssuedCertificate], bool]:
    """Return the call that renews, and whether it uses mutual TLS.

    No TLS server accepts an expired certificate: its key signs a token instead, which the authority
    accepts where renewal after expiry is allowed.
    """
    if now < credential.not_after:
        return calls.renew(), True
    from newel.step import renew_token

    token = renew_token.make(credential.chain, credential.key, f"{url}/renew", now)
    return calls.renew(token), False
