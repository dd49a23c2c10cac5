"""Identities: obtained, renewed in use, kept through an outage; contexts that change under their users."""

import asyncio
import datetime as dt
import inspect
import socket
import ssl
import threading
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from newel.client import calls, rotating
from newel.client.async_identity import AsyncIdentity
from newel.client.calls import Call
from newel.client.clock import now
from newel.client.credential import Credential, of_pem
from newel.client.errors import FingerprintError, RefusedError, UntrustedError
from newel.client.identity import Identity
from newel.client.peer import Peer
from newel.client.schedule import Schedule, renewal
from newel.client.throwaway import ThrowawayAuthority
from newel.client.throwaway_server import ThrowawayServer
from newel.crypto import keys
from newel.crypto.keys import KeyKind


@pytest.fixture
def authority() -> ThrowawayAuthority:
    return ThrowawayAuthority()


@pytest.fixture
def server(authority: ThrowawayAuthority) -> Generator[ThrowawayServer]:
    with ThrowawayServer(authority) as running:
        yield running


def test_from_a_token_alone(server: ThrowawayServer, tmp_path: Path) -> None:
    """The root comes by its fingerprint, the key is made here, and no file is written."""
    with Identity.from_token(server.token("a.internal", "a.internal", "10.0.0.1")) as me:
        assert me.url == server.url
        assert me.root.strip() == server.authority.root_pem.strip()
        answer = httpx.get(f"{server.url}/health", verify=me.client_context())
        assert answer.json() == {"status": "ok"}
        assert "PRIVATE" not in repr(me.credential)
        me.write(tmp_path / "a.crt", tmp_path / "a.key")
    again = Identity.from_files(
        tmp_path / "a.crt", tmp_path / "a.key", url=server.url, root=me.root
    )
    assert again.credential.chain == me.credential.chain
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600


def test_from_a_service_account(server: ThrowawayServer, tmp_path: Path) -> None:
    """A pod's token says who it is, not which names it wants."""
    (tmp_path / "token").write_text(server.token("system:serviceaccount:web:server") + "\n")
    place = (server.url, server.authority.root_pem, ["a.internal", "10.0.0.1"])
    for me in (
        Identity.from_kubernetes(*place, token_file=tmp_path / "token"),
        asyncio.run(AsyncIdentity.from_kubernetes(*place, token_file=tmp_path / "token")),
    ):
        assert Peer(me.credential.chain).names == {"a.internal", "10.0.0.1"}
        assert me.credential.certificate.subject.rfc4514_string() == "CN=a.internal"
    with pytest.raises(FileNotFoundError):
        Identity.from_kubernetes(*place)


def test_threads_and_event_loops_are_offered_the_same() -> None:
    """The twins have the same constructors, words and defaults, and say the same about them."""

    def signatures(kind: type) -> dict[str, tuple[inspect.Signature, str | None]]:
        return {
            name: (inspect.signature(member), member.__doc__)
            for name, member in inspect.getmembers(kind)
            if not name.startswith("_") and callable(member) and name not in {"start", "close"}
        }

    assert signatures(Identity) == signatures(AsyncIdentity)
    assert {"from_token", "from_password", "from_acme", "from_kubernetes", "renew"} < set(
        signatures(Identity)
    )


@pytest.mark.attack("P14")
def test_a_root_with_another_fingerprint_is_not_trusted(
    authority: ThrowawayAuthority, server: ThrowawayServer
) -> None:
    token = server.token("a.internal")
    with ThrowawayServer(ThrowawayAuthority("rogue")) as rogue:
        moved = rogue.token("a.internal")
        server.authority, original = rogue.authority, authority
        with pytest.raises(FingerprintError):
            Identity.from_token(token)
        server.authority = original
        # the right root from a server that has no certificate under it
        rogue.authority = authority
        with pytest.raises((UntrustedError, FingerprintError)):
            Identity.from_token(moved)


def test_renewal_keeps_the_key_and_tells_listeners(server: ThrowawayServer) -> None:
    me = Identity.from_token(server.token("a.internal"))
    heard: list[Credential] = []
    me.on_renewal(heard.append)
    before = me.credential
    after = me.renew()
    assert heard == [after]
    assert me.credential is after
    assert after.certificate.serial_number != before.certificate.serial_number
    assert after.certificate.public_key() == before.certificate.public_key()


def test_an_outage_changes_nothing_and_heals(server: ThrowawayServer) -> None:
    me = Identity.from_token(server.token("a.internal"))
    before = me.credential
    server.down = True
    with pytest.raises(RefusedError, match="down"):
        me.renew()
    assert me.credential is before
    server.down = False
    assert me.renew() is me.credential


