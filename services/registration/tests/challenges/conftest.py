"""Real servers on this machine, for validations to look at."""

from collections.abc import AsyncIterator

import pytest

from fakes.name_server import NameServer


@pytest.fixture
async def dns() -> AsyncIterator[NameServer]:
    server = NameServer()
    await server.start()
    yield server
    await server.stop()
