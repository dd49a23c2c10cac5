"""Rates of orders, decided in the database: every replica counts the same, and none twice."""

import contextlib
import datetime as dt
import hashlib
from collections.abc import AsyncGenerator, Sequence
from typing import NamedTuple

import msgspec

from newel.acme.identifiers import Identifier
from newel.acme.problems import NAMESPACE, Problem
from newel.registration.acme import ids
from newel.registration.acme.calls import Call
from newel.registration.acme.changes import Change
from newel.registration.acme.config import OrderRatesConfig
from newel.registration.acme.records import FailureBound, RateUse
from newel.registration.acme.storage import Storage
from newel.registration.acme.writes import to_nanoseconds
from newel.registration.rate_limits import RateLimitedError, RefusalLog
from newel.runtime.errors import NewelError
from newel.runtime.http.client_addresses import ClientAddresses

_SECOND = dt.timedelta(seconds=1)
_NANOSECONDS = 1_000_000_000  # of a second
_MAX_QUOTED = 300  # characters of the last failure
_OURS = f"{NAMESPACE}serverInternal"
"""The type of failures that are this server's, as when it was busy: they do not count."""
_problem = msgspec.json.Decoder(Problem)


class _Rate(NamedTuple):
    """One of the rates that an order counts for."""

    what: str
    """What its orders have in common."""
    most: int
    use: RateUse


class OrderRates:
    """Refuses orders over a rate, and those for identifiers whose validations only ever fail."""

    def __init__(
        self,
        storage: Storage,
        config: OrderRatesConfig,
        addresses: ClientAddresses,
        refusals: RefusalLog,
    ) -> None:
        self._storage = storage
        self._config = config
        self._addresses = addresses
        self._refusals = refusals

    @contextlib.asynccontextmanager
    async def take(self, call: Call, wanted: Sequence[Identifier]) -> AsyncGenerator[None]:
        """Take one order of the account, of the set of names and of the address, for the body to place.

        Raises RateLimitedError. What was taken is given back when the body refuses the order.
        """
        rates = self._list(call, wanted)
        uses = [each.use for each in rates]
        if rates:
            waits = await self._storage.take_rates(uses, to_nanoseconds(call.now))
            wait = max(waits)
            if wait:
                self._log_refusal(call)
                seconds = self._config.period // _SECOND
                refused = rates[waits.index(wait)]
                raise RateLimitedError(
                    -(-wait // _NANOSECONDS),
                    f"too many orders of this {refused.what}: at most {refused.most} in {seconds} s",
                )
        try:
            yield
        except NewelError:
            await self._storage.give_rates_back(uses)
            raise

    async def commit(self, call: Call, change: Change, unproved: Sequence[Identifier]) -> None:
        """Commit a change, unless one of ``unproved`` only ever failed: its last validations all did.

        Raises RateLimitedError with the problem of the last, and what the commit raises. ``unproved`` are
        those that are to be validated: what was proved or approved in advance is not held up.
        """
        config = self._config
        if config.failures and unproved:
            bound = FailureBound(call.now - config.failure_window, call.now, config.failures - 1)
            # almost every account passes here, by the statement that uses the nonce
            if await call.commit_unless_failing(bound, change):
                return
            try:
                await self._check_failures(call.account.id, unproved, call.now)
            except RateLimitedError:
                self._log_refusal(call)
                raise
        await call.commit(change)

    def _list(self, call: Call, wanted: Sequence[Identifier]) -> list[_Rate]:
        """List the rates that an order counts for."""
        config = self._config
        found: list[_Rate] = []
        if config.account_orders:
            own = _use(b"account-orders:" + call.account.id, config.account_orders, config.period)
            found.append(_Rate("account", config.account_orders, own))
        if config.names_orders:
            names = sorted(f"{each.type} {each.value}" for each in wanted)
            digest = hashlib.sha256("\n".join((call.provisioner.name, *names)).encode()).digest()
            own = _use(b"names-orders:" + digest, config.names_orders, config.period)
            found.append(_Rate("set of names", config.names_orders, own))
        client = self._addresses.key(call.address) if config.address_orders else None
        if client is not None:
            own = _use(b"address-orders:" + client, config.address_orders, config.period)
            found.append(_Rate("address", config.address_orders, own))
        return found

    def _log_refusal(self, call: Call) -> None:
        self._refusals.add(
            call.now.timestamp(),
            account=ids.text(call.account.id),
            provisioner=call.provisioner.name,
            remote_address=call.address,
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


def _use(key: bytes, most: int, period: dt.timedelta) -> RateUse:
    """Return one of ``most`` orders in a period, by the generic cell rate algorithm.

    Rounded up to whole nanoseconds, so that the others fit in what is ahead and not one more.
    """
    nanoseconds = period // dt.timedelta(microseconds=1) * 1000
    interval = -(-nanoseconds // most)
    return RateUse(key, interval, (most - 1) * interval)
