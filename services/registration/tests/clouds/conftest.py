"""A cloud, the server of its public keys, and authorities that fetch them there."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.clouds import Cloud, KeyServer
from fixtures.authority import CertificateAuthority
from fixtures.instances import Open
from fixtures.pki import InternalPki
from fixtures.registration import RegistrationHarness, open_registration


@pytest.fixture(scope="session")
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture(scope="session")
def key_server(cloud: Cloud, pki: InternalPki) -> Iterator[KeyServer]:
    files = pki.files("localhost")
    with KeyServer(cloud, files.certificate, files.key) as running:
        yield running


@pytest.fixture
async def open_ra(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens a process with the given provisioners."""
    opened: list[RegistrationHarness] = []

    async def open_one(*records: dict[str, Any]) -> RegistrationHarness:
        url = f"sqlite:///{tmp_path}/ra{len(opened)}.db"
        opened.append(await open_registration(url, authority, provisioners=records))
        return opened[-1]

    yield open_one
    for each in opened:
        await each.database.close()
