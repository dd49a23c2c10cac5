"""Failures are tried again after growing, uneven pauses."""

import datetime as dt

from newel.client import retries

SECOND = dt.timedelta(seconds=1)


def test_pauses_grow_to_a_minute_and_are_shortened_at_random() -> None:
    for failures, longest in enumerate((1, 2, 4, 8, 16, 32, 60, 60)):
        drawn = {retries.pause(failures) for _ in range(50)}
        assert len(drawn) > 40
        assert all(0.75 * longest * SECOND <= each <= longest * SECOND for each in drawn)
    assert retries.pause(10**9) <= 60 * SECOND
