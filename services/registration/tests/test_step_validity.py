"""The validity that ``/sign`` grants, and the texts of its refusals."""

import pytest

from fixtures.registration import RegistrationHarness, read_message, request_for

LENGTH = "requested duration"
LONGEST = "the authorized maximum certificate duration"
SHORTEST = "the authorized minimum certificate duration"
PAST = "notAfter cannot be in the past"


@pytest.mark.parametrize(
    ("times", "status", "text"),
    [
        ({"notAfter": "10m"}, 201, ""),
        ({"notAfter": "48h"}, 403, f"{LENGTH} of 48h1m0s is more than {LONGEST} of 24h1m0s."),
        ({"notAfter": "1m"}, 403, f"{LENGTH} of 2m0s is less than {SHORTEST} of 5m0s."),
        ({"notAfter": "-1m"}, 400, f"{PAST}; na=2026-11-21 11:59:00 +0000 UTC."),
        ({"notAfter": "2020-01-01T00:00:00Z"}, 400, f"{PAST}; na=2020-01-01 00:00:00 +0000 UTC."),
        (
            {"notBefore": "10h", "notAfter": "2026-11-21T13:00:00Z"},
            400,
            "na=2026-11-21 13:00:00 +0000 UTC, nb=2026-11-21 22:00:00 +0000 UTC.",
        ),
        ({"notBefore": "59m", "notAfter": "2h"}, 201, ""),
        ({"notBefore": "2h"}, 400, "more than 1h0m0s ahead; nb=2026-11-21 14:00:00 +0000 UTC."),
        ({"notBefore": "2030-01-01T00:00:00Z"}, 400, "nb=2030-01-01 00:00:00 +0000 UTC."),
        ({"notAfter": "zz"}, 400, "error decoding json."),
        ({"notAfter": None, "notBefore": None}, 201, ""),
    ],
)
async def test_validity_in_the_words_scripts_know(
    ra: RegistrationHarness, times: dict[str, str], status: int, text: str
) -> None:
    answer = await ra.sign(ra.admin.token("foo.internal"), request_for(), **times)
    assert answer.status_code == status
    if text:
        assert read_message(answer).endswith(text)
