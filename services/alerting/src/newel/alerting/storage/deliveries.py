"""What is to be delivered: found, held back, claimed, and what became of it."""

from newel.alerting.alerts import DeliveryState
from newel.alerting.delivery import Delivery
from newel.alerting.notices import Phase
from newel.alerting.storage.notices import NOTICE, notice_of, queue_delivery, to_milliseconds
from newel.alerting.storage.silences import ACTIVE
from newel.runtime.database.contract import Database, Row, Statement, Write

# The first line is the condition of the index deliveries_waiting, word for word.
_DUE = Statement(f"""
    SELECT key, next_at FROM deliveries WHERE state IN ('pending', 'planned', 'silenced')
        AND channel = $1 AND (
            state = 'pending' AND (next_at <= $2 OR next_at > $3)
            OR state = 'planned' AND next_at <= $2
            OR state = 'silenced' AND silence NOT IN (SELECT id FROM silences WHERE {ACTIVE})
        )
    ORDER BY next_at LIMIT $5""")  # noqa: S608 - a constant
_ONE = Statement(
    "SELECT key, phase, channel, fallback, attempts, deliveries.state, next_at, delay,"  # noqa: S608 - a constant
    f" {NOTICE} FROM deliveries JOIN notices ON id = notice WHERE key = $1"
)
_CLAIM = Statement("""
    UPDATE deliveries SET state = 'pending', next_at = $4, attempts = attempts + 1, attempted_at = $5,
        silence = ''
    WHERE key = $1 AND state = $2 AND next_at = $3 RETURNING key""")
HOLD = Statement("""
    UPDATE deliveries SET state = 'silenced', silence = $4
    WHERE key = $1 AND state = $2 AND next_at = $3 RETURNING key""")
_PLAN = Statement("""
    UPDATE deliveries SET state = 'planned', silence = '', next_at = $4
    WHERE key = $1 AND state = $2 AND next_at = $3 RETURNING key""")
_DELIVERED = Statement("""
    UPDATE deliveries SET state = 'delivered', error = '' WHERE key = $1 AND state = 'pending'""")
_POSTPONE = Statement("""
    UPDATE deliveries SET next_at = $2, error = $3 WHERE key = $1 AND state = 'pending'""")
_GIVE_UP = Statement("""
    UPDATE deliveries SET state = 'failed', error = $2
    WHERE key = $1 AND state = 'pending' RETURNING key""")
# What resolved an alert may be told late; what opened it may not, once it is resolved, nor what
# escalates it, once someone looks after it.
_RETRY = Statement("""
    UPDATE deliveries SET state = 'pending', attempts = 0, next_at = $2, error = '', digest = ''
    WHERE key = $1 AND state = 'failed' AND (phase = 'resolved' OR EXISTS (
        SELECT 1 FROM notices WHERE id = notice AND resolved_at IS NULL
            AND (phase <> 'escalated' OR acknowledged_at IS NULL))) RETURNING key""")


class DeliveryStorage:
    """The table of deliveries behind the Protocol of delivery."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_due(self, channel: str, now: float, latest: float, limit: int) -> list[Delivery]:
        """See Deliveries."""
        moments = to_milliseconds(now), to_milliseconds(latest)
        due = await self._database.fetch(_DUE, channel, *moments, int(now), limit)
        rows = await self._database.fetch_many(_ONE, [(key,) for key, _ in due])
        marks = dict[str, int](due)
        # what another worker claimed between the two queries is that one's
        return [each for each in map(_delivery, rows) if each.mark == marks[each.key]]

    async def claim(self, delivery: Delivery, now: float, until: float) -> bool:
        """See Deliveries."""
        gate = Write(_CLAIM, (*_version(delivery), to_milliseconds(until), int(now)))
        return await self._database.decide(gate) is not None

    async def hold(self, delivery: Delivery, silence: str) -> bool:
        """See Deliveries."""
        return await self._database.decide(Write(HOLD, (*_version(delivery), silence))) is not None

    async def plan_again(self, delivery: Delivery, at: float) -> None:
        """See Deliveries."""
        await self._database.decide(Write(_PLAN, (*_version(delivery), to_milliseconds(at))))

    async def mark_delivered(self, delivery: Delivery) -> None:
        """Record that the receiver has it."""
        await self._database.apply(Write(_DELIVERED, (delivery.key,)))

    async def postpone(self, delivery: Delivery, until: float, error: str) -> None:
        """Schedule the next attempt for ``until``."""
        await self._database.apply(Write(_POSTPONE, (delivery.key, to_milliseconds(until), error)))

    async def give_up(self, delivery: Delivery, now: float, error: str) -> None:
        """Record the final failure and queue a delivery to the fallback channel, where there is one."""
        gate = Write(_GIVE_UP, (delivery.key, error))
        instead = (
            [queue_delivery(delivery.notice.id, delivery.phase, delivery.fallback, "", now)]
            if delivery.fallback
            else []
        )
        await self._database.decide(gate, *instead)

    async def retry(self, key: str, now: int) -> bool:
        """Queue again what has failed for good; False for any other, and when its alert is resolved."""
        return await self._database.decide(Write(_RETRY, (key, now * 1000))) is not None


def _version(delivery: Delivery) -> tuple[str, str, int]:
    return delivery.key, delivery.state.value, delivery.mark


def _delivery(row: Row) -> Delivery:
    key, phase, channel, fallback, attempts, state, next_at, delay = row[:8]
    return Delivery(
        key=key,
        phase=Phase(phase),
        channel=channel,
        fallback=fallback,
        attempts=attempts,
        notice=notice_of(row[8:]),
        state=DeliveryState(state),
        mark=next_at,
        delay=delay / 1000,
    )
