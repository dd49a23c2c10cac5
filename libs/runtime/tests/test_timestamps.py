"""The times of log lines: what a datetime writes, without one for each line."""

import datetime as dt

import pytest

from newel.runtime.clock import ManualClock
from newel.runtime.timestamps import Timestamps


@pytest.mark.parametrize(
    "microsecond", [0, 1, 999, 1000, 123_000, 123_456, 290_000, 999_000, 999_999]
)
def test_a_time_is_written_as_a_datetime_writes_it(microsecond: int) -> None:
    clock = ManualClock(dt.datetime(2026, 12, 1, 5, 7, 9, microsecond, tzinfo=dt.UTC))
    assert Timestamps(clock).now() == clock.now().isoformat(timespec="milliseconds")


def test_seconds_go_on_and_back() -> None:
    clock = ManualClock(dt.datetime(2026, 12, 31, 23, 59, 59, 500_000, tzinfo=dt.UTC))
    times = Timestamps(clock)
    assert times.now() == "2026-12-31T23:59:59.500+00:00"
    clock.advance(dt.timedelta(milliseconds=501))
    assert times.now() == "2027-01-01T00:00:00.001+00:00"
    clock.advance(dt.timedelta(days=-1))
    assert times.now() == "2026-12-31T00:00:00.001+00:00"
