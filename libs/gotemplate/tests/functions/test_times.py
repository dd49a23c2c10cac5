"""Functions on times and durations: the answers are those of Go 1.26 with sprig 3.3."""

from collections.abc import Callable

import pytest

OUTPUTS = [
    (
        '{{ (toDate "2006-01-02" "2026-11-21").Format "Mon Jan _2 15:04:05 MST 2006" }}',
        "Sat Nov 21 00:00:00 UTC 2026",
    ),
    ('{{ toDate "2006-01-02" "nope" }}', "0001-01-01 00:00:00 +0000 UTC"),
    (
        '{{ dateInZone "2006-01-02T15:04:05Z07:00" (toDate "2006-01-02" "2026-11-21") "UTC" }}',
        "2026-11-21T00:00:00Z",
    ),
    (
        '{{ date_in_zone "02 Jan 06 15:04 -0700" (toDate "2006-01-02 15:04" "2026-11-21 01:02") "UTC" }}',
        "21 Nov 26 01:02 +0000",
    ),
    ('{{ htmlDateInZone (toDate "2006-01-02" "2026-11-21") "UTC" }}', "2026-11-21"),
    ('{{ unixEpoch (toDate "2006-01-02" "2026-11-21") }}', "1795219200"),
    (
        '{{ dateModify "-1.5h" (toDate "2006-01-02" "2026-11-21") }}',
        "2026-11-20 22:30:00 +0000 UTC",
    ),
    ('{{ date_modify "x" (toDate "2006-01-02" "2026-11-21") }}', "2026-11-21 00:00:00 +0000 UTC"),
    ('{{ duration "95" }}', "1m35s"),
    ("{{ duration 95 }}", "0s"),
    ('{{ duration "x" }}', "0s"),
    ('{{ durationRound "2h10m5s" }}', "2h"),
    ('{{ durationRound "2400h10m5s" }}', "3mo"),
    ('{{ durationRound "x" }}', "0s"),
    (
        (
            '{{ $t := toDate "2006-01-02 15:04:05.000" "2026-11-21 13:14:15.250" }}{{ $t.Year }}'
            "|{{ $t.Month }}|{{ $t.Day }}|{{ $t.Hour }}|{{ $t.Weekday }}|{{ $t.YearDay }}"
            '|{{ $t.Nanosecond }}|{{ $t.Unix }}|{{ $t.Format "3:04PM .000 .999 Jan 2 06 002" }}'
        ),
        "2026|November|21|13|Saturday|325|250000000|1795266855|1:14PM .250 .25 Nov 21 26 325",
    ),
    (
        (
            '{{ $t := toDate "2006-01-02" "2026-01-31" }}{{ $t.AddDate 0 1 0 }}'
            "|{{ ($t.AddDate 0 1 0).Sub $t }}|{{ $t.Before ($t.AddDate 0 0 1) }}|{{ $t.IsZero }}"
        ),
        "2026-03-03 00:00:00 +0000 UTC|744h0m0s|true|false",
    ),
    (
        '{{ toDate "Jan 2, 2006 at 3:04pm (MST)" "Feb 3, 2013 at 7:54pm (UTC)" }}',
        "2013-02-03 19:54:00 +0000 UTC",
    ),
    (
        '{{ toDate "2006-01-02T15:04:05Z07:00" "2026-11-21T01:02:03+05:30" }}',
        "2026-11-21 01:02:03 +0530 +0530",
    ),
]
ERRORS = [
    (
        '{{ mustDateModify "x" (toDate "2006-01-02" "2026-11-21") }}',
        'error calling mustDateModify: time: invalid duration "x"',
    ),
    (
        '{{ mustToDate "2006-01-02" "21.11.2026" }}',
        (
            'error calling mustToDate: parsing time "21.11.2026" as "2006-01-02": cannot parse '
            '"21.11.2026" as "2006"'
        ),
    ),
]


@pytest.mark.parametrize(("text", "output"), OUTPUTS)
def test_outputs(render: Callable[[str], str], text: str, output: str) -> None:
    assert render(text) == output


@pytest.mark.parametrize(("text", "error"), ERRORS)
def test_errors(render_error: Callable[[str], str], text: str, error: str) -> None:
    assert render_error(text).endswith(error)
