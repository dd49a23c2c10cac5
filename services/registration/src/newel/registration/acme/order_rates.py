"""Rates of orders, decided in the database: every replica counts the same, and none twice."""

import contextlib
import datetime as dt
import hashlib
from collections.abc import Generator, Sequence

import msgspec

from newel.acme.identifiers import Identifier
from newel.acme.problems import NAMESPACE, Problem
from newel.registration.acme import ids
from newel.registration.acme.config import OrderRatesConfig
from newel.registration.acme.storage import Storage
from newel.registration.rate_limits import RateLimitedError, RefusalLog

_SECOND = dt.timedelta(seconds=1)
_MAX_QUOTED = 300  # characters of the last failure
_OURS = f"{NAMESPACE}serverInternal"
"""The type of failures that are this server's, as when it was busy: they do not count."""
_problem = msgspec.json.Decoder(Problem)


class OrderRates:
    """Refuses orders over a rate, and those for identifiers whose validations only ever fail."""

    def __init__(self, storage: Storage, config: OrderRatesConfig, refusals: RefusalLog) -> None:
        self._storage = storage
        self._config = config
        self._refusals = refusals

    async def take(
        self, account: bytes, provisioner: str, wanted: Sequence[Identifier], now: dt.datetime
    ) -> None:
        """Take one order of the account and of the set of names. Raises RateLimitedError."""
        config = self._config
        with self._log_refusal(account, provisioner, now):
            await self._take(b"account:" + account, config.account_orders, "account", now)
            if config.names_orders:
                names = sorted(f"{each.type} {each.value}" for each in wanted)
                digest = hashlib.sha256("\n".join((provisioner, *names)).encode()).digest()
                await self._take(b"names:" + digest, config.names_orders, "set of names", now)

    async def check_failures(
        self, account: bytes, provisioner: str, unproved: Sequence[Identifier], now: dt.datetime
    ) -> None:
        """Refuse to validate an identifier once more whose last validations all failed.

        Raises RateLimitedError with the problem of the last. ``unproved`` are those that are to be
        validated: what was proved or approved in advance is not held up.
        """
        if self._config.failures and unproved:
            with self._log_refusal(account, provisioner, now):
                await self._check_failures(account, unproved, now)

    @contextlib.contextmanager
    def _log_refusal(self, account: bytes, provisioner: str, now: dt.datetime) -> Generator[None]:
        try:
            yield
        except RateLimitedError:
            self._refusals.add(now.timestamp(), account=ids.text(account), provisioner=provisioner)
            raise

    async def _take(self, key: bytes, most: int, what: str, now: dt.datetime) -> None:
        """Take one of ``most`` orders in a period, by the generic cell rate algorithm."""
        if not most:
            return
        period = int(self._config.period / _SECOND * 1000)
        milliseconds = int(now.timestamp() * 1000)
        interval = period // most
        wait = await self._storage.take_rate(key, milliseconds, interval, period - interval)
        if wait:
            raise RateLimitedError(
                wait / 1000,
                f"too many orders of this {what}: at most {most} in"
                f" {int(self._config.period / _SECOND)} s",
            )

    async def _check_failures(
        self, account: bytes, unproved: Sequence[Identifier], now: dt.datetime
    ) -> None:
        most, window = self._config.failures, self._config.failure_window
        failed = await self._storage.recent_failures(account, now - window, now)
        for each in unproved:
            mine = [(at, problem) for name, at, problem in failed if name == each.base]
            if len(mine) < most:
                continue
            told = [(at, _problem.decode(problem)) for at, problem in mine]
            told = [(at, problem) for at, problem in told if problem.type != _OURS]
            if len(told) < most:
                continue
            oldest = told[most - 1][0]
            if await self._storage.has_proved(account, each.base, oldest):
                continue
            wait = (oldest + window - now) / _SECOND
            last = told[0][1].detail[:_MAX_QUOTED]
            raise RateLimitedError(
                wait,
                f"{each.value} is paused for this account, because its last {most} validations failed;"
                f" the last one: {last}",
            )
