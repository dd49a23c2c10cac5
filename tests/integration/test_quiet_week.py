"""A week on a fresh installation: every kind of renewal goes on, workers come and go, and there
is no alert. Then one client stops, and that is reported: that it was not renewed as
usual, that it is about to expire, that it has expired.

The whole authority runs in this process under a clock that the test moves by hours.
"""

import asyncio
import contextlib
import datetime as dt
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fakes.name_server import NameServer
from fixtures.acme_account import Client, make_csr
from fixtures.acme_web_server import WebServer
from fixtures.client_certificates import WithClientCertificate
from fixtures.registration import request_for
from fixtures.running import configure
from newel.crypto import keys, pem
from newel.jose import jwe, jwk
from newel.runtime.background import Supervisor
from newel.runtime.clock import ManualClock
from newel.standalone import administrator
from newel.standalone.app import Standalone, build
from newel.standalone.first_start import create
from newel.standalone.layout import Layout
from newel.standalone.options import parse
from newel.standalone.settings import read_settings
from newel.step import renew_token, tokens

START = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
LIFE = 24  # hours
CA = "https://localhost:9000"


@dataclass
class Harness:
    """Two workers of one authority, which can be restarted, and the clock they share."""

    layout: Layout
    clock: ManualClock
    workers: list[Standalone] = field(default_factory=list[Standalone])
    supervisors: list[Supervisor] = field(default_factory=list[Supervisor])

    async def start(self) -> None:
        for _ in range(2):
            built = await build(read_settings(self.layout), self.clock, None, shared=True)
            supervisor = Supervisor(built.registry)
            for service in built.services:
                for hook in service.start:
                    await hook()
            for service in built.services:
                supervisor.start(service.tasks, service.name)
            self.workers.append(built)
            self.supervisors.append(supervisor)

    async def stop(self) -> None:
        for supervisor in self.supervisors:
            await supervisor.stop()
        for built in self.workers:
            for hook in (hook for service in built.services for hook in service.stop):
                await hook()
            built.audit_sink.close()
        self.workers.clear()
        self.supervisors.clear()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def post(
        self, path: str, body: Any, *, leaf: bytes | None = None, bearer: str = ""
    ) -> dict[str, Any]:
        """A request to the first worker, by a client that shows ``leaf`` (DER) in TLS."""
        transport = httpx.ASGITransport(WithClientCertificate(self.workers[0].https, leaf))
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        async with httpx.AsyncClient(transport=transport, base_url=CA) as client:
            answer = await client.post(path, content=msgspec.json.encode(body), headers=headers)
        assert answer.status_code == 201, answer.text
        return dict[str, Any](answer.json())

    def rows(self, database: str, query: str) -> list[tuple[Any, ...]]:
        path = self.layout.state / f"db/{database}.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return connection.execute(query).fetchall()

    async def settle(self) -> None:
        """Wait until everything is catalogued, looked at, and reported to the alerting service."""
        now = int(self.clock.unix())
        issued = "SELECT count(*) FROM certificates"
        due = f"SELECT count(*) FROM endpoints WHERE due <= {now}"  # noqa: S608 - a number
        undelivered = """SELECT count(*) FROM outbox WHERE id >
            (SELECT coalesce(max(position), 0) FROM outbox_cursors)"""
        async with asyncio.timeout(60):
            while (
                self._administrator_is_late()
                or self.rows("inventory", issued) != self.rows("issuing", issued)
                or self.rows("inventory", due) != [(0,)]
                or self.rows("inventory", undelivered) != [(0,)]
            ):
                await asyncio.sleep(0.02)

    def _administrator_is_late(self) -> bool:
        """Whether the first administrator's certificate is about to be renewed."""
        file = self.layout.administrator_certificate
        leaf = x509.load_pem_x509_certificate(file.read_bytes())
        begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        return begin + (end - begin) * administrator.RENEW_AFTER <= self.clock.now()

    def alerts(self) -> list[tuple[Any, ...]]:
        """Whom notices were opened about, resolved ones too."""
        # one that was never opened keeps its beginning from being told after its end
        opened = "SELECT kind, subject, names FROM notices WHERE opened_at IS NOT NULL"
        return self.rows("alerting", f"{opened} ORDER BY position")


@dataclass
class Workload:
    """A holder of a key and a certificate, and the way to get the next one."""

    key: keys.PrivateKey
    leaf: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.leaf.public_bytes(Encoding.DER)

    def take(self, answer: dict[str, Any]) -> None:
        self.leaf = x509.load_pem_x509_certificate(answer["crt"].encode())


