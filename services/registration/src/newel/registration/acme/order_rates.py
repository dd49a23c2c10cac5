"""Rates of orders, decided in the database: every replica counts the same, and none twice."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from newel.acme.identifiers import Identifier
from newel.acme.problems import NAMESPACE, Problem
from newel.registration.acme import ids
from newel.registration.acme.calls import Call
from newel.registration.acme.changes import BeginFinalize, Change, NewOrder
from newel.registration.acme.config import OrderRatesConfig
from newel.registration.acme.rates import to_nanoseconds
from newel.registration.acme.records import Claim, FailureBound, OrderStatus, RateUse
from newel.registration.acme.storage import Storage
from newel.registration.rate_limits import RateLimitedError, RefusalLog
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
    """What it counts."""
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

    async def place(self, call: Call, new: NewOrder, unproved: Sequence[Identifier]) -> None:
        """Place an order, of which the account's and the address's rates take one, in one unit.

        Raises RateLimitedError, also where its set of names has as many certificates as it may have: whose
        names are not proved yet must not count for that. See ``commit`` for ``unproved`` and what else is
        raised.
        """
        rates = self._list(call)
        names = self._find_names_rate(call.provisioner.name, new.order.identifiers)
        await self._require_room(call, [*rates, *names])
        taken = msgspec.structs.replace(new, rates=tuple(each.use for each in rates))
        await self.commit(call, taken, unproved)
        if rates and not await self._is_placed(call, new.order.id):
            await self._require_room(call, rates, is_refused=True)

    async def begin_finalize(self, call: Call, change: BeginFinalize) -> None:
        """Begin to finalize an order, which its set of names' rate takes, in one unit.

        What the order is then tells whether it was begun. Raises RateLimitedError where a ready order may
        have no certificate now, and what ``commit`` of a call raises.
        """
        found = None
        if self._config.names_orders:
            found = await self._storage.order(change.order_id, change.account, call.now)
        if found is None:
            await call.commit(change)
            return
        rates = self._find_names_rate(call.provisioner.name, found.identifiers)
        if found.status is OrderStatus.READY:
            await self._require_room(call, rates)
        await call.commit(msgspec.structs.replace(change, rate=rates[0].use))
        found = await self._storage.order(change.order_id, change.account, call.now)
        is_left = found is not None and found.status is OrderStatus.READY
        if is_left and not await self._storage.is_account_key(change.key):
            await self._require_room(call, rates, is_refused=True)

    def names_use(self, claim: Claim) -> RateUse | None:
        """Return what a claimed order has taken, which is given back when it gets no certificate."""
        found = self._find_names_rate(claim.provisioner, claim.identifiers)
        return found[0].use if found else None

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

    async def _require_room(
        self, call: Call, rates: Sequence[_Rate], *, is_refused: bool = False
    ) -> None:
        """Raise RateLimitedError with the longest wait of rates; ``is_refused``: in any case."""
        if not rates:
            return
        uses = [each.use for each in rates]
        waits = await self._storage.rates.read_waits(uses, to_nanoseconds(call.now))
        wait = max(waits)
        if wait or is_refused:
            self._log_refusal(call)
            seconds = self._config.period // _SECOND
            full = rates[waits.index(wait)]
            raise RateLimitedError(
                -(-wait // _NANOSECONDS),
                f"too many {full.what}: at most {full.most} in {seconds} s",
            )

    async def _is_placed(self, call: Call, order: bytes) -> bool:
        return await self._storage.order(order, call.account.id, call.now) is not None

    def _find_names_rate(self, provisioner: str, wanted: Sequence[Identifier]) -> list[_Rate]:
        """Return the rate of a set of names, if it has one."""
        most = self._config.names_orders
        if not most:
            return []
        names = sorted(f"{each.type} {each.value}" for each in wanted)
        digest = hashlib.sha256("\n".join((provisioner, *names)).encode()).digest()
        own = _use(b"names-orders:" + digest, most, self._config.period)
        return [_Rate("certificates for this set of names", most, own)]

    def _list(self, call: Call) -> list[_Rate]:
        """List the rates that an order counts for when it is placed."""
        config = self._config
        found: list[_Rate] = []
        if config.account_orders:
            own = _use(b"account-orders:" + call.account.id, config.account_orders, config.period)
            found.append(_Rate("orders of this account", config.account_orders, own))
        client = self._addresses.key(call.address) if config.address_orders else None
        if client is not None:
            own = _use(b"address-orders:" + client, config.address_orders, config.period)
            found.append(_Rate("orders of this address", config.address_orders, own))
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
