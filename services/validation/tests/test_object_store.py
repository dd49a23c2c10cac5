"""CRLs in a bucket of S3-style storage: versitygw, a real server of that interface."""

import datetime as dt
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from cryptography import x509

from fixtures.needs import find_program
from fixtures.processes import free_port, wait_until
from fixtures.validation import ValidationHarness, open_harness
from newel.crypto import crl_files

_ACCESS, _SECRET = "tests", "of-the-tests-alone"
pytestmark = pytest.mark.needs("versitygw")


@dataclass
class Store:
    """A server with an empty bucket, which can be stopped and started."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "bucket": "pki", "prefix": "crl/", "endpoint": f"http://127.0.0.1:{self.port}",
            "region": "us-east-1", "credentials_file": self.folder / "credentials",
        }  # fmt: skip # a table

    @property
    def client(self) -> Any:
        return boto3.client(
            "s3", endpoint_url=self.settings["endpoint"], region_name="us-east-1",
            aws_access_key_id=_ACCESS, aws_secret_access_key=_SECRET,
        )  # fmt: skip # a table

    def start(self) -> None:
        program = find_program("versitygw")
        assert program is not None
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        (self.folder / "beside").mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [program, "--access", _ACCESS, "--secret", _SECRET, "--port", f"127.0.0.1:{self.port}",
             "posix", "--sidecar", self.folder / "beside", data],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip # a command line
        wait_until(self._answers, "the store to answer")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def _answers(self) -> bool:
        try:
            self.client.list_buckets()
        except (BotoCoreError, ClientError):
            return False
        return True


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store whose credentials are in a file."""
    folder = tmp_path / "s3"
    folder.mkdir()
    lines = "[default]", f"aws_access_key_id={_ACCESS}", f"aws_secret_access_key={_SECRET}"
    (folder / "credentials").write_text("\n".join(lines))
    made = Store(folder, free_port())
    made.start()
    made.client.create_bucket(Bucket="pki")
    yield made
    made.stop()


async def publish(harness: ValidationHarness) -> None:
    await harness.parts.publisher.publish_due()
    await harness.parts.distribution.distribute_due()


async def test_the_latest_list_is_in_the_bucket_for_http_to_serve(
    store: Store, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'v.db'}"
    harness = await open_harness(tmp_path, url, crl={"s3": store.settings})
    await publish(harness)
    await harness.revoke(0x7001)
    await publish(harness)
    hosted = store.client.get_object(Bucket="pki", Key=f"crl/{harness.ca.id}.crl")
    assert hosted["Body"].read() == (await harness.get("/crl")).body
    assert hosted["ContentType"] == "application/pkix-crl"
    assert hosted["CacheControl"] == "max-age=5, public, no-transform, must-revalidate"
    await harness.close()


@pytest.mark.attack("X09")
async def test_the_bucket_is_the_memory_of_numbers_and_never_goes_back(
    store: Store, tmp_path: Path
) -> None:
    settings = {"s3": store.settings}
    harness = await open_harness(tmp_path, f"sqlite:///{tmp_path / 'v.db'}", crl=settings)
    await publish(harness)
    before = read_number(store, harness)
    await harness.close()
    harness.moved.advance(dt.timedelta(hours=-1))
    new = f"sqlite:///{tmp_path / 'new.db'}"
    restored = await open_harness(tmp_path / "again", new, beside=harness, crl=settings)
    await publish(restored)
    assert read_number(store, restored) > before
    await restored.close()


async def test_a_store_that_is_away_is_named_and_has_the_list_when_it_is_back(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path / 'v.db'}"
    harness = await open_harness(tmp_path, url, crl={"s3": store.settings})
    store.stop()
    await publish(harness)
    assert (await harness.get("/crl")).status == 200
    assert "CRLs could not be published at the s3: bucket pki: " in caplog.text
    assert _SECRET not in caplog.text
    store.start()
    await publish(harness)
    assert read_number(store, harness) > 0
    await harness.close()


async def test_addresses_of_cloud_metadata_are_not_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"bucket": "pki", "endpoint": "http://169.254.169.254", "region": "us-east-1"}
    url = f"sqlite:///{tmp_path / 'v.db'}"
    harness = await open_harness(tmp_path, url, crl={"s3": settings})
    await publish(harness)
    assert "connections to 169.254.169.254 are not allowed" in caplog.text
    await harness.close()


def read_number(store: Store, harness: ValidationHarness) -> int:
    hosted = store.client.get_object(Bucket="pki", Key=f"crl/{harness.ca.id}.crl")
    return crl_files.list_number(x509.load_der_x509_crl(hosted["Body"].read()))
