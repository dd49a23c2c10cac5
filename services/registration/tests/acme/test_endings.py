"""Every validation and every finalization ends, and its client sees how."""

import asyncio
import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness
from fixtures.acme_requests import Reply
from newel.proto.common.v1 import error_pb2
from newel.registration.acme.config import ACMEConfig, Limits
from newel.registration.acme.storage import Storage
from newel.registration.acme.validations import Validations
from newel.registration.audit_trail import AuditTrail
from newel.registration.challenges.validation import Validation, Validator
from newel.registration.metrics import Metrics

UNAVAILABLE = error_pb2.Error(type="unavailable", detail="the signer is unreachable")


async def answer_challenge(client: Client, name: str = "a.example") -> tuple[str, Reply]:
    """An authorization whose http-01 challenge was just answered, and its order."""
    order = await client.order(name)
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "http-01")
    await client.post(challenge["url"], {})
    return authorization, order


@pytest.mark.attack("A22")
@pytest.mark.parametrize("location", ["http://a..b/", "https://xn--\xe9.b/", "http://[::1"])
async def test_a_malformed_redirect_ends_the_validation_with_a_problem(
    harness: ACMEHarness, location: str
) -> None:
    client = await harness.register_client()
    order = await client.order("localhost")
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, "http-01")
    path = f"/.well-known/acme-challenge/{challenge['token']}"
    harness.web.redirects[path] = location
    await client.post(challenge["url"], {})
    failed = await client.poll(authorization)
    assert failed["status"] == "invalid"
    (shown,) = failed["challenges"]
    assert shown["error"]["type"].rsplit(":", 1)[1] in {"unauthorized", "connection"}
    assert shown["error"]["detail"]


async def make_validations(
    harness: ACMEHarness, validator: Validator, **limits: Any
) -> Validations:
    """Validations of another process on the same database, which validate in this way."""
    decisions = AuditTrail(harness.audit, Metrics(harness.registry.__class__()))
    storage = Storage(harness.database)
    return Validations(
        storage,
        {"http-01": validator},
        harness.provisioners.get,
        Limits(**limits),
        harness.clock,
        decisions,
        harness.acme.caa_checks,
    )


@pytest.mark.attack("A22")
@pytest.mark.parametrize(
    "fault", [ValueError("secret"), RuntimeError(), KeyError("x"), UnicodeError(), MemoryError()]
)
async def test_a_fault_of_our_own_ends_the_validation_as_the_servers(
    either: ACMEHarness, fault: Exception
) -> None:
    async def faulty(validation: Validation) -> bytes:
        raise fault

    replica = either.rebuild()  # takes the request, and its tasks never run
    await replica.start()
    client = await either.register_client()
    client.app = replica.app
    authorization, order = await answer_challenge(client)
    validations = await make_validations(either, faulty)
    either.clock.advance(dt.timedelta(seconds=61))
    running = asyncio.get_running_loop().create_task(validations.run())
    await validations.recover()
    failed = await client.poll(authorization)
    running.cancel()
    assert failed["status"] == "invalid"
    error = failed["challenges"][0]["error"]
    assert error["type"] == "urn:ietf:params:acme:error:serverInternal"
    assert "secret" not in str(error)
    assert (await client.post(order.header("location")))["status"] == "invalid"


@pytest.mark.attack("A22")
async def test_a_validation_that_takes_every_process_down_is_given_up(either: ACMEHarness) -> None:
    async def never(validation: Validation) -> bytes:
        raise AssertionError("not run: the process dies before")

    replica = either.rebuild()
    await replica.start()
    client = await either.register_client()
    client.app = replica.app
    authorization, _ = await answer_challenge(client)
    tries = Limits().validation_tries
    for _ in range(tries + 1):
        assert (await client.post(authorization))["status"] == "pending"
        either.clock.advance(dt.timedelta(seconds=61))
        # a process that takes it up and is killed: what it submits is never run
        await (await make_validations(either, never)).recover()
    failed = await client.post(authorization)
    assert failed["status"] == "invalid"
    assert "too often" in failed["challenges"][0]["error"]["detail"]


