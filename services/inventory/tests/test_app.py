"""The whole service as its process runs it: events in, events out, lists over TLS."""

import asyncio
import datetime as dt
import ssl
from collections.abc import Sequence

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import CollectorRegistry

from fixtures.authority import AuditLog
from fixtures.catalogue import START, make_event, make_issued
from fixtures.issuing_lists import Records, channel_to
from fixtures.pki import InternalPki
from newel.inventory.app import EVENTS, Ports, build
from newel.inventory.config import Administrator, Config, Expiry
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2
from newel.runtime.background import Supervisor
from newel.runtime.clock import Clock, ManualClock, SystemClock
from newel.runtime.database.contract import Database
from newel.runtime.events.contract import Event, Subscription
from newel.runtime.events.outbox import LocalBus, TableOutbox
from newel.runtime.http.listener import Listener, bind
from newel.runtime.service import Service
from newel.runtime.tls.server import ServerTLS


class Subscriptions(LocalBus):
    """A bus whose subscriptions can be looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[Subscription] = []

    def subscribe(self, subscription: Subscription) -> None:
        self.made.append(subscription)
        super().subscribe(subscription)


def service_on(database: Database, bus: LocalBus, clock: Clock, config: Config) -> Service:
    outbox = TableOutbox(database, clock)
    bus.attach(outbox)
    ports = Ports(
        database, outbox, bus, channel_to(Records()), clock, AuditLog(), CollectorRegistry()
    )
    return build(config, ports)


async def test_an_event_that_comes_in_makes_one_go_out_when_the_time_has_come(
    database: Database,
) -> None:
    clock, bus, heard = ManualClock(START), LocalBus(), list[Event]()

    async def hear(events: Sequence[Event]) -> None:
        heard.extend(events)

    config = Config(expiry=Expiry(tick=dt.timedelta(seconds=0.05)))
    service = service_on(database, bus, clock, config)
    bus.subscribe(Subscription("test", EVENTS, hear))
    one = make_issued("a.example", life=dt.timedelta(minutes=2))
    await database.apply(TableOutbox(database, clock).write(one.event.subject, one.event.payload))
    clock.advance(dt.timedelta(seconds=100))
    supervisor = Supervisor(CollectorRegistry())
    supervisor.start({**service.tasks, **bus.tasks()}, "inventory")
    async with asyncio.timeout(60):
        while not heard:
            clock.advance(dt.timedelta(seconds=0.1))  # its first look is no reason to say anything
            await asyncio.sleep(0.02)
    await supervisor.stop()
    (event,) = [events_pb2.EndpointExpiring.FromString(each.payload) for each in heard]
    assert event.serial == one.serial


async def test_an_administrator_s_certificate_opens_the_lists_over_tls(
    database: Database, internal_pki: InternalPki
) -> None:
    ada, bob = internal_pki.files("ada"), internal_pki.files("bob")
    config = Config(administrators=(Administrator(subject="ada", provisioner="people"),))
    bus, clock = Subscriptions(), SystemClock()
    service = service_on(database, bus, clock, config)
    certificate = x509.load_pem_x509_certificate(ada.certificate.read_bytes())
    message = events_pb2.CertificateIssued(
        der=certificate.public_bytes(Encoding.DER),
        provisioner=issuing_pb2.Provisioner(type="OIDC", name="people"),
    )
    event = make_event("newel.certificate.issued.v1", message.SerializeToString())
    await bus.made[0].handler([event])
    tls = ServerTLS()
    server = internal_pki.files("localhost")
    tls.trust([internal_pki.roots.read_text()])
    tls.present(server.certificate.read_bytes(), server.key.read_bytes())
    listener = Listener(service.web["https"], bind("127.0.0.1:0"), tls)
    async with asyncio.TaskGroup() as group:
        group.create_task(listener.listen())
        while not listener.started:
            await asyncio.sleep(0.01)
        statuses: list[int] = []
        for files in (None, bob, ada):
            context = ssl.create_default_context(cafile=internal_pki.roots)
            if files is not None:
                context.load_cert_chain(files.certificate, files.key)
            url = f"https://localhost:{listener.address[1]}/inventory/certificates"
            async with httpx.AsyncClient(verify=context, trust_env=False) as client:
                statuses.append((await client.get(url)).status_code)
        listener.stop()
    assert statuses == [401, 403, 200]
