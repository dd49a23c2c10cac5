"""Events: written to an outbox with the change they report, carried to consumers at least once."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from newel.runtime.database.contract import Write


class Event(NamedTuple):
    """One event as a consumer sees it. The same id may come twice: handlers are idempotent."""

    id: str
    subject: str  # "newel.certificate.issued.v1"
    payload: bytes  # the serialised protobuf message the subject names
    at: int  # seconds since 1970, when the change was committed


Handler = Callable[[Sequence[Event]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """A durable consumer: what it missed while it was away is delivered first, in order."""

    name: str  # "validation-status"; stable after every restore too, it names the cursor
    subjects: tuple[str, ...]  # exact subjects
    handler: Handler  # raises to have the same batch delivered again after a pause


class Outbox(Protocol):
    """The producer's end."""

    def write(self, subject: str, payload: bytes) -> Write:
        """Return the write to put into the same unit as the change itself."""
        ...

    def wake(self) -> None:
        """Says that something was committed, so that the relay need not wait for its next look."""
        ...


class EventBus(Protocol):
    """The consumer's end: NATS JetStream between processes, the outbox table itself at home."""

    def subscribe(self, subscription: Subscription) -> None:
        """Register a consumer; delivery starts with the service's tasks."""
        ...

    async def complete_to(self, consumer: str) -> float | None:
        """Return the second (since 1970) before which everything that the bus got is handled.

        It says so of the subscription, whichever process has it. None when the bus cannot say. What a
        producer could not hand to the bus yet is not counted.
        """
        ...
