"""An issuer on its last day: certificates without a requested end expire with it, the server's too."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.authority import EPOCH, make_authority
from fixtures.registration import RegistrationHarness, open_registration, request_for

LEFT = dt.timedelta(hours=10)
END = EPOCH + LEFT


@pytest.fixture
async def last_day(tmp_path: Path) -> AsyncIterator[RegistrationHarness]:
    authority = make_authority(tmp_path, life=dt.timedelta(days=1) + LEFT)
    ra = await open_registration(f"sqlite:///{tmp_path}/ra.db", authority)
    yield ra
    await ra.database.close()


async def test_the_servers_own_certificate_ends_with_its_issuer(
    last_day: RegistrationHarness,
) -> None:
    (own,) = last_day.issuing.requests
    assert own.not_after.seconds == int(END.timestamp())
    name = "newel_registration_server_certificate_expiry_timestamp_seconds"
    assert last_day.registry.get_sample_value(name) == END.timestamp()


async def test_a_certificate_without_an_end_of_its_own_ends_with_its_issuer(
    last_day: RegistrationHarness,
) -> None:
    answer = await last_day.sign(last_day.admin.token("foo.internal"), request_for())
    assert answer.status_code == 201
    leaf = x509.load_pem_x509_certificate(answer.json()["crt"].encode())
    assert leaf.not_valid_after_utc == END


async def test_an_end_that_was_asked_for_is_never_moved(last_day: RegistrationHarness) -> None:
    token = last_day.admin.token("foo.internal")
    answer = await last_day.sign(token, request_for(), notAfter="9h")
    assert answer.status_code == 201
    asked = last_day.issuing.requests[-1].not_after.seconds
    assert asked == int((EPOCH + dt.timedelta(hours=9)).timestamp())
    token = last_day.admin.token("foo.internal")
    await last_day.sign(token, request_for(), notAfter="20h")  # the issuing authority's to refuse
    asked = last_day.issuing.requests[-1].not_after.seconds
    assert asked == int((EPOCH + dt.timedelta(hours=20)).timestamp())
