"""Identities by ACME, sync and async, from an authority that may ask at a port of the test's choosing."""

from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from fixtures.processes import free_port
from fixtures.running import Authority, configure, serve_newel
from newel.client.async_identity import AsyncIdentity
from newel.client.errors import ClientError
from newel.client.http01 import Standalone
from newel.client.identity import Identity


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory, http01_port: int) -> Generator[Authority]:
    state = tmp_path_factory.mktemp("acme") / "state"
    ports = free_port(), free_port()
    with serve_newel(state, *ports):
        pass
    configure(state, registration={"acme": {"http01Port": http01_port}})
    with serve_newel(state, *ports) as (running, _):
        yield running


def test_from_threads(authority: Authority, http01_port: int) -> None:
    root = authority.root.read_text()
    with Standalone(f"127.0.0.1:{http01_port}") as solver:
        me = Identity.from_acme(authority.directory, ["localhost"], solver, root=root)
        before = me.credential
        after = me.renew()
    assert after.certificate.serial_number != before.certificate.serial_number
    health = httpx.get(f"{authority.url}/health", verify=me.client_context())
    assert health.json() == {"status": "ok"}


async def test_from_an_event_loop(authority: Authority, http01_port: int) -> None:
    root = authority.root.read_text()
    with Standalone(f"127.0.0.1:{http01_port}") as solver:
        me = await AsyncIdentity.from_acme(authority.directory, ["localhost"], solver, root=root)
        before = me.credential
        assert (await me.renew()).certificate.serial_number != before.certificate.serial_number


def test_a_challenge_nobody_answers(authority: Authority, http01_port: int, tmp_path: Path) -> None:
    """The refusal comes with the authority's reason, and leaves no answer behind."""
    root = authority.root.read_text()
    with Standalone(f"127.0.0.1:{http01_port}") as solver:

        class Silent:
            """Promises an answer and gives none."""

            withdrawn = 0

            def prove(self, _: object) -> None:
                pass

            def withdraw(self, name: str, token: str) -> None:
                Silent.withdrawn += 1
                solver.withdraw(name, token)

        with pytest.raises(ClientError, match=r"localhost|404|answer"):
            Identity.from_acme(authority.directory, ["localhost"], Silent(), root=root)
    assert Silent.withdrawn == 1
