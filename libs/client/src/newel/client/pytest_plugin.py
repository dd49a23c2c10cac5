"""Fixtures for tests of programs that use TLS: a throw-away authority, alone or on loopback.

pytest loads this in every run, so what it needs is imported by the fixtures that are used.
"""

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from newel.client.identity import Identity
    from newel.client.throwaway import ThrowawayAuthority
    from newel.client.throwaway_server import ThrowawayServer


@pytest.fixture
def throwaway_authority() -> "ThrowawayAuthority":
    """Provide an authority in this process, without a port: certificates in a millisecond."""
    from newel.client.throwaway import ThrowawayAuthority

    return ThrowawayAuthority()


@pytest.fixture
def throwaway_server(throwaway_authority: "ThrowawayAuthority") -> Generator["ThrowawayServer"]:
    """Provide the same authority on loopback, with faults to switch on."""
    from newel.client.throwaway_server import ThrowawayServer

    with ThrowawayServer(throwaway_authority) as server:
        yield server


@pytest.fixture
def rotating_identity(throwaway_server: "ThrowawayServer") -> Generator["Identity"]:
    """Provide an identity for localhost that renews itself, and on `renew()`."""
    from newel.client.identity import Identity

    with Identity.from_token(throwaway_server.token("localhost")) as identity:
        yield identity
