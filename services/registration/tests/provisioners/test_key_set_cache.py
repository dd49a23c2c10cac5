"""Cached key sets: fetched once for all who wait, ahead of need, and kept through outages."""

import asyncio
import datetime as dt
import json
from typing import Any

import msgspec
import pytest

from fixtures.authority import EPOCH
from newel.crypto import keys
from newel.jose import jwk, jws
from newel.registration.provisioners.key_set_cache import (
    DEFAULT_AGE,
    FETCH_INTERVAL,
    MAX_AGE,
    MAX_PAUSE,
    MAX_STALE,
    MIN_AGE,
    CachedKeySet,
    IssuerKeys,
    KeySetCache,
)
from newel.registration.provisioners.key_sets import parse_key_set
from newel.runtime.clock import ManualClock
from newel.runtime.egress import EgressError, EgressPolicy
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.outgoing import OutgoingClient
from newel.runtime.tls.client import trust_file
from newel.step import tokens

CLIENT = OutgoingClient(EgressPolicy(), trust_file(None))
"""It is not used: the providers here answer without it."""


class Provider:
    """A provider whose keys, answers and pauses a test sets."""

    def __init__(self) -> None:
        self.keys = {"one": keys.generate()}
        self.max_age: float | None = None
        self.error: Exception | None = None
        self.fetches = 0
        self.pause: asyncio.Event | None = None

    async def load(self) -> IssuerKeys:
        self.fetches += 1
        if self.pause is not None:
            await self.pause.wait()
        if self.error is not None:
            raise self.error
        members = [
            msgspec.to_builtins(jwk.from_public_key(key.public_key(), kid=kid))
            for kid, key in self.keys.items()
        ]
        found = [{name: each[name] for name in each if each[name] is not None} for each in members]
        document = json.dumps({"keys": found}).encode()
        return IssuerKeys(parse_key_set(document), "https://idp.example", self.max_age)

    def token(self, kid: str) -> tokens.UnverifiedToken:
        header = msgspec.json.encode({"alg": "ES256", "kid": kid})
        key = self.keys.get(kid) or next(iter(self.keys.values()))
        return tokens.parse(jws.sign_compact(header, b'{"sub":"a"}', key))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(EPOCH)


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def key_set(provider: Provider, clock: ManualClock) -> CachedKeySet:
    return CachedKeySet("the key set of idp.example", provider.load, clock)


async def fetch(key_set: CachedKeySet, kid: str = "one") -> bool:
    """What a request does before it verifies; whether it had to wait."""
    work = key_set.prepare(kid)
    if work is None:
        return False
    await work
    return True


def verify(key_set: CachedKeySet, provider: Provider, kid: str) -> str:
    """The subject of a token that verifies."""
    return key_set.verify(provider.token(kid))[0].claims.sub


def refusal(key_set: CachedKeySet, token: tokens.UnverifiedToken) -> ErrorType:
    with pytest.raises(NewelError) as caught:
        key_set.verify(token)
    return caught.value.type


def advance(clock: ManualClock, seconds: float) -> None:
    clock.advance(dt.timedelta(seconds=seconds))


async def test_a_set_is_fetched_by_the_first_token_and_then_at_hand(
    key_set: CachedKeySet, provider: Provider
) -> None:
    token = provider.token("one")
    assert key_set.problem == "the key set of idp.example: it was not fetched yet"
    assert refusal(key_set, token) is ErrorType.UNAVAILABLE
    assert await fetch(key_set)
    verified, issuer = key_set.verify(token)
    assert (verified.claims.sub, issuer) == ("a", "https://idp.example")
    assert not await fetch(key_set)
    assert (provider.fetches, key_set.problem) == (1, "")


async def test_requests_that_wait_share_one_fetch(
    key_set: CachedKeySet, provider: Provider
) -> None:
    provider.pause = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(fetch(key_set)) for _ in range(50)]
        await asyncio.sleep(0)
        waiting[0].cancel()  # its client went away; the others fetch without it
        provider.pause.set()
    assert waiting[0].cancelled()
    assert provider.fetches == 2
    assert verify(key_set, provider, "one") == "a"


async def test_a_new_key_is_fetched_by_its_first_token(
    key_set: CachedKeySet, provider: Provider, clock: ManualClock
) -> None:
    await fetch(key_set)
    provider.keys["two"] = keys.generate()
    advance(clock, FETCH_INTERVAL)
    assert await fetch(key_set, "two")
    assert verify(key_set, provider, "two") == "a"
    del provider.keys["one"]
    advance(clock, FETCH_INTERVAL)
    assert await fetch(key_set, "three")
    assert refusal(key_set, provider.token("one")) is ErrorType.UNAUTHORIZED


