"""Expiry to Slack, through inventory and alerting as a process runs them: a two-minute
certificate, a warning to three real receivers, and its end after renewal."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fakes.slack import SlackReceiver
from fakes.smtp import MailServer
from fakes.webhook import WebhookReceiver
from fixtures.authority import AuditLog
from fixtures.catalogue import START, IssuedCertificate, make_issued
from fixtures.issuing_lists import Records, channel_to
from newel.alerting import app as alerting
from newel.alerting.config import Config as AlertingConfig
from newel.inventory import app as inventory
from newel.inventory.config import Config as InventoryConfig
from newel.runtime.background import Supervisor
from newel.runtime.clock import ManualClock
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database
from newel.runtime.database.migrations import migrate
from newel.runtime.events.outbox import LocalBus, TableOutbox
from newel.runtime.rpc.local import LocalChannel, LocalServer

SECRET = "correct horse battery staple"
LIFE = dt.timedelta(minutes=2)


@dataclass
class Scenario:
    """Two services, their clock, and who is told."""

    clock: ManualClock
    database: Database
    outbox: TableOutbox
    webhook: WebhookReceiver
    slack: SlackReceiver
    mail: MailServer

    async def report(self, certificate: IssuedCertificate) -> None:
        """The issuing authority says that it issued this."""
        event = certificate.event
        await self.database.apply(self.outbox.write(event.subject, event.payload))
        self.outbox.wake()

    async def wait_for_notices(self, times: int) -> None:
        """Waits until everybody has been told so many times."""
        async with asyncio.timeout(20):
            while not (
                len(self.webhook.posted) == len(self.slack.posted) == len(self.mail.mails) == times
            ):
                await asyncio.sleep(0.02)


def channels(
    folder: Path, webhook: WebhookReceiver, slack: SlackReceiver, mail: MailServer
) -> AlertingConfig:
    secrets = {"hook": SECRET, "slack": slack.url("/services/T0/B0/x")}
    for name, text in secrets.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    return AlertingConfig.model_validate(
        {
            "poll": 0.05,
            "channels": {
                "hook": {"kind": "webhook", "url": webhook.url(), "secret_file": folder / "hook"},
                "chat": {"kind": "slack", "url_file": folder / "slack"},
                "post": {
                    "kind": "email",
                    "host": "127.0.0.1",
                    "port": mail.port,
                    "security": "none",
                    "sender": "ca@example.com",
                    "recipients": ["ada@example.com"],
                },
            },
        }
    )


@pytest.fixture
async def scenario(tmp_path: Path) -> AsyncIterator[Scenario]:
    clock, bus, registry = ManualClock(START), LocalBus(), CollectorRegistry()
    databases: dict[str, Database] = {}
    for name, service in (("inventory", inventory), ("alerting", alerting)):
        url = f"sqlite:///{tmp_path}/{name}.db"
        await migrate(url, f"newel.{name}", service.REVISION)
        databases[name] = await open_database(url)
    outbox = TableOutbox(databases["inventory"], clock)
    bus.attach(outbox)
    with (
        WebhookReceiver(SECRET.encode()) as webhook,
        SlackReceiver() as slack,
        MailServer() as mail,
    ):
        unused = LocalChannel(LocalServer(), "unused")  # for the parts that call other services
        issuing = channel_to(Records())
        services = [
            inventory.build(
                InventoryConfig.model_validate({"expiry": {"tick": 0.05}}),
                inventory.Ports(
                    databases["inventory"], outbox, bus, issuing, clock, AuditLog(), registry
                ),
            ),
            alerting.build(
                channels(tmp_path, webhook, slack, mail),
                alerting.Ports(databases["alerting"], bus, unused, clock, AuditLog(), registry),
            ),
        ]
        supervisor = Supervisor(registry)
        for service in services:
            for hook in service.start:
                await hook()
            supervisor.start(service.tasks, service.name)
        supervisor.start(bus.tasks(), "events")
        yield Scenario(clock, databases["inventory"], outbox, webhook, slack, mail)
        await supervisor.stop()
        for hook in (hook for service in services for hook in service.stop):
            await hook()
    for database in databases.values():
        await database.close()


async def test_a_late_endpoint_is_told_of_once_and_told_to_be_well_again(
    scenario: Scenario,
) -> None:
    first = make_issued("a.example", life=LIFE)
    await scenario.report(first)
    scenario.clock.advance(dt.timedelta(seconds=90))
    await scenario.wait_for_notices(1)
    second = make_issued("a.example", renews=first, at=scenario.clock.now(), life=LIFE)
    await scenario.report(second)
    await scenario.wait_for_notices(2)
    scenario.clock.advance(dt.timedelta(seconds=89))  # past the end of the first certificate
    await asyncio.sleep(0.5)
    await scenario.wait_for_notices(2)
    opened, resolved = scenario.webhook.events
    assert (opened["type"], resolved["type"]) == (
        "newel.alert.opened.v1",
        "newel.alert.resolved.v1",
    )
    assert opened["data"]["serial"] == first.serial.hex()
    assert opened["data"]["not_after"] == "2026-11-21T12:02:00Z", "said ahead of its end"
    assert resolved["data"]["successor"] == second.serial.hex()
    assert opened["subject"] == resolved["subject"]
    assert [each["Subject"] for each in scenario.mail.mails] == [
        "Certificate of a.example is about to expire",
        "Resolved: a.example has a new certificate",
    ]
    assert scenario.webhook.complaints == scenario.slack.complaints == []
