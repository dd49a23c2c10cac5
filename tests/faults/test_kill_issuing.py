"""X04: the issuing authority is killed at every step of issuance and asked again.

Whatever the step: no certificate without a record, no record left unsigned, and the retry returns the
certificate that is on record, the only one there is.
"""

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

from fixtures.authority import make_authority, save_authority
from fixtures.issuing import make_request, make_ssh_request, sqlite_url, stamp
from newel.crypto.ssh import certificates
from newel.crypto.ssh.public_keys import write_line
from newel.issuing.faults import Step
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.clock import SystemClock
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Row, Statement

SCRIPT = Path(__file__).with_name("issuing_process.py")

CERTIFICATES = Statement("SELECT idempotency_key, serial, tbs, signature FROM certificates")
SSH_CERTIFICATES = Statement("SELECT tbs, signature FROM ssh_certificates")
EVENTS = Statement("SELECT subject FROM outbox")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database of each kind."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    url: str = request.getfixturevalue("fresh_postgres_url")
    return url


def run(
    folder: Path, url: str, call: pb.IssueRequest | pb.IssueSSHRequest, step: int | None = None
) -> bytes | int:
    """The answer of one process, or the signal it died of."""
    environment = dict(os.environ)
    kind = "ssh" if isinstance(call, pb.IssueSSHRequest) else "x509"
    arguments = [sys.executable, str(SCRIPT), str(folder), url, kind]
    if step is not None:
        environment["NEWEL_FAULT"] = f"issuing:{step}"
        arguments.append(str(step))
    done = subprocess.run(
        arguments,
        input=call.SerializeToString(),
        capture_output=True,
        env=environment,
        timeout=60,
        check=False,
    )
    if done.returncode:
        assert done.returncode < 0, done.stderr.decode()
        return -done.returncode
    return done.stdout


async def rows(url: str, query: Statement) -> list[Row]:
    """What is in the database while no process has it."""
    database = await open_database(url)
    found = await database.fetch(query)
    await database.close()
    return found


@pytest.mark.attack("X04")
@pytest.mark.parametrize("step", list(Step), ids=lambda step: f"{step.value}-{step.name.lower()}")
async def test_killed_after_a_step(tmp_path: Path, database_url: str, step: Step) -> None:
    authority = make_authority(tmp_path, now=SystemClock().now())
    save_authority(authority, tmp_path)
    call = pb.IssueRequest(requests=[make_request(f"host-{i}.example") for i in range(5)])

    assert run(tmp_path, database_url, call, step) == signal.SIGKILL
    recorded = {} if step < Step.INTENT else dict(await intents(database_url))
    assert len(recorded) == (0 if step < Step.INTENT else 5)

    answer = run(tmp_path, database_url, call)
    assert isinstance(answer, bytes)
    results = pb.IssueResponse.FromString(answer).results
    certificates = [result.certificate.der for result in results]
    assert all(certificates), [result.error for result in results]

    stored = await rows(database_url, CERTIFICATES)
    assert len(stored) == len(await rows(database_url, EVENTS)) == 5
    by_key = {key: (serial, tbs, signature) for key, serial, tbs, signature in stored}
    for request, der in zip(call.requests, certificates, strict=True):
        serial, tbs, signature = by_key[request.idempotency_key]
        assert recorded.get(request.idempotency_key, tbs) == tbs, "the recorded intent was signed"
        assert tbs in der
        assert der.endswith(signature)
        certificate = x509.load_der_x509_certificate(der)
        certificate.verify_directly_issued_by(authority.intermediate)
        assert certificate.serial_number == int.from_bytes(serial, "big")
    assert run(tmp_path, database_url, call) == answer


@pytest.mark.attack("X04")
@pytest.mark.parametrize("step", list(Step), ids=lambda step: f"{step.value}-{step.name.lower()}")
async def test_killed_after_a_step_of_ssh(tmp_path: Path, database_url: str, step: Step) -> None:
    now = SystemClock().now()
    authority = make_authority(tmp_path, now=now)
    save_authority(authority, tmp_path)
    url = database_url
    validity: dict[str, Any] = {
        "valid_after": stamp(now),
        "valid_before": stamp(now + dt.timedelta(hours=1)),
    }
    call = pb.IssueSSHRequest(requests=[make_ssh_request(**validity) for _ in range(5)])

    assert run(tmp_path, url, call, step) == signal.SIGKILL
    recorded = [] if step < Step.INTENT else [tbs for tbs, _ in await rows(url, SSH_CERTIFICATES)]
    assert len(recorded) == (0 if step < Step.INTENT else 5)

    answer = run(tmp_path, url, call)
    assert isinstance(answer, bytes)
    results = pb.IssueResponse.FromString(answer).results
    made = [certificates.parse(result.certificate.der) for result in results]
    assert [each.public_key for each in made] == [each.public_key for each in call.requests]
    stored = await rows(url, SSH_CERTIFICATES)
    assert len(stored) == len(await rows(url, EVENTS)) == 5
    assert {tbs for tbs, _ in stored} >= set(recorded), "the recorded intents were signed"
    for tbs, signature in stored:
        (own,) = [each for each in made if each.wire.startswith(tbs)]
        assert own.wire.endswith(signature)
        identity = load_ssh_public_identity(write_line(own.wire))
        assert isinstance(identity, SSHCertificate)
        identity.verify_cert_signature()
    assert run(tmp_path, url, call) == answer


async def intents(url: str) -> list[tuple[bytes, bytes]]:
    """What the killed process left: idempotency key and TBSCertificate."""
    return [(key, tbs) for key, _, tbs, _ in await rows(url, CERTIFICATES)]


def test_a_configured_fault_needs_the_environment_too(tmp_path: Path) -> None:
    """A configuration copied from a test kills nothing."""
    save_authority(make_authority(tmp_path, now=SystemClock().now()), tmp_path)
    call = pb.IssueRequest(requests=[make_request()])
    arguments = [sys.executable, str(SCRIPT), str(tmp_path), sqlite_url(tmp_path), "x509", "3"]
    done = subprocess.run(
        arguments, input=call.SerializeToString(), capture_output=True, timeout=60, check=True
    )
    assert pb.IssueResponse.FromString(done.stdout).results[0].certificate.der
