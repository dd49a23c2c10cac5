"""A million serials are unique, and a broken generator cannot make two certificates of one."""

import itertools
import secrets
from collections.abc import Callable

import pytest

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.issuing import make_request, open_harness
from newel.issuing.building import Builder
from newel.issuing.config import Urls

MILLION = 1_000_000


def entropy_of(*draws: bytes) -> Callable[[int], bytes]:
    """A generator that repeats itself."""
    endless = itertools.cycle(draws)
    return lambda size: next(endless)[:size]


@pytest.mark.attack("X01")
def test_a_million_serials() -> None:
    builder = Builder(Urls(), secrets.token_bytes)
    now = EPOCH.timestamp()
    drawn = {builder.draw_serial(now + number / 2000) for number in range(MILLION)}
    assert len(drawn) == MILLION
    assert all(0 < serial[0] < 0x80 and len(serial) <= 20 for serial in drawn)


@pytest.mark.attack("X01")
async def test_repeated_serial_is_drawn_again(
    authority: CertificateAuthority, database_url: str
) -> None:
    same, other = b"\x11" * 14, b"\x22" * 14
    harness = await open_harness(database_url, authority, entropy=entropy_of(same, same, other))
    first, second = await harness.one(), await harness.one()
    assert first.serial != second.serial
    assert len(harness.signer.signed) == 2
    await harness.database.close()


@pytest.mark.attack("X01")
async def test_generator_that_only_repeats_stops_issuance(
    authority: CertificateAuthority, database_url: str
) -> None:
    harness = await open_harness(database_url, authority, entropy=entropy_of(b"\x11" * 14))
    assert (await harness.one()).der
    (result,) = await harness.issue(make_request())
    assert result.error.type == "serverInternal"
    assert len(harness.signer.signed) == 1
    assert len(await harness.rows("SELECT 1 FROM certificates")) == 1
    await harness.database.close()


@pytest.mark.attack("X01")
async def test_equal_serials_in_one_call(
    authority: CertificateAuthority, database_url: str
) -> None:
    same = b"\x11" * 14
    harness = await open_harness(
        database_url, authority, entropy=entropy_of(same, same, b"\x22" * 14)
    )
    results = await harness.issue(make_request(), make_request())
    assert len({result.certificate.serial for result in results}) == 2
    assert len(await harness.rows("SELECT 1 FROM certificates")) == 2
    await harness.database.close()
