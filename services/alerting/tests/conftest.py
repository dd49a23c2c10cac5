"""Alerting with real receivers, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from fakes.slack import SlackReceiver
from fakes.smtp import MailServer
from fakes.webhook import WebhookReceiver
from fixtures.migrated import prepare
from newel.alerting.app import REVISION
from newel.runtime.database.connect import open_database
from newel.runtime.database.contract import Database

SECRET = "correct horse battery staple"

SecretFile = Callable[[str], Path]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await prepare(database_url, "newel.alerting", REVISION)
    opened = await open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def secret_file(tmp_path: Path) -> SecretFile:
    """Writes a secret into a file of its own."""

    def write(text: str = SECRET) -> Path:
        file = tmp_path / f"secret-{len(list(tmp_path.iterdir()))}"
        file.write_text(text + "\n")
        file.chmod(0o600)
        return file

    return write


@pytest.fixture
def webhook() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET.encode()) as receiver:
        yield receiver


@pytest.fixture
def slack() -> Iterator[SlackReceiver]:
    with SlackReceiver() as receiver:
        yield receiver


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server
