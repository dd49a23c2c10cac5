"""The registration authority on SQLite, and on both databases where the database decides."""

import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from fakes.http_receiver import HttpReceiver
from fakes.token_issuer import TokenIssuer
from fixtures.authority import CertificateAuthority, make_authority
from fixtures.pki import InternalPki
from fixtures.registration import RegistrationHarness, open_registration
from fixtures.webhooks import make_server_context


@pytest.fixture(scope="session")
def few_roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of one root, that of nothing which tests talk to."""
    return make_authority(tmp_path_factory.mktemp("roots")).root_file


@pytest.fixture(scope="module", autouse=True)
def system_of_few_roots(few_roots: Path) -> Iterator[None]:
    """Reading the system's roots takes half the time of making a registration authority."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(few_roots))
        yield


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    """A root and an intermediate."""
    return make_authority(tmp_path)


@pytest.fixture
async def ra(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[RegistrationHarness]:
    """One process on SQLite."""
    opened = await open_registration(f"sqlite:///{tmp_path}/ra.db", authority)
    yield opened
    await opened.database.close()


@pytest.fixture
async def each_ra(
    authority: CertificateAuthority, database_url: str
) -> AsyncIterator[RegistrationHarness]:
    """One process, on each database in turn."""
    opened = await open_registration(database_url, authority)
    yield opened
    await opened.database.close()


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> InternalPki:
    """An authority for the servers of this machine."""
    return InternalPki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def server_context(pki: InternalPki) -> ssl.SSLContext:
    """TLS of such a server."""
    return make_server_context(pki)


@pytest.fixture
def receiver(server_context: ssl.SSLContext) -> Iterator[HttpReceiver]:
    """A server of webhooks."""
    with HttpReceiver(tls=server_context) as running:
        yield running


@pytest.fixture
def issuer(pki: InternalPki) -> Iterator[TokenIssuer]:
    """A provider with one key."""
    with TokenIssuer(pki.files("localhost")) as running:
        yield running
