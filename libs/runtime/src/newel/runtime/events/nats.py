"""Events between processes: the outbox relayed to NATS JetStream, and the bus that consumes there.

Nothing is lost while NATS is unreachable: events stay in the outbox until the stream has acknowledged them,
and in the stream until the consumer has. What is sent twice carries the same ids.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

from newel.runtime.background import FIRST_PAUSE, add_jitter, repeat_every
from newel.runtime.clock import Clock, SystemClock
from newel.runtime.database.lease import Lease, run_leased
from newel.runtime.events.batches import family, pack, unpack
from newel.runtime.events.contract import Event, Subscription
from newel.runtime.events.metrics import MEASURED_EVERY, EventMetrics
from newel.runtime.events.nats_connection import STREAM, SUBJECTS, NATSConnection
from newel.runtime.events.nats_puller import Puller
from newel.runtime.events.outbox import KEPT, SWEPT_EVERY, TableOutbox
from newel.runtime.events.outbox_reader import LONGEST_PAUSE, OutboxReader, sweep
from newel.runtime.outages import Outage
from newel.runtime.service import Task

_log = logging.getLogger("newel.runtime.events.nats")

_RELAY = "nats"
_MESSAGES = 16  # of up to 256 events each
_FETCH_SECONDS = 5.0
_HANDLED_WITHIN = 60


class NATSRelay:
    """Publishes one outbox. Of several workers on one database, one does it at a time."""

    def __init__(self, outbox: TableOutbox, link: NATSConnection, metrics: EventMetrics) -> None:
        self._outbox = outbox
        self._link = link
        self._metrics = metrics

    def tasks(self) -> dict[str, Task]:
        """Return the tasks that publish and sweep. Call it once."""
        reader = OutboxReader(self._outbox.database, _RELAY)
        self._outbox.on_wake(reader.wake)
        publish = self._metrics.watch(_RELAY, self._publish)
        lease = Lease(self._outbox.database, "nats relay", ttl=6)
        return {
            "nats-relay": partial(run_leased, lease, partial(reader.follow, publish)),
            "outbox-sweep": repeat_every(
                SWEPT_EVERY,
                partial(sweep, self._outbox.database, [_RELAY], self._outbox.clock, KEPT),
            ),
            "outbox-backlog": repeat_every(
                MEASURED_EVERY,
                partial(self._metrics.measure, {_RELAY: [self._outbox.database]}),
            ),
        }

    async def _publish(self, events: Sequence[Event]) -> None:
        """Publish events; return when the stream has them all. It drops duplicates by message id."""
        from nats.js.errors import NoStreamResponseError

        jetstream = await self._link.jetstream()
        acknowledgements = (
            jetstream.publish(
                message.subject,
                message.payload,
                stream=STREAM,
                headers={"Nats-Msg-Id": message.id},
            )
            for message in pack(events)
        )
        results = await asyncio.gather(*acknowledgements, return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if any(isinstance(failure, NoStreamResponseError) for failure in failures):
            await self._link.restore_stream()
        if failures:
            raise failures[0]


class NATSBus:
    """Implements ``events.EventBus`` on durable pull consumers. Its tasks are to be run."""

    def __init__(
        self, link: NATSConnection, metrics: EventMetrics, clock: Clock | None = None
    ) -> None:
        self._link = link
        self._metrics = metrics
        self._clock = clock or SystemClock()
        self._subscriptions: list[Subscription] = []

    def subscribe(self, subscription: Subscription) -> None:
        """Register a consumer; delivery starts with the tasks."""
        handler = self._metrics.watch(subscription.name, subscription.handler)
        self._subscriptions.append(replace(subscription, handler=handler))

    async def complete_to(self, consumer: str) -> float | None:
        """Return the present when the stream has nothing left for the consumer; None otherwise."""
        now = self._clock.unix()
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                jetstream = await self._link.jetstream()
                known = await jetstream.consumer_info(STREAM, consumer)
        except Exception as error:  # noqa: BLE001 - the consumer's own task tells of the outage
            _log.debug("what waits for %s is not known: %s", consumer, error)
            return None
        return None if known.num_pending or known.num_ack_pending else now

    def tasks(self) -> dict[str, Task]:
        """Return the tasks that deliver, by the subscription's name."""
        return {
            subscription.name: partial(self._consume, subscription)
            for subscription in self._subscriptions
        }

    async def _consume(self, subscription: Subscription) -> None:
        pause = FIRST_PAUSE
        outage = Outage(_log, f"delivery to {subscription.name}", consumer=subscription.name)
        while True:
            puller: Puller | None = None
            try:
                puller, check = await self._pull(subscription)
                while True:
                    if await _deliver(puller, subscription):
                        pause = FIRST_PAUSE
                    else:
                        await check()
                    outage.note_recovery()
            except Exception as error:  # noqa: BLE001 - whatever it was, the events have to be delivered
                outage.note_failure(error)
            finally:
                if puller is not None:
                    await _release(puller)
            await asyncio.sleep(add_jitter(pause))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _pull(
        self, subscription: Subscription
    ) -> tuple[Puller, Callable[[], Awaitable[object]]]:
        """Open the durable consumer, created if need be. Its batches raise when the server has lost it."""
        from nats.js.api import AckPolicy, ConsumerConfig
        from nats.js.errors import NotFoundError

        jetstream = await self._link.jetstream()
        subject = common_filter(subscription.subjects)
        config = ConsumerConfig(
            durable_name=subscription.name,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_HANDLED_WITHIN,
            max_ack_pending=_MESSAGES,  # one batch at a time, so that order is kept
            filter_subject=subject,
        )
        known = partial(jetstream.consumer_info, STREAM, subscription.name)
        try:
            await known()
        except NotFoundError:
            try:
                await jetstream.add_consumer(STREAM, config)
            except NotFoundError:
                await self._link.restore_stream()
                raise
        count_foreign = self._metrics.count_foreign(subscription.name)
        puller = await Puller.open(self._link.client, STREAM, subscription.name, count_foreign)
        return puller, known


async def _deliver(puller: Puller, subscription: Subscription) -> bool:
    """Fetch and handle one batch; return False when there was none."""
    messages = await puller.read_batch(_MESSAGES, _FETCH_SECONDS)
    if not messages:
        return False
    events = [
        event
        for message in messages
        for event in unpack(message.subject, message.data)
        if event.subject in subscription.subjects
    ]
    try:
        if events:
            await subscription.handler(events)
    except Exception:
        for message in messages:
            await message.nak()
        raise
    for message in messages:
        await message.ack()
    return True


async def _release(puller: Puller) -> None:
    try:
        await puller.close()
    except Exception as error:  # noqa: BLE001 - the connection is lost and with it the interest
        _log.info("a lost consumer could not be ended: %s", error)


def common_filter(subjects: Sequence[str]) -> str:
    """Return the narrowest filter that matches all subjects; a consumer has one filter only."""
    families = {family(subject) for subject in subjects}
    return f"{families.pop()}.>" if len(families) == 1 else SUBJECTS
