"""The clocks tell aware UTC times, and a manual one stands still."""

import datetime as dt

from newel.runtime.clock import ManualClock, SystemClock


def test_the_machines_clock_is_aware_and_agrees_with_itself() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is dt.UTC
    assert abs(clock.now().timestamp() - clock.unix()) < 5


def test_a_manual_clock_moves_only_when_told() -> None:
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    clock = ManualClock(start)
    clock.advance(dt.timedelta(hours=3))
    assert clock.now() == start + dt.timedelta(hours=3)
    assert clock.unix() == start.timestamp() + 10800