async def test_what_waits_for_room_is_not_counted_as_tried(either: ACMEHarness) -> None:
    async def never(validation: Validation) -> bytes:
        raise AssertionError("not run")

    replica = either.rebuild()
    await replica.start()
    client = await either.register_client()
    client.app = replica.app
    authorization, _ = await answer_challenge(client)
    full = await make_validations(either, never, queued_validations=0)
    for _ in range(10):
        either.clock.advance(dt.timedelta(seconds=61))
        await full.recover()
    assert (await client.post(authorization))["status"] == "pending"
    assert await either.rows("SELECT tries FROM acme_authorizations") == [(0,)]


async def test_a_validation_that_waits_for_room_has_all_of_its_time_afterwards(
    harness: ACMEHarness,
) -> None:
    """The first of two holds the only room for longer than the deadline of either."""
    late, end, names = asyncio.Event(), asyncio.Event(), list[str]()

    async def validate(validation: Validation) -> bytes:
        names.append(validation.identifier.value)
        if len(names) == 1:
            try:
                await end.wait()
            except asyncio.CancelledError:
                late.set()
                await end.wait()
                raise
        return b""

    replica = harness.rebuild()
    await replica.start()
    client = await harness.register_client()
    client.app = replica.app
    first, _ = await answer_challenge(client, "first.example")
    harness.clock.advance(dt.timedelta(seconds=1))  # those of one second are taken up in any order
    second, _ = await answer_challenge(client, "second.example")
    validations = await make_validations(
        harness, validate, concurrent_validations=1, validation_deadline=dt.timedelta(seconds=0.5)
    )
    harness.clock.advance(dt.timedelta(seconds=61))
    assert await validations.recover() == 2
    running = asyncio.ensure_future(validations.run())  # noqa: TID251 - the task of another process
    await late.wait()
    await asyncio.sleep(0.1)
    end.set()
    assert (await client.poll(second))["status"] == "valid"
    assert (await client.poll(first))["status"] == "invalid"
    assert names == ["first.example", "second.example"]
    running.cancel()


async def test_an_order_that_is_not_issued_is_given_up_and_says_why(
    either: ACMEHarness,
) -> None:
    client = await either.register_client()
    order = await either.ready(client, "a.example")
    either.issuing.refuse = UNAVAILABLE
    begun = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    assert begun["status"] == "processing"
    assert int(begun.header("retry-after")) > 0
    assert begun.header("location") == order.header("location")
    passed = dt.timedelta()
    step = dt.timedelta(seconds=5)
    while True:
        shown = await client.post(order.header("location"))
        if shown["status"] != "processing":
            break
        assert int(shown.header("retry-after")) > 0
        assert passed < dt.timedelta(minutes=10)
        either.clock.advance(step)
        passed += step
    assert shown["status"] == "invalid"
    assert shown["error"]["type"] == "urn:ietf:params:acme:error:serverInternal"
    assert "does not answer" in shown["error"]["detail"]
    assert passed > dt.timedelta(minutes=3)
    assert len(either.issuing.requests) == Limits().finalization_tries + 1


async def test_a_short_absence_of_the_issuing_authority_costs_seconds(either: ACMEHarness) -> None:
    client = await either.register_client()
    order = await either.ready(client, "a.example")
    either.issuing.refuse = UNAVAILABLE
    await client.post(order["finalize"], {"csr": make_csr("a.example")})
    either.issuing.refuse = None
    assert (await client.post(order.header("location")))["status"] == "processing"
    either.clock.advance(dt.timedelta(seconds=4))
    assert (await client.post(order.header("location")))["status"] == "valid"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lost_after": "10s"}, "lost_after"),
        ({"lost_after": "20s"}, "lost_after"),
        ({"order_lifetime": "30s"}, "order_lifetime"),
        ({"retention": "1h"}, "retention"),
        ({"resolvers": ["dns.example"]}, "dns.example"),
        ({"resolvers": ["127.0.0.1:0"]}, "port"),
        ({"resolvers": ["[::1]:99999"]}, "port"),
        ({"allow_networks": ["10.0.0.0/33"]}, "10.0.0.0/33"),
        ({"deny_networks": ["everything"]}, "everything"),
        ({"http01_port": 0}, "http01_port"),
        ({"concurrent_validations": 0}, "concurrent_validations"),
    ],
)
def test_settings_with_which_nothing_would_end_are_refused(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        ACMEConfig.model_validate(settings)
    for good in ("127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:5353"):
        assert ACMEConfig(resolvers=(good,))