class Party:
    """All who renew, each in its own way."""

    def __init__(self, harness: Harness, web: WebServer) -> None:
        self._harness = harness
        self._web = web
        self._workloads: dict[str, Workload] = {}
        self._accounts: dict[str, Client] = {}
        self.renewals: dict[str, Callable[[], Awaitable[None]]] = {
            "mtls.example": lambda: self._renew("mtls.example"),
            "bearer.example": lambda: self._renew_by_token("bearer.example"),
            "rekey.example": lambda: self._rekey("rekey.example"),
            "certbot.example": lambda: self._order("acme", "certbot.example"),
            "lego.example": lambda: self._order("norenew", "lego.example", "www.lego.example"),
            "mixed.example": lambda: self._order_or_renew("acme", "mixed.example"),
        }
        self._turn = 0

    async def enrol(self, password: bytes) -> None:
        for name in ("mtls.example", "bearer.example", "rekey.example"):
            key = keys.generate()
            answer = await self._harness.post(
                "/1.0/sign",
                {"csr": request_for(name, key=key), "ott": self._token(name, password)},
            )
            self._workloads[name] = Workload(key, _leaf(answer))
        for name, provisioner in (
            ("certbot.example", "acme"),
            ("lego.example", "norenew"),
            ("mixed.example", "acme"),
        ):
            client = Client(self._harness.workers[0].https, provisioner, host="localhost:9000")
            assert (await client.register()).status == 201
            self._accounts[name] = client
            await self.renewals[name]()

    def _token(self, name: str, password: bytes) -> str:
        record = json.loads(self._harness.layout.ca_json.read_text())["authority"]["provisioners"][
            0
        ]
        private = jwk.to_private_key(
            msgspec.json.decode(
                jwe.decrypt_with_password(record["encryptedKey"], password), type=jwk.JWK
            )
        )
        return tokens.make(
            private,
            kid=record["key"]["kid"],
            issuer="admin",
            subject=name,
            now=self._harness.clock.now(),
            audience=f"{CA}/1.0/sign",
            sans=[name],
        )

    async def _renew(self, name: str) -> None:
        own = self._workloads[name]
        own.take(await self._harness.post("/1.0/renew", {}, leaf=own.der))

    async def _renew_by_token(self, name: str) -> None:
        own = self._workloads[name]
        now = self._harness.clock.now()
        bearer = renew_token.make([own.der], own.key, f"{CA}/1.0/renew", now)
        own.take(await self._harness.post("/1.0/renew", {}, bearer=bearer))

    async def _rekey(self, name: str) -> None:
        own = self._workloads[name]
        key = keys.generate()
        csr = {"csr": request_for(name, key=key)}
        own.take(await self._harness.post("/1.0/rekey", csr, leaf=own.der))
        own.key = key

    async def _order(self, provisioner: str, *names: str) -> None:
        client = self._accounts[names[0]]
        client.app = self._harness.workers[0].https
        order = await client.order(*names)
        assert order.status == 201, order
        for authorization in order["authorizations"]:
            challenge = await client.challenge(authorization, "http-01")
            self._web.present(client, challenge["token"])
            await client.post(challenge["url"], {})
            assert (await client.poll(authorization))["status"] == "valid"
        key = keys.generate()
        await client.post(order["finalize"], {"csr": make_csr(*names, key=key)})
        done = await client.poll(order.header("location"))
        chain = await client.post(done["certificate"])
        self._workloads[names[0]] = Workload(key, x509.load_pem_x509_certificate(chain.body))
        assert provisioner in client.kid

    async def _order_or_renew(self, provisioner: str, name: str) -> None:
        """A certificate that came by ACME, renewed by TLS and by a new order in turn."""
        self._turn += 1
        await (self._order(provisioner, name) if self._turn % 2 else self._renew(name))


def _leaf(answer: dict[str, Any]) -> x509.Certificate:
    return x509.load_der_x509_certificate(pem.decode(answer["crt"].encode()))


@pytest.fixture
async def web() -> AsyncIterator[tuple[WebServer, NameServer]]:
    """Where every name leads to, and who says so."""
    served, name_server = WebServer(), NameServer()
    await name_server.start()
    listener = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.port = listener.sockets[0].getsockname()[1]
    yield served, name_server
    listener.close()
    await name_server.stop()


@pytest.fixture
async def harness(
    tmp_path: Path, web: tuple[WebServer, NameServer], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Harness]:
    """A fresh installation, as the first start makes it, with a second ACME provisioner."""
    # once a minute in real time, which is once in many hours of the week
    monkeypatch.setattr("newel.standalone.app.ADMINISTRATOR_EVERY", 0.05)
    state = tmp_path / "state"
    layout = Layout(state)
    create(layout, parse(["--state", str(state)]), START)
    ca = json.loads(layout.ca_json.read_text())
    no_renewal = {"type": "ACME", "name": "norenew", "claims": {"disableRenewal": True}}
    ca["authority"]["provisioners"].append(no_renewal)
    layout.ca_json.write_text(json.dumps(ca))
    configure(
        state,
        registration={"acme": {"http01Port": web[0].port, "resolvers": [web[1].address]}},
        inventory={"expiry": {"tick": 0.05, "unrenewed": 0.02}},
        alerting={"poll": 0.05},
    )
    opened = Harness(layout, ManualClock(START))
    await opened.start()
    yield opened
    await opened.stop()
    shutil.rmtree(state)


async def test_a_week_of_renewals_alerts_nobody_and_a_lapse_does(
    harness: Harness, web: tuple[WebServer, NameServer]
) -> None:
    party = Party(harness, web[0])
    await party.enrol(harness.layout.password.read_text().strip().encode())
    await harness.settle()
    at_first = harness.rows("inventory", "SELECT count(*) FROM endpoints")
    for hours in range(1, 7 * 24 + 1):
        harness.clock.advance(HOUR)
        if hours % 12 == 0:
            await harness.restart()
        if hours % 16 == 0:
            for renew in party.renewals.values():
                await renew()
        await harness.settle()
        assert harness.alerts() == [], f"after {hours} hours"
    assert harness.rows("inventory", "SELECT count(*) FROM endpoints") == at_first
    assert len(harness.rows("inventory", "SELECT 1 FROM certificates")) > 7 * len(party.renewals)

    late = "certbot.example"
    for hours in range(7 * 24 + 1, 7 * 24 + LIFE):
        harness.clock.advance(HOUR)
        if hours % 4 == 0:
            await harness.restart()
        if hours % 16 == 0:
            for name, renew in party.renewals.items():
                if name != late:
                    await renew()
        await harness.settle()
    async with asyncio.timeout(30):
        while len(harness.alerts()) < 3:
            await asyncio.sleep(0.02)
    assert [kind for kind, _, _ in harness.alerts()] == ["unrenewed", "expiring", "expired"]
    assert all(late in f"{subject}{names}" for _, subject, names in harness.alerts())
