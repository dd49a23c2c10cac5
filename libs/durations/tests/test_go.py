"""Durations and moments, against values Go's own library gives."""

import datetime as dt

import pytest

from newel.durations.go import (
    TimeDuration,
    format_duration,
    format_go_time,
    format_time,
    parse_duration,
    parse_time,
)

S = dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0 * S),
        ("5s", 5 * S),
        ("-5m", -300 * S),
        ("+1h", 3600 * S),
        ("24h0m0s", 86400 * S),
        ("1.5h", 5400 * S),
        ("-1.5h", -5400 * S),
        (".5s", S / 2),
        ("1.s", S),
        ("720h", 720 * 3600 * S),
        ("1h15m30.918273s", dt.timedelta(hours=1, minutes=15, seconds=30, microseconds=918273)),
        ("100ms", S / 10),
        ("3us", dt.timedelta(microseconds=3)),
        ("3\u00b5s", dt.timedelta(microseconds=3)),
        ("999ns", 0 * S),
    ],
)
def test_go_durations_are_read(text: str, value: dt.timedelta) -> None:
    assert parse_duration(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "-",
        "s",
        ".",
        "-.",
        ".s",
        "+.s",
        "1d",
        "1 h",
        "h1",
        "1h-2m",
        "9999999999h",
        "\u0661h",
        "1" * 5000 + "s",
    ],
)
def test_what_go_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0 * S, "0s"),
        (S, "1s"),
        (60 * S, "1m0s"),
        (86400 * S, "24h0m0s"),
        (-90.5 * S, "-1m30.5s"),
        (S / 4, "250ms"),
        (dt.timedelta(microseconds=1500), "1.5ms"),
        (dt.timedelta(microseconds=7), "7\u00b5s"),
        (dt.timedelta(days=30, minutes=1), "720h1m0s"),
    ],
)
def test_durations_are_written_as_go_does(value: dt.timedelta, text: str) -> None:
    assert format_duration(value) == text
    assert parse_duration(text) == value


def test_a_time_is_printed_as_go_does() -> None:
    zone = dt.timezone(dt.timedelta(hours=1))
    time = dt.datetime(2026, 11, 21, 13, 0, 5, 500_000, zone)
    assert format_go_time(time) == "2026-11-21 12:00:05 +0000 UTC"


def test_times_are_rfc_3339() -> None:
    assert parse_time("2026-11-21T13:00:00+01:00") == dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
    assert parse_time("2026-11-21T12:00:00.123456789Z").microsecond == 123456
    assert format_time(dt.datetime(2026, 11, 21, 12, 0, 0, 500000, dt.UTC)) == (
        "2026-11-21T12:00:00.5Z"
    )
    for bad in (
        "2026-11-21",
        "2026-11-21 12:00:00Z",
        "2026-11-21T12:00:00",
        "2026-13-01T00:00:00Z",
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - datetime words some of them
            parse_time(bad)


def test_a_moment_is_a_time_a_duration_or_nothing() -> None:
    base = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert TimeDuration.parse("").resolve(base) is None
    assert TimeDuration.parse("10m").resolve(base) == base + dt.timedelta(minutes=10)
    assert TimeDuration.parse("2026-02-01T00:00:00Z").resolve(base) == base.replace(month=2)
    assert [str(TimeDuration.parse(t)) for t in ("", "10m", "2026-02-01T00:00:00Z")] == [
        "",
        "10m0s",
        "2026-02-01T00:00:00Z",
    ]
    with pytest.raises(ValueError, match="RFC 3339"):
        TimeDuration.parse("tomorrow")
    assert TimeDuration.parse("0s")
    assert not TimeDuration.parse("")
