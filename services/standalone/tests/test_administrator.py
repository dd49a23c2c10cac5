"""The first administrator's certificate is kept valid until it is revoked, or its key or its name is taken out."""

import datetime as dt
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.proto.issuing.v1.issuing_pb2_grpc import RevocationStub
from newel.runtime.clock import ManualClock
from newel.runtime.service import Service
from newel.standalone.administrator import find_provisioner
from newel.standalone.app import Assembly
from newel.standalone.first_start import create
from newel.standalone.layout import Layout
from newel.standalone.options import parse
from newel.standalone.settings import read_settings

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


class RunningAuthority:
    """An authority without listeners, and its first administrator."""

    def __init__(
        self, assembly: Assembly, maintenance: Service, layout: Layout, clock: ManualClock
    ) -> None:
        self.assembly, self.maintenance, self.layout, self.clock = (
            assembly,
            maintenance,
            layout,
            clock,
        )

    async def look(self) -> x509.Certificate:
        for hook in self.maintenance.start:
            await hook()
        return self.certificate

    @property
    def certificate(self) -> x509.Certificate:
        text = self.layout.administrator_certificate.read_bytes()
        return x509.load_pem_x509_certificates(text)[0]

    def audit_line(self) -> list[Mapping[str, Any]]:
        self.assembly.audit_sink.flush()
        lines = map(json.loads, self.layout.audit.read_text().splitlines())
        return [line for line in lines if line["event"] == "first-administrator"]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "state")
    create(made, parse(["--state", str(made.state)]), NOW)
    return made


@pytest.fixture
async def start_authority(layout: Layout) -> AsyncIterator[RunningAuthority]:
    clock = ManualClock(NOW)
    assembly = Assembly(read_settings(layout), clock, shared=False)
    await assembly.open_databases()
    services = [
        assembly.build_signer(),
        assembly.build_issuing(),
        assembly.build_validation(),
        assembly.build_inventory(),
        assembly.build_alerting(),
        await assembly.build_registration(),
        assembly.build_maintenance(),
    ]
    for service in services:
        for hook in service.start:
            await hook()
    yield RunningAuthority(assembly, services[-1], layout, clock)
    for service in reversed(services):
        for hook in service.stop:
            await hook()
    await assembly.close_databases()
    assembly.audit_sink.close()


def test_a_section_that_another_program_left_out_of_ca_json_is_missed(layout: Layout) -> None:
    assert not [line for line in read_settings(layout).warnings if line.startswith("newel: ")]
    document = json.loads(layout.ca_json.read_bytes())
    del document["newel"]
    layout.ca_json.write_text(json.dumps(document))
    (line,) = [line for line in read_settings(layout).warnings if line.startswith("newel: ")]
    assert "no one is an administrator of the inventory" in line
    layout.administrator_key.unlink()
    assert not [line for line in read_settings(layout).warnings if line.startswith("newel: ")]


async def test_it_is_there_before_anybody_listens_and_is_this_subject_s(
    start_authority: RunningAuthority,
) -> None:
    certificate = start_authority.certificate
    assert certificate.subject.rfc4514_string() == "CN=administrator"
    issuer = x509.load_pem_x509_certificates(
        start_authority.layout.intermediate_certificate.read_bytes()
    )[0]
    certificate.verify_directly_issued_by(issuer)
    assert certificate.not_valid_after_utc - NOW <= 24 * HOUR
    assert start_authority.layout.administrator_key.stat().st_mode & 0o777 == 0o600
    (line,) = start_authority.audit_line()
    assert (line["outcome"], line["subject"]) == ("issued", "administrator")
    assert line["serial"] == f"{certificate.serial_number:036x}"
    assert await start_authority.look() == certificate  # it is not due


async def test_it_is_renewed_for_the_same_key_before_the_inventory_calls_it_late(
    start_authority: RunningAuthority,
) -> None:
    first = start_authority.certificate
    start_authority.clock.advance(16 * HOUR)
    assert await start_authority.look() == first
    start_authority.clock.advance(1 * HOUR)
    second = await start_authority.look()
    assert second.public_key() == first.public_key()
    assert second.not_valid_after_utc > first.not_valid_after_utc
    assert [line["outcome"] for line in start_authority.audit_line()] == ["issued", "renewed"]


async def test_it_is_issued_again_after_a_long_rest(start_authority: RunningAuthority) -> None:
    start_authority.clock.advance(100 * HOUR)
    again = await start_authority.look()
    assert again.not_valid_after_utc > start_authority.clock.now()
    assert [line["outcome"] for line in start_authority.audit_line()] == ["issued", "issued again"]


@pytest.mark.parametrize("rest", [17, 100])
async def test_a_revoked_one_is_not_replaced(start_authority: RunningAuthority, rest: int) -> None:
    first = start_authority.certificate
    item = pb.RevocationItem(
        serial=first.serial_number.to_bytes(18),
        reason=4,
        active=True,
        actor="test",
        provisioner="admin",
    )
    stub: Any = RevocationStub(start_authority.assembly.channel("registration"))
    answer = await stub.Revoke(pb.RevokeRequest(items=[item]))
    assert not answer.results[0].HasField("error")
    start_authority.clock.advance(rest * HOUR)
    assert await start_authority.look() == first
    assert await start_authority.look() == first
    assert [line["outcome"] for line in start_authority.audit_line()] == ["issued", "refused"]


async def test_without_its_key_nothing_is_issued(start_authority: RunningAuthority) -> None:
    first = start_authority.certificate
    start_authority.layout.administrator_key.unlink()
    start_authority.clock.advance(100 * HOUR)
    assert await start_authority.look() == first


async def test_a_certificate_that_is_lost_is_issued_again(
    start_authority: RunningAuthority,
) -> None:
    start_authority.layout.administrator_certificate.unlink()
    start_authority.clock.advance(HOUR)
    assert (await start_authority.look()).subject.rfc4514_string() == "CN=administrator"


def test_it_ends_with_its_name_or_its_provisioner_in_ca_json(layout: Layout) -> None:
    settings = read_settings(layout)
    administrators = settings.newel.inventory.administrators
    provisioners = settings.authority.provisioners or []
    assert find_provisioner(administrators, provisioners) is not None
    assert find_provisioner((), provisioners) is None
    assert (
        find_provisioner(administrators, [each for each in provisioners if each["name"] != "admin"])
        is None
    )
    assert find_provisioner(administrators, [{"type": "ACME", "name": "admin"}]) is None
