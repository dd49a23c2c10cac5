"""The latest CRLs as objects of S3-style storage, by its official client: for static hosting.

Each call checks the host's addresses against the egress policy, which refuses those of cloud metadata.
"""

from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.config
import botocore.exceptions
import botocore.session

from newel.crypto.crl_files import MAX_LIST
from newel.runtime.config import ConfigError
from newel.runtime.egress import EgressError, EgressPolicy
from newel.runtime.work import run_in_thread
from newel.validation.config import ObjectStoreConfig
from newel.validation.documents import cache_control

_MISSING = frozenset({"NoSuchKey", "404"})


class CRLBucket:
    """Objects ``<prefix><name>.crl`` of a bucket, DER. Methods raise OSError."""

    kind = "s3"

    def __init__(self, config: ObjectStoreConfig, max_age: int) -> None:
        """``max_age``: seconds that HTTP caches keep a list. Raises ConfigError."""
        self._bucket = config.bucket
        self._prefix = config.prefix
        self._cache_control = cache_control(max_age)[1].decode()
        self._egress = EgressPolicy()
        try:
            self._client: Any = _make_client(config)
        except botocore.exceptions.BotoCoreError as error:
            raise ConfigError(f"crl.s3: {error}") from None

    async def read(self, name: str) -> bytes | None:
        """Return the object of this name; None when there is none."""
        await self._check_host()
        return await run_in_thread(self._read, name)

    async def write(self, name: str, crl: bytes) -> None:
        """Replace the object of this name; the service does so at once, or not at all."""
        await self._check_host()
        await run_in_thread(self._write, name, crl)

    async def _check_host(self) -> None:
        host = urlsplit(str(self._client.meta.endpoint_url)).hostname or ""
        try:
            await self._egress.resolve(host)
        except EgressError as error:
            raise OSError(f"bucket {self._bucket}: {error}") from None

    def _read(self, name: str) -> bytes | None:
        try:
            found: Any = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
            if found["ContentLength"] > MAX_LIST:
                raise OSError(f"bucket {self._bucket}: {self._key(name)} is too long for a list")
            with found["Body"] as body:
                return body.read(MAX_LIST)
        except botocore.exceptions.ClientError as error:
            answer: Any = error.response
            if answer.get("Error", {}).get("Code") in _MISSING:
                return None
            raise self._unreachable(error) from None
        except botocore.exceptions.BotoCoreError as error:
            raise self._unreachable(error) from None

    def _write(self, name: str, crl: bytes) -> None:
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(name),
                Body=crl,
                ContentType="application/pkix-crl",
                CacheControl=self._cache_control,
            )
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
            raise self._unreachable(error) from None

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}.crl"

    def _unreachable(self, error: Exception) -> OSError:
        return OSError(f"bucket {self._bucket}: {str(error)[:300]}")


def _make_client(config: ObjectStoreConfig) -> Any:
    """Make a client whose attempts, times and connections are bounded."""
    base: Any = botocore.session.Session(profile=config.profile)
    if config.credentials_file:
        if not config.credentials_file.is_file():
            raise ConfigError(f"crl.s3: {config.credentials_file}: no such file")
        base.set_config_variable("credentials_file", str(config.credentials_file))
    session: Any = boto3.Session(botocore_session=base, region_name=config.region)
    return session.client(
        "s3",
        endpoint_url=config.endpoint,
        config=botocore.config.Config(
            connect_timeout=3,
            read_timeout=30,
            max_pool_connections=4,
            retries={"mode": "standard", "total_max_attempts": 2},
            # a named service may have no names for its buckets
            s3={"addressing_style": "path" if config.endpoint else "auto"},
        ),
    )
