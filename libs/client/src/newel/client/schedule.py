"""When an identity is renewed, and how: decisions over values, for threads and event loops alike."""

import datetime as dt
import secrets

from newel.client import calls
from newel.client.calls import Call, Issued
from newel.client.credential import Credential

FRACTION = 2 / 3
"""Of the lifetime, after which renewal begins."""
JITTER = 1 / 20
"""Of the lifetime: the most by which a renewal comes earlier, so that a fleet's do not come together."""
FIRST_RETRY = dt.timedelta(seconds=1)
LONGEST_RETRY = dt.timedelta(minutes=1)


class Schedule:
    """The next attempt's time. Failures are tried again after 1, 2, 4 … 60 seconds, each shortened a little."""

    def __init__(self, credential: Credential) -> None:
        self.failures = 0
        self._due = self._normal(credential)

    def wait(self, now: dt.datetime) -> float:
        """Seconds until the next attempt, 0 when it is due."""
        return max(0.0, (self._due - now).total_seconds())

    def renewed(self, credential: Credential) -> None:
        """An attempt was successful."""
        self.failures = 0
        self._due = self._normal(credential)

    def failed(self, now: dt.datetime) -> None:
        """An attempt was not."""
        pause = min(FIRST_RETRY * 2 ** min(self.failures, 10), LONGEST_RETRY)
        self.failures += 1
        self._due = now + pause * (1 - draw() / 4)

    @staticmethod
    def _normal(credential: Credential) -> dt.datetime:
        lifetime = credential.not_after - credential.not_before
        return credential.not_before + lifetime * (FRACTION - JITTER * draw())


def draw() -> float:
    """A random number from 0 to 1."""
    return secrets.randbelow(1_000_000) / 1_000_000


def renewal(credential: Credential, url: str, now: dt.datetime) -> tuple[Call[Issued], bool]:
    """The call that renews, and whether it goes over mutual TLS.

    Once the certificate has expired no TLS server takes it: its key signs a token instead, which the
    authority honours where renewal after expiry is allowed.
    """
    if now < credential.not_after:
        return calls.renew(), True
    from newel.step import renew_token

    token = renew_token.make(credential.chain, credential.key, f"{url}/renew", now)
    return calls.renew(token), False