def test_after_expiry_the_key_speaks_for_itself(server: ThrowawayServer) -> None:
    past = server.authority.expired_cert("a.internal")
    me = Identity(past, server.url, server.authority.root_pem)
    assert me.renew().not_after > now()


def test_it_renews_by_itself(authority: ThrowawayAuthority) -> None:
    """Certificates of two seconds: threads and tasks each see several generations."""
    with ThrowawayServer(authority, lifetime=dt.timedelta(seconds=2)) as server:
        with Identity.from_token(server.token("a.internal")):
            wait(lambda: server.renewals >= 2)

        async def loop() -> None:
            begun = server.renewals
            async with await AsyncIdentity.from_token(server.token("b.internal")):
                while server.renewals < begun + 2:
                    await asyncio.sleep(0.02)

        asyncio.run(asyncio.wait_for(loop(), 20))


def wait(check: object, seconds: float = 20) -> None:
    assert callable(check)
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_when_renewal_is_due(authority: ThrowawayAuthority) -> None:
    """Due at two thirds of the lifetime or a little before; retries after 1, 2, 4 … 60 seconds."""
    start = now()
    made = authority.issue_cert("a", not_before=start, not_after=start + dt.timedelta(hours=24))
    hour = 3600
    waits = {Schedule(made).wait(made.not_before) for _ in range(200)}
    assert all(14.4 * hour - 1 <= wait <= 16 * hour for wait in waits)
    assert len(waits) > 150
    assert min(waits) < 14.9 * hour < 15.9 * hour < max(waits)
    schedule = Schedule(made)
    moment = made.not_before
    pauses: list[float] = []
    for _ in range(9):
        schedule.record_failure(moment)
        pauses.append(schedule.wait(moment))
    for pause, most in zip(pauses, (1, 2, 4, 8, 16, 32, 60, 60, 60), strict=True):
        assert most * 0.75 <= pause <= most
    assert renewal(made, "https://ca", start)[1]
    call, mutual = renewal(made, "https://ca", start + dt.timedelta(hours=25))
    assert not mutual
    assert call.headers["Authorization"].startswith("Bearer ey")


def test_settings_hold_for_every_generation(authority: ThrowawayAuthority) -> None:
    """ALPN, verification and trust anchors set by a library survive a renewal; so does another key type."""
    current = [authority.issue_cert("localhost")]
    serving = rotating.server(lambda: current[0], authority.root_pem, require_client="optional")
    serving.set_alpn_protocols(["h2", "http/1.1"])
    calling = rotating.client(lambda: current[0], authority.root_pem)
    calling.set_alpn_protocols(["h2"])
    assert handshake(serving, calling)[:2] == ("h2", current[0].chain[0])
    first = calling.current()
    assert calling.current() is first
    current[0] = authority.issue_cert("localhost", key=keys.generate(KeyKind.RSA2048))
    alpn, seen, by_server = handshake(serving, calling)
    assert (alpn, seen, by_server) == ("h2", current[0].chain[0], current[0].chain[0])
    assert calling.current() is not first
    serving.verify_mode = ssl.CERT_NONE
    assert handshake(serving, calling)[2] is None
    with pytest.raises(TypeError):
        serving.load_cert_chain("anything.pem")


def test_a_stranger_is_refused(authority: ThrowawayAuthority) -> None:
    ours, theirs = authority.issue_cert("localhost"), ThrowawayAuthority("other")
    serving = rotating.server(lambda: ours, authority.root_pem)
    outsider = theirs.issue_cert("localhost")
    calling = rotating.client(lambda: outsider, authority.root_pem)
    with pytest.raises(ssl.SSLError):
        handshake(serving, calling)
    calling = rotating.client(lambda: ours, theirs.root_pem)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(serving, calling)


def handshake(
    serving: ssl.SSLContext, calling: ssl.SSLContext
) -> tuple[str | None, bytes | None, bytes | None]:
    """One handshake in memory: the protocol chosen, the server's leaf, the client's leaf."""
    wires = [ssl.MemoryBIO() for _ in range(4)]
    server = serving.wrap_bio(wires[0], wires[1], server_side=True)
    client = calling.wrap_bio(wires[2], wires[3], server_hostname="localhost")
    for _ in range(8):
        finished = 0
        for end in (client, server):
            try:
                end.do_handshake()
                finished += 1
            except ssl.SSLWantReadError:
                pass
            wires[0].write(wires[3].read())
            wires[2].write(wires[1].read())
        if finished == 2:
            break
    return client.selected_alpn_protocol(), client.getpeercert(True), server.getpeercert(True)


