"""Many events in one NATS message: nothing lost, nothing out of order, nothing forged."""

import pytest

from newel.proto.events.v1.events_pb2 import Batch, Carried
from newel.runtime.events.batches import pack, unpack
from newel.runtime.events.contract import Event

ISSUED, REVOKED, CRL = (
    "newel.certificate.issued.v1",
    "newel.certificate.revoked.v1",
    "newel.crl.published.v1",
)


def event(number: int, subject: str = ISSUED, payload: bytes = b"x") -> Event:
    return Event(f"{number:04}", subject, payload, 1_700_000_000 + number)


@pytest.mark.parametrize(
    ("events", "subjects"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(
            [event(1), event(2, REVOKED), event(3)],
            ["newel.certificate.batch.v1"],
            id="one family in one message",
        ),
        pytest.param(
            [event(1), event(2, CRL), event(3)],
            ["newel.certificate.batch.v1", "newel.crl.batch.v1", "newel.certificate.batch.v1"],
            id="families apart",
        ),
        pytest.param(
            [event(number, payload=bytes(200_000)) for number in range(5)],
            ["newel.certificate.batch.v1"] * 3,
            id="no larger than a server takes",
        ),
    ],
)
def test_what_was_packed_is_unpacked_in_order(events: list[Event], subjects: list[str]) -> None:
    messages = list(pack(events))
    assert [message.subject for message in messages] == subjects
    assert all(len(message.payload) < 1_000_000 for message in messages)
    assert [each for m in messages for each in unpack(m.subject, m.payload)] == events


def test_the_same_events_are_the_same_message() -> None:
    """What is sent again after a crash is dropped by the stream."""
    assert list(pack([event(1), event(2)])) == list(pack([event(1), event(2)]))
    (short,), (longer,) = pack([event(1)]), pack([event(1), event(2)])
    assert short.id != longer.id


def test_a_family_carries_no_other_familys_events() -> None:
    forged = Batch(events=[Carried(id="1", subject=REVOKED, payload=b"x")]).SerializeToString()
    assert unpack("newel.endpoint.batch.v1", forged) == []


def test_a_message_that_cannot_be_read_holds_nobody_up() -> None:
    assert unpack("newel.certificate.batch.v1", b"\xff forged") == []
