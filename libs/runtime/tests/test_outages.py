"""An outage is a line when it begins, one now and then, one when it ends; a fault has its traceback once."""

import logging

import pytest

from newel.runtime import outages
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.outages import Outage

LOG = logging.getLogger("newel.test.outages")
AWAY = NewelError(ErrorType.UNAVAILABLE, "try again later", cause="ConnectionRefusedError: 5432")


@pytest.fixture(autouse=True)
def every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_an_outage_is_told_once_and_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(LOG, "delivery to inventory", consumer="inventory")
    for _ in range(100):
        outage.note_failure(AWAY)
    outage.note_recovery()
    outage.note_recovery()
    assert [record.getMessage() for record in caplog.records] == [
        "delivery to inventory failed: ConnectionRefusedError: 5432",
        "delivery to inventory works again after 100 failures",
    ]
    assert not any(record.exc_info for record in caplog.records)


def test_one_that_lasts_is_told_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "LOG_INTERVAL", 0.0)
    outage = Outage(LOG, "lease upkeep")
    for _ in range(3):
        outage.note_failure(ConnectionResetError(104, "reset by peer\nsecond line"))
    assert [record.getMessage() for record in caplog.records][-1] == (
        "lease upkeep failed: ConnectionResetError: [Errno 104] reset by peer (failure 3)"
    )


def test_a_fault_has_its_traceback_once_even_amid_an_outage(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outage = Outage(LOG, "the background task upkeep")
    outage.note_failure(AWAY)
    for _ in range(10):
        outage.note_failure(LookupError("no such row"))
    told = [record for record in caplog.records if record.exc_info]
    assert [record.levelname for record in told] == ["ERROR"]
    assert len(caplog.records) == 2
