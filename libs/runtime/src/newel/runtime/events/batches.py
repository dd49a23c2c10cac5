"""Events as they travel over NATS: many in one message, for a message costs more than an event.

A message has the events of one family (``newel.certificate`` …) that were committed one after the other,
so that their order is kept; its subject names the family, which is what consumers filter by and what the
server lets a service publish.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from google.protobuf.message import DecodeError

from newel.proto.events.v1.events_pb2 import Batch, Carried
from newel.runtime.events.contract import Event

_log = logging.getLogger("newel.runtime.events.contract")

_MOST_OCTETS = 512 * 1024
"""Payload of one message: a NATS server takes a megabyte unless it is told otherwise."""


class EventMessage(NamedTuple):
    """One message to be published."""

    subject: str
    id: str  # the same events give the same id, by which the stream drops what is sent twice
    payload: bytes


def family(subject: str) -> str:
    """``newel.certificate`` of ``newel.certificate.issued.v1``."""
    return ".".join(subject.split(".")[:2])


def pack(events: Sequence[Event]) -> Iterator[EventMessage]:
    """Pack events into the fewest messages that keep their order."""
    run: list[Event] = []
    octets = 0
    for event in events:
        if run and (
            family(event.subject) != family(run[0].subject)
            or octets + len(event.payload) > _MOST_OCTETS
        ):
            yield _message(run)
            run, octets = [], 0
        run.append(event)
        octets += len(event.payload)
    if run:
        yield _message(run)


def _message(run: Sequence[Event]) -> EventMessage:
    carried = [
        Carried(id=event.id, subject=event.subject, payload=event.payload, at=event.at)
        for event in run
    ]
    return EventMessage(
        f"{family(run[0].subject)}.batch.v1",
        f"{run[0].id}.{len(run)}",
        Batch(events=carried).SerializeToString(),
    )


def unpack(subject: str, payload: bytes) -> list[Event]:
    """Unpack a message; return no events, and log it, when it cannot be read.

    It would not get better by coming again, and what is behind it must not wait. Events of another
    family are not believed: the server let the sender publish this one only.
    """
    try:
        carried = Batch.FromString(payload).events
    except DecodeError as error:
        _log.error("a message on %s cannot be read and is skipped: %s", subject, error)
        return []
    return [
        Event(each.id, each.subject, each.payload, each.at)
        for each in carried
        if family(each.subject) == family(subject)
    ]
