"""Syslog as RFC 5424 writes it, over each transport, and the formats that a SIEM reads."""

import asyncio
import json
import re
import ssl
from typing import Any, Self

import pytest
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from fixtures.alert_messages import HOSTILE, message, send, server_context
from fixtures.pki import InternalPki
from newel.alerting.channels.formats import write_cef, write_ecs, write_ocsf
from newel.alerting.channels.syslog import compose
from newel.alerting.config import Syslog
from newel.alerting.delivery import DeliveryError
from newel.alerting.notices import Phase
from newel.runtime.egress import EgressPolicy

RECORD = re.compile(
    rb"<(\d{1,3})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (\S{1,255}) newel - (opened|escalated|resolved) "
    rb'\[origin software="newel" swVersion="[0-9.]+"\] (.*)',
    re.DOTALL,
)


def config(port: int = 1, **fields: Any) -> Syslog:
    plain: dict[str, Any] = {
        "kind": "syslog",
        "host": "127.0.0.1",
        "transport": "tcp",
        "port": port,
    }
    return Syslog(**{**plain, **fields})


class Collector:
    """Takes octet-counted messages over TCP or TLS."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.records: asyncio.Queue[bytes] = asyncio.Queue()
        self._tls = tls

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int(await reader.readuntil(b" "))
        await self.records.put(await reader.readexactly(length))
        writer.close()


@pytest.mark.attack("P05")
@pytest.mark.parametrize("subject", ["a.example", HOSTILE])
@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("form", ["text", "cef", "ecs", "ocsf"])
def test_a_record_is_one_line_of_the_standard(subject: str, phase: Phase, form: Any) -> None:
    record = compose(message(subject, phase), config(format=form))
    match = RECORD.fullmatch(record)
    assert match
    assert not re.search(rb"[\x00-\x1f]", record)
    assert (match[3].decode(), match[2]) == (phase, b"newel")
    assert int(match[1]) == 13 * 8 + (5 if phase is Phase.RESOLVED else 4)
    assert match[4].startswith(b"\xef\xbb\xbf") == (form == "text")


async def test_tcp_counts_octets() -> None:
    async with Collector() as collector:
        await send(config(collector.port), message("müller.example"))
        assert "müller.example" in (await collector.records.get()).decode()


async def test_tls_holds_the_certificate_against_the_name(internal_pki: InternalPki) -> None:
    async def resolver(host: str) -> list[str]:
        return ["127.0.0.1"]

    policy = EgressPolicy(resolver=resolver)
    async with Collector(server_context(internal_pki, "siem.example")) as collector:
        good = {"host": "siem.example", "transport": "tls", "ca_file": internal_pki.roots}
        await send(config(collector.port, **good), message(), policy)
        assert RECORD.fullmatch(await collector.records.get())
        for wrong in ({"host": "other.example"}, {"ca_file": None}):
            with pytest.raises(DeliveryError, match="no connection"):
                await send(config(collector.port, **{**good, **wrong}), message(), policy)
        assert collector.records.empty()


async def test_udp_sends_one_datagram() -> None:
    came: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Receiver(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            came.set_result(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Receiver, local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    await send(config(port, transport="udp", facility="local3"), message())
    assert (await came).startswith(b"<156>1 ")
    transport.close()


async def test_a_collector_that_is_away_is_tried_again() -> None:
    with pytest.raises(DeliveryError, match="no connection") as caught:
        await send(config(9), message())
    assert not caught.value.permanent


@pytest.mark.attack("P06")
async def test_the_egress_policy_holds() -> None:
    with pytest.raises(DeliveryError, match="egress policy") as caught:
        await send(config(host="169.254.169.254"), message())
    assert caught.value.permanent


@pytest.mark.parametrize("phase", list(Phase))
def test_the_published_model_of_ocsf_takes_the_finding(phase: Phase) -> None:
    finding = DetectionFinding.model_validate_json(write_ocsf(message(phase=phase)))
    assert finding.activity_id is not None
    assert finding.activity_id.value == 1 + list(Phase).index(phase)
    assert finding.type_uid == 200400 + finding.activity_id.value


def test_ecs_has_the_certificate_where_the_schema_has_it() -> None:
    document = json.loads(write_ecs(message()))
    certificate = document["tls"]["server"]["x509"]
    assert certificate["alternative_names"] == ["a.example", "10.0.0.1"]
    assert certificate["not_after"] == "2026-11-21T12:02:00Z"
    assert document["event"]["kind"] == "alert"


@pytest.mark.attack("P05")
def test_cef_escapes_what_separates() -> None:
    line = write_cef(message(r"a|b=c\d"))
    header, _, _ = line.partition("externalId=")
    assert len(re.findall(r"(?<!\\)\|", header)) == 7
    assert r"a\|b=c\\d" in line
    assert r"cs1=a|b\=c\\d" in line
