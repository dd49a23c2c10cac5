"""What ``[runtime]`` names is opened for a service: its database migrated, its events carried."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from fixtures.pki import InternalPki
from newel.runtime.background import Supervisor
from newel.runtime.config import ConfigError, validate
from newel.runtime.events.contract import Event, Subscription
from newel.runtime.events.nats import NATSBus
from newel.runtime.process.context import Context
from newel.runtime.process.process_config import RuntimeConfig
from newel.runtime.rpc.channel import TLSChannel

SCRIPT = """
import sqlalchemy as sa
from alembic import op
from newel.runtime.database.tables import outbox_table

revision = "0001"
down_revision = None

def upgrade() -> None:
    metadata = sa.MetaData()
    outbox_table(metadata)
    metadata.create_all(op.get_bind())
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A service ``newel.<name>`` that has nothing but a migration."""
    import newel.runtime

    name = f"made_{tmp_path.name}".replace("-", "_")
    versions = tmp_path / name / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (versions / "0001.py").write_text(SCRIPT)
    namespace = sys.modules["newel"]
    monkeypatch.setattr(namespace, "__path__", [*namespace.__path__, str(tmp_path)])
    assert newel.runtime
    return name


def config(**table: object) -> RuntimeConfig:
    return validate(RuntimeConfig, table, "here")


async def test_an_event_travels_from_the_database_to_a_consumer(
    database_url: str, nats_url: str, package: str
) -> None:
    table = {"database": {"url": database_url}, "nats": {"servers": [nats_url]}}
    context = Context(package, config(**table))
    database = await context.database("0001")
    outbox, bus = context.outbox(database), context.bus()
    came: asyncio.Queue[bytes] = asyncio.Queue()

    async def handle(events: Sequence[Event]) -> None:
        for event in events:
            came.put_nowait(event.payload)

    bus.subscribe(Subscription(package, (f"newel.{package}.v1",), handle))
    supervisor = Supervisor(context.registry)
    supervisor.start(context.tasks(), "events")
    await database.apply(outbox.write(f"newel.{package}.v1", b"hello"))
    outbox.wake()
    assert await asyncio.wait_for(came.get(), 15) == b"hello"
    await supervisor.stop()
    for close in reversed(context.closing):
        await close()


async def test_a_worker_that_has_published_nothing_reaches_nats_too(
    database_url: str, nats_url: str, package: str
) -> None:
    table = {"database": {"url": database_url}, "nats": {"servers": [nats_url]}}
    context = Context(package, config(**table))
    context.outbox(await context.database("0001"))
    supervisor = Supervisor(context.registry)
    supervisor.start(context.tasks(), "events")
    await context.peers.check()
    async with asyncio.timeout(15):
        while context.peers.unreachable:
            await asyncio.sleep(0.05)
            await context.peers.check()
    await supervisor.stop()
    for close in reversed(context.closing):
        await close()


async def test_what_is_not_configured_is_named() -> None:
    context = Context("greeter", config())
    with pytest.raises(ConfigError, match=r"runtime\.database"):
        await context.database("0001")
    with pytest.raises(ConfigError, match=r"runtime\.channels\.signer"):
        context.channel("signer")
    with pytest.raises(ConfigError, match=r"runtime\.nats"):
        context.bus()


async def test_a_channel_needs_its_files(internal_pki: InternalPki, tmp_path: Path) -> None:
    files = internal_pki.files("issuing")
    tls = {"certificate": files.certificate, "key": files.key, "roots": files.roots}
    channels = {"signer": {"address": "dns:///signer:9090"}}
    context = Context("issuing", config(tls=tls, channels=channels))
    channel = context.channel("signer")
    assert isinstance(channel, TLSChannel)
    await channel.close()
    missing = {**tls, "key": tmp_path / "missing.key"}
    with pytest.raises(ConfigError, match=r"missing\.key"):
        Context("issuing", config(tls=missing, channels=channels)).channel("signer")


def test_services_speak_mutual_tls_only() -> None:
    with pytest.raises(ConfigError, match="mutual TLS"):
        config(grpc="127.0.0.1:9090")


def test_there_is_one_bus() -> None:
    context = Context("validation", config(nats={"servers": ["nats://127.0.0.1:1"]}))
    assert isinstance(context.bus(), NATSBus)
    assert context.bus() is context.bus()
