"""X04: no intent stays open for ever; what can be finished is, what cannot is ended and revoked."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fixtures.authority import CertificateAuthority
from fixtures.issuing import House, make_request, open_house, sqlite_url
from newel.issuing.completion import Completion
from newel.issuing.decisions import AuditTrail
from newel.issuing.faults import Faults
from newel.issuing.issuers import Issuers, read_issuers
from newel.issuing.metrics import Metrics
from newel.issuing.reconcile import Reconciliation
from newel.issuing.signing import RemoteSigner
from newel.issuing.storage import Storage
from newel.proto.common.v1 import error_pb2
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.events.outbox import TableOutbox
from newel.runtime.rpc.local import LocalChannel, LocalServer

MINUTE = dt.timedelta(minutes=1)


def reconciliation(house: House, issuers: Issuers | None = None) -> Reconciliation:
    """What the leased task runs, by itself."""
    peers = LocalServer()
    house.signer.serve(peers)
    signer = RemoteSigner(LocalChannel(peers, "issuing"))
    store = Storage(house.database, TableOutbox(house.database))
    issuers = issuers or read_issuers(house.config.issuers)
    trail = AuditTrail(house.audit, Metrics(CollectorRegistry()))
    completion = Completion(store, signer.sign, issuers, house.clock, trail, Faults())
    return Reconciliation(store, completion, issuers, house.clock, trail, MINUTE)


async def left_open(house: House) -> pb.Request:
    """A request whose intent was recorded and then forgotten."""
    request = make_request()
    house.signer.down = True
    (result,) = await house.issue(request)
    assert result.error.type == "unavailable"
    house.signer.down = False
    return request


@pytest.mark.attack("X04")
async def test_an_intent_left_open_is_finished(each_house: House) -> None:
    request = await left_open(each_house)
    ((tbs,),) = await each_house.rows("SELECT tbs FROM certificates")
    reconcile = reconciliation(each_house)
    assert await reconcile.run() == 0, "it is too young"
    each_house.clock.advance(2 * MINUTE)
    assert await reconcile.run() == 1
    assert each_house.signer.signed == [tbs]
    assert each_house.audit.outcomes("reconcile") == ["finished"]
    assert len(await each_house.rows("SELECT 1 FROM outbox")) == 1
    assert tbs in (await each_house.one(request)).der
    assert await reconcile.run() == 0


@pytest.mark.attack("X04")
async def test_what_expired_meanwhile_is_ended_and_revoked(each_house: House) -> None:
    """Nobody knows whether a signature was made and lost, so the serial is revoked."""
    request = await left_open(each_house)
    each_house.clock.advance(dt.timedelta(hours=25))
    assert await reconciliation(each_house).run() == 1
    assert each_house.signer.signed == []
    ((serial, active),) = await each_house.rows("SELECT serial, active FROM revocations")
    assert active
    ((payload,),) = await each_house.rows("SELECT payload FROM outbox")
    assert events_pb2.CertificateRevoked.FromString(payload).serial == serial
    assert each_house.audit.outcomes("reconcile") == ["ended"]
    (again,) = await each_house.issue(request)
    assert again.error.type == "conflict"


async def test_intents_of_a_retired_issuer_are_ended(house: House) -> None:
    await left_open(house)
    house.clock.advance(2 * MINUTE)
    assert await reconciliation(house, Issuers([])).run() == 1
    assert house.audit.outcomes("reconcile") == ["ended"]


async def test_what_the_signer_refuses_meanwhile_is_ended(house: House) -> None:
    """An earlier process may have had it signed under another policy, so the serial is revoked."""
    request = await left_open(house)
    house.clock.advance(2 * MINUTE)
    house.signer.refuse = error_pb2.Error(type="forbidden", detail="no", cause="too long")
    (retried,) = await house.issue(request)
    assert retried.error.type == "serverInternal"
    assert await reconciliation(house).run() == 1
    assert house.audit.outcomes("reconcile") == ["ended"]
    assert len(await house.rows("SELECT 1 FROM revocations")) == 1


async def test_signer_still_away_changes_nothing(house: House) -> None:
    await left_open(house)
    house.clock.advance(2 * MINUTE)
    house.signer.down = True
    assert await reconciliation(house).run() == 0
    assert await house.rows("SELECT 1 FROM revocations") == []
    house.signer.down = False
    assert await reconciliation(house).run() == 1


async def test_the_task_runs_under_a_lease(authority: CertificateAuthority, tmp_path: Path) -> None:
    often = dt.timedelta(milliseconds=10)
    house = await open_house(sqlite_url(tmp_path), authority, reconcile_every=often)
    await left_open(house)
    house.clock.advance(2 * MINUTE)
    task = asyncio.ensure_future(house.service.tasks["reconcile"]())  # noqa: TID251 - a test may
    while not house.audit.outcomes("reconcile"):
        await asyncio.sleep(0.01)
    assert await house.rows("SELECT name FROM leases") == [("reconcile",)]
    task.cancel()
    await asyncio.wait([task])
    await house.database.close()


async def test_an_intent_of_a_clock_that_ran_ahead_is_finished(each_house: House) -> None:
    each_house.clock.advance(dt.timedelta(days=1))
    await left_open(each_house)
    each_house.clock.advance(-dt.timedelta(days=1))
    assert await reconciliation(each_house).run() == 1
