"""Servers that publish keys, shared by the tests of one module."""

from collections.abc import Iterator

import pytest

from fakes.token_issuer import TokenIssuer
from fixtures.pki import InternalPki


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> InternalPki:
    """An authority for the servers of this machine."""
    return InternalPki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def issuer(pki: InternalPki) -> Iterator[TokenIssuer]:
    """A provider with one key."""
    with TokenIssuer(pki.files("localhost")) as running:
        yield running