async def test_unknown_keys_cause_few_fetches(
    key_set: CachedKeySet, provider: Provider, clock: ManualClock
) -> None:
    for number in range(100):
        await fetch(key_set, f"guess {number}")
        assert refusal(key_set, provider.token(f"guess {number}")) is ErrorType.UNAUTHORIZED
        advance(clock, FETCH_INTERVAL / 10)
    assert provider.fetches == 10


async def test_the_keys_outlive_an_outage_of_their_server(
    key_set: CachedKeySet, provider: Provider, clock: ManualClock
) -> None:
    await fetch(key_set)
    provider.error = EgressError("no answer from idp.example in time")
    advance(clock, MAX_STALE - 1)
    await key_set.refresh()
    assert not await fetch(key_set)
    assert verify(key_set, provider, "one") == "a"
    # a key that may be new is neither right nor wrong while it cannot be fetched
    assert refusal(key_set, provider.token("two")) is ErrorType.UNAVAILABLE
    advance(clock, 1)
    assert refusal(key_set, provider.token("one")) is ErrorType.UNAVAILABLE
    assert key_set.problem.endswith("no answer from idp.example in time")
    provider.error = None
    advance(clock, FETCH_INTERVAL)
    assert await fetch(key_set)
    assert verify(key_set, provider, "one") == "a"


async def test_while_the_first_fetch_fails_requests_do_not_queue(
    key_set: CachedKeySet, provider: Provider
) -> None:
    provider.error = ValueError("the key set is not a JWK set")
    assert await fetch(key_set)
    assert not await fetch(key_set)
    assert provider.fetches == 1
    assert refusal(key_set, provider.token("one")) is ErrorType.UNAVAILABLE


@pytest.mark.parametrize(
    ("said", "longest"),
    [(None, DEFAULT_AGE), (0.0, MIN_AGE), (600.0, 600.0), (1e9, MAX_AGE)],
)
async def test_the_server_says_within_bounds_when_to_fetch_again(
    key_set: CachedKeySet,
    provider: Provider,
    clock: ManualClock,
    said: float | None,
    longest: float,
) -> None:
    provider.max_age = said
    await key_set.refresh()
    advance(clock, max(longest * 2 / 3, longest - 3600) - 1)
    assert not key_set.is_due
    advance(clock, min(longest / 3, 3600) + 1)
    assert key_set.is_due


async def test_failed_fetches_are_repeated_with_growing_pauses(
    key_set: CachedKeySet, provider: Provider, clock: ManualClock
) -> None:
    provider.error = EgressError("down")
    pause = FETCH_INTERVAL
    for _ in range(20):
        await key_set.refresh()
        advance(clock, pause - 1)
        assert not key_set.is_due
        advance(clock, 1)
        assert key_set.is_due
        pause = min(pause * 2, MAX_PAUSE)


async def test_a_clock_that_was_set_back_delays_no_fetch(
    key_set: CachedKeySet, provider: Provider, clock: ManualClock
) -> None:
    await fetch(key_set)
    advance(clock, -7200)
    assert key_set.is_due
    provider.keys["two"] = keys.generate()
    assert await fetch(key_set, "two")
    assert verify(key_set, provider, "two") == "a"


async def test_a_set_is_shared_and_lives_as_long_as_it_is_used(clock: ManualClock) -> None:
    cache, first, second = KeySetCache(CLIENT, clock), Provider(), Provider()
    one = cache.share("a", "a", first.load)
    assert cache.share("a", "a", second.load) is one
    await one.refresh()
    del one
    fresh = cache.share("a", "a", second.load)
    assert fresh.problem
    assert cache.share("b", "b", second.load) is not fresh


async def test_sets_are_fetched_in_the_background_and_none_waits_for_another(
    clock: ManualClock,
) -> None:
    cache, slow, quick = KeySetCache(CLIENT, clock), Provider(), Provider()
    slow.pause = asyncio.Event()
    sets: dict[str, Any] = {
        "slow": cache.share("slow", "slow", slow.load),
        "quick": cache.share("quick", "quick", quick.load),
    }
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        running = group.create_task(cache.refresh_forever())
        while sets["quick"].problem:
            await asyncio.sleep(0)
        assert sets["slow"].problem
        slow.pause.set()
        while sets["slow"].problem:
            await asyncio.sleep(0)
        running.cancel()