HANDSHAKES, RENEWALS = 1_500, 150
"""The figures of the README."""


def generations(authority: ThrowawayAuthority) -> list[Credential]:
    """Credentials of two key types in turn, so that a context that forgot to change would show it."""
    pairs = [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)]
    return [authority.issue_cert("localhost", key=pairs[n % 2]) for n in range(20)]


def test_handshakes_across_renewals_on_threads(authority: ThrowawayAuthority) -> None:
    """Real sockets, four clients and a server, while both ends' certificate changes all the time."""
    made = generations(authority)
    state = {"at": 0}
    serving = rotating.server(lambda: made[state["at"] % len(made)], authority.root_pem)
    calling = rotating.client(lambda: made[state["at"] % len(made)], authority.root_pem)
    failures: list[BaseException] = []
    done = threading.Semaphore(0)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    raw, _ = listener.accept()
                except OSError:
                    return
                try:
                    with serving.wrap_socket(raw, server_side=True) as connection:
                        connection.sendall(connection.recv(1))
                except BaseException as error:  # noqa: BLE001 - a failure in a thread must be seen
                    failures.append(error)

        def call(times: int) -> None:
            for _ in range(times):
                try:
                    raw = socket.create_connection(listener.getsockname())
                    with calling.wrap_socket(raw, server_hostname="localhost") as connection:
                        connection.sendall(b"x")
                        assert connection.recv(1) == b"x"
                except BaseException as error:  # noqa: BLE001 - see above
                    failures.append(error)
                done.release()

        threads = [threading.Thread(target=serve, daemon=True) for _ in range(4)]
        threads += [
            threading.Thread(target=call, args=(HANDSHAKES // 4,), daemon=True) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        total = HANDSHAKES // 4 * 4
        for count in range(total):
            done.acquire()
            state["at"] = count * RENEWALS // total
        for thread in threads[4:]:
            thread.join()
    assert failures == []
    assert state["at"] >= RENEWALS - 1


async def test_handshakes_across_renewals_on_asyncio(authority: ThrowawayAuthority) -> None:
    made = generations(authority)
    state = {"at": 0, "done": 0}
    serving = rotating.server(lambda: made[state["at"] % len(made)], authority.root_pem)
    calling = rotating.client(lambda: made[state["at"] % len(made)], authority.root_pem)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(1))
        await writer.drain()
        writer.close()

    async def call(port: int, times: int) -> None:
        for _ in range(times):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=calling, server_hostname="localhost"
            )
            writer.write(b"x")
            assert await reader.read(1) == b"x"
            writer.close()
            state["done"] += 1
            state["at"] = state["done"] * RENEWALS // HANDSHAKES

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=serving)
    async with server, asyncio.TaskGroup() as group:
        port = server.sockets[0].getsockname()[1]
        for _ in range(8):
            group.create_task(call(port, HANDSHAKES // 8))
    assert state["done"] == HANDSHAKES // 8 * 8


def test_a_key_that_is_not_the_certificates(authority: ThrowawayAuthority) -> None:
    one, other = authority.issue_cert("a"), authority.issue_cert("a")
    with pytest.raises(ValueError, match="another key"):
        of_pem(one.chain_pem, other.key)


def accepts(context: ssl.SSLContext, url: str) -> bool:
    """Whether a client with this context takes the server for the one it is."""
    port = int(url.rpartition(":")[2])
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 60) as plain,
            context.wrap_socket(plain, server_hostname="localhost"),
        ):
            return True
    except ssl.SSLCertVerificationError:
        return False


def test_roots_that_the_authority_serves_are_trusted_from_a_renewal_on(
    server: ThrowawayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A context that is in use accepts servers below a new root as well, and goes on to accept the others."""
    younger = ThrowawayAuthority()
    with Identity.from_token(server.token("a.internal", "a.internal")) as me:
        context = me.client_context()
        with ThrowawayServer(younger) as other:
            assert not accepts(context, other.url)
            served = [server.authority.root_pem, younger.root_pem]
            monkeypatch.setattr(calls, "roots", lambda: Call("GET", "/health", lambda _: served))
            for _ in range(2):
                me.renew()
                assert me.root.count("BEGIN CERTIFICATE") == 2
                assert accepts(context, server.url)
                assert accepts(context, other.url)
