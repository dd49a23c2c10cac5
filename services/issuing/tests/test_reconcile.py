"""Reconciliation: what can be finished is finished, what cannot is ended and revoked."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fixtures.authority import CertificateAuthority
from fixtures.issuing import IssuingHarness, make_request, open_harness, sqlite_url
from newel.issuing.assembly import assemble
from newel.issuing.completion import Completion
from newel.issuing.decisions import AuditTrail
from newel.issuing.faults import Faults
from newel.issuing.issuers import Issuer, Issuers, read_issuers
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


def reconciliation(
    harness: IssuingHarness, issuers: Issuers | None = None
) -> Reconciliation[Issuer]:
    """What the leased task runs, by itself."""
    peers = LocalServer()
    harness.signer.serve(peers)
    signer = RemoteSigner(LocalChannel(peers, "issuing"))
    store = Storage(harness.database, TableOutbox(harness.database))
    issuers = issuers or read_issuers(harness.config.issuers)
    trail = AuditTrail(harness.audit, Metrics(CollectorRegistry()))
    completion = Completion(store, signer.sign, issuers, assemble, harness.clock, trail, Faults())
    return Reconciliation(store, completion, issuers, harness.clock, trail, MINUTE)


async def left_open(harness: IssuingHarness) -> pb.Request:
    """A request whose intent was recorded and then forgotten."""
    request = make_request()
    harness.signer.down = True
    (result,) = await harness.issue(request)
    assert result.error.type == "unavailable"
    harness.signer.down = False
    return request


@pytest.mark.attack("X04")
async def test_an_intent_left_open_is_finished(each_harness: IssuingHarness) -> None:
    request = await left_open(each_harness)
    ((tbs,),) = await each_harness.rows("SELECT tbs FROM certificates")
    reconcile = reconciliation(each_harness)
    assert await reconcile.run() == 0, "it is too young"
    each_harness.clock.advance(2 * MINUTE)
    assert await reconcile.run() == 1
    assert each_harness.signer.signed == [tbs]
    assert each_harness.audit.outcomes("reconcile") == ["finished"]
    assert len(await each_harness.rows("SELECT 1 FROM outbox")) == 1
    assert tbs in (await each_harness.one(request)).der
    assert await reconcile.run() == 0


@pytest.mark.attack("X04")
async def test_what_expired_meanwhile_is_ended_and_revoked(each_harness: IssuingHarness) -> None:
    """A signature may have been made and lost, so the serial is revoked."""
    request = await left_open(each_harness)
    each_harness.clock.advance(dt.timedelta(hours=25))
    assert await reconciliation(each_harness).run() == 1
    assert each_harness.signer.signed == []
    ((serial, active),) = await each_harness.rows("SELECT serial, active FROM revocations")
    assert active
    ((payload,),) = await each_harness.rows("SELECT payload FROM outbox")
    assert events_pb2.CertificateRevoked.FromString(payload).serial == serial
    assert each_harness.audit.outcomes("reconcile") == ["ended"]
    (again,) = await each_harness.issue(request)
    assert again.error.type == "conflict"


async def test_intents_of_a_retired_issuer_are_ended(harness: IssuingHarness) -> None:
    await left_open(harness)
    harness.clock.advance(2 * MINUTE)
    assert await reconciliation(harness, Issuers([])).run() == 1
    assert harness.audit.outcomes("reconcile") == ["ended"]


async def test_what_the_signer_refuses_meanwhile_is_ended(harness: IssuingHarness) -> None:
    """An earlier process may have had it signed under another policy, so the serial is revoked."""
    request = await left_open(harness)
    harness.clock.advance(2 * MINUTE)
    harness.signer.refuse = error_pb2.Error(type="forbidden", detail="no", cause="too long")
    (retried,) = await harness.issue(request)
    assert retried.error.type == "serverInternal"
    assert await reconciliation(harness).run() == 1
    assert harness.audit.outcomes("reconcile") == ["ended"]
    assert len(await harness.rows("SELECT 1 FROM revocations")) == 1


async def test_signer_still_away_changes_nothing(harness: IssuingHarness) -> None:
    await left_open(harness)
    harness.clock.advance(2 * MINUTE)
    harness.signer.down = True
    assert await reconciliation(harness).run() == 0
    assert await harness.rows("SELECT 1 FROM revocations") == []
    harness.signer.down = False
    assert await reconciliation(harness).run() == 1


async def test_the_task_runs_under_a_lease(authority: CertificateAuthority, tmp_path: Path) -> None:
    often = dt.timedelta(milliseconds=10)
    harness = await open_harness(sqlite_url(tmp_path), authority, reconcile_every=often)
    await left_open(harness)
    harness.clock.advance(2 * MINUTE)
    task = asyncio.ensure_future(harness.service.tasks["reconcile"]())  # noqa: TID251 - a test may
    while not harness.audit.outcomes("reconcile"):
        await asyncio.sleep(0.01)
    assert await harness.rows("SELECT name FROM leases") == [("reconcile",)]
    task.cancel()
    await asyncio.wait([task])
    await harness.database.close()


async def test_an_intent_of_a_clock_that_ran_ahead_is_finished(
    each_harness: IssuingHarness,
) -> None:
    each_harness.clock.advance(dt.timedelta(days=1))
    await left_open(each_harness)
    each_harness.clock.advance(-dt.timedelta(days=1))
    assert await reconciliation(each_harness).run() == 1
