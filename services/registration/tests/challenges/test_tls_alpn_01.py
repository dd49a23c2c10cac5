"""tls-alpn-01 against real TLS servers: RFC 8737, RFC 8738 §6, attack A16."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fixtures.validations import validation_of
from newel.acme import alpn
from newel.acme.identifiers import Identifier
from newel.crypto import pem
from newel.registration.challenges.tls_alpn_01 import TLSALPN01Validator
from newel.runtime.clock import SystemClock
from newel.runtime.egress import EgressPolicy, parse_networks
from newel.runtime.errors import ErrorType, NewelError

NAME = Identifier("dns", "a.example")
ADDRESS = Identifier("ip", "127.0.0.1")
ANSWER = "token.thumbprint"


async def loopback(host: str) -> Sequence[str]:
    return ["127.0.0.1"]


OPEN = EgressPolicy(resolver=loopback)


def files(folder: Path, identifier: Identifier, answer: str = ANSWER) -> tuple[Path, Path]:
    der, key = alpn.make_certificate(identifier, answer, SystemClock().now())
    return _write_files(folder, der, key)


def _write_files(folder: Path, der: bytes, key: ec.EllipticCurvePrivateKey) -> tuple[Path, Path]:
    certificate, private = folder / "challenge.crt", folder / "challenge.key"
    certificate.write_bytes(pem.encode(der))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private


@asynccontextmanager
async def serve_newel(
    paths: tuple[Path, Path], protocols: Sequence[str] = ("acme-tls/1",)
) -> AsyncGenerator[tuple[int, list[str | None]]]:
    """A TLS server; its port and the names it was asked for."""
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*paths)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    context.sni_callback = lambda _, name, __: names.append(name)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1)
        except (OSError, ssl.SSLError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], names


async def refusal(port: int, identifier: Identifier = NAME) -> ErrorType:
    with pytest.raises(NewelError) as caught:
        await TLSALPN01Validator(OPEN, port, 5.0)(validation_of(identifier, ANSWER))
    return caught.value.type


async def test_the_right_certificate_is_accepted(tmp_path: Path) -> None:
    async with serve_newel(files(tmp_path, NAME)) as (port, names):
        await TLSALPN01Validator(OPEN, port)(validation_of(NAME, ANSWER))
    assert names == ["a.example"]


@pytest.mark.attack("A16")
async def test_an_address_is_asked_for_by_its_reverse_name(tmp_path: Path) -> None:
    async with serve_newel(files(tmp_path, ADDRESS)) as (port, names):
        await TLSALPN01Validator(EgressPolicy(), port)(validation_of(ADDRESS, ANSWER))
    assert names == ["1.0.0.127.in-addr.arpa"]


@pytest.mark.attack("A16")
async def test_the_protocol_must_be_negotiated(tmp_path: Path) -> None:
    async with serve_newel(files(tmp_path, NAME), protocols=()) as (port, _):
        assert await refusal(port) is ErrorType.UNAUTHORIZED
    async with serve_newel(files(tmp_path, NAME), protocols=("h2",)) as (port, _):
        assert await refusal(port) in {ErrorType.UNAUTHORIZED, ErrorType.TLS}


@pytest.mark.attack("A16")
async def test_certificates_for_others(tmp_path: Path) -> None:
    async with serve_newel(files(tmp_path, Identifier("dns", "b.example"))) as (port, _):
        assert await refusal(port) is ErrorType.UNAUTHORIZED
    async with serve_newel(files(tmp_path, NAME, "another.thumbprint")) as (port, _):
        assert await refusal(port) is ErrorType.UNAUTHORIZED
    async with serve_newel(files(tmp_path, NAME)) as (port, _):
        assert await refusal(port, ADDRESS) is ErrorType.UNAUTHORIZED


@pytest.mark.attack("A16")
@pytest.mark.needs("openssl")
async def test_tls_before_1_2_is_refused(tmp_path: Path) -> None:
    certificate, key = files(tmp_path, NAME)
    command = ["openssl", "s_server", "-quiet", "-alpn", "acme-tls/1", "-tls1_1"]
    command += ["-cipher", "ALL:@SECLEVEL=0", "-cert", str(certificate), "-key", str(key)]
    with subprocess.Popen(
        [*command, "-accept", "127.0.0.1:0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        try:
            port = await _port_of(server.pid)
            assert await refusal(port) is ErrorType.TLS
        finally:
            server.kill()


async def _port_of(pid: int) -> int:
    for _ in range(200):
        listed = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True)
        for line in listed.stdout.splitlines():
            if f"pid={pid}," in line:
                return int(line.split()[3].rsplit(":", 1)[1])
        await asyncio.sleep(0.02)
    raise AssertionError("openssl does not listen")


@pytest.mark.attack("A14")
async def test_addresses_are_held_against_the_policy() -> None:
    policy = EgressPolicy(deny=parse_networks(["127.0.0.0/8"]))
    for identifier in (ADDRESS, Identifier("ip", "169.254.169.254")):
        with pytest.raises(NewelError) as caught:
            await TLSALPN01Validator(policy, 443)(validation_of(identifier, ANSWER))
        assert caught.value.type is ErrorType.UNAUTHORIZED


async def test_a_server_that_never_answers_is_left(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(NewelError) as caught:
            await TLSALPN01Validator(OPEN, port, 0.3)(validation_of(NAME, ANSWER))
    assert caught.value.type is ErrorType.CONNECTION
