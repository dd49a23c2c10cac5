"""Certificates stay within the validity of the credential that proved the identity."""

import datetime as dt

import pytest

from newel.registration.provisioners.grant import Window
from newel.registration.provisioners.limits import Limits
from newel.registration.step.validity import Bounds, resolve
from newel.runtime.errors import NewelError

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
WINDOW = Window(NOW - HOUR, NOW + 2 * HOUR)
BOUNDS = Bounds(dt.timedelta(minutes=1), HOUR)


def test_a_default_end_is_cut_to_the_window() -> None:
    period = resolve(Limits(), BOUNDS, NOW, "", "", WINDOW)
    assert period.not_after == NOW + 2 * HOUR
    assert period.requested_start is None


def test_an_end_within_the_window_holds() -> None:
    assert resolve(Limits(), BOUNDS, NOW, "", "1h", WINDOW).not_after == NOW + HOUR


LATE = (
    "requested certificate notAfter (2026-11-21 15:00:00 +0000 UTC) is after the expiration of"
    " the provisioning credential (2026-11-21 14:00:00 +0000 UTC)"
)
EARLY = (
    "requested certificate notBefore (2026-11-21 10:00:00 +0000 UTC) is before the active"
    " validity window of the provisioning credential (2026-11-21 11:00:00 +0000 UTC)"
)


@pytest.mark.parametrize(("start", "end", "text"), [("", "3h", LATE), ("-2h", "1h", EARLY)])
def test_what_is_asked_for_beyond_the_window_is_refused(start: str, end: str, text: str) -> None:
    with pytest.raises(NewelError) as refused:
        resolve(Limits(), BOUNDS, NOW, start, end, WINDOW)
    assert text in str(refused.value.detail)
