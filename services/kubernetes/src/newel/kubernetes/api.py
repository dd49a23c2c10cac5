"""The API server, by lightkube: objects are plain dictionaries, errors are the two of ``errors``."""

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from lightkube import ApiError, AsyncClient
from lightkube.config.client_adapter import user_cert
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError as LightkubeConfigError
from lightkube.models.authentication_v1 import TokenRequest, TokenRequestSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Event, Secret, ServiceAccountToken
from lightkube.types import PatchType

from newel.client.trust import client_tls
from newel.kubernetes.errors import APIError, OutageError, shorten
from newel.kubernetes.kinds import Kind
from newel.runtime.config import ConfigError

FIELD_MANAGER = "newel-kubernetes"
WATCH_SECONDS = 270
"""After which the server ends a watch, so that a connection that died is noticed."""
PACE_SECONDS = 1.0
"""Between the beginnings of two watches of one kind: a server that ends them at once is not flooded."""
_CHUNK = 500
_CALL_SECONDS = 15.0

Object = dict[str, Any]


class Change(NamedTuple):
    """One event of a watch: ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK``."""

    type: str
    object: Object


class PacedTransport(httpx2.AsyncHTTPTransport):
    """Lets a second pass between two watches of one kind."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(verify=tls)
        self._next: dict[str, float] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, a watch perhaps a little later."""
        if request.url.params.get("watch") == "true":
            now = asyncio.get_running_loop().time()
            path = request.url.path
            at = max(self._next.get(path, now), now)
            self._next[path] = at + PACE_SECONDS
            await asyncio.sleep(at - now)
        return await super().handle_async_request(request)


class KubernetesAPI:
    """What the controller asks of the API server."""

    def __init__(self, client: AsyncClient) -> None:
        self._client: Any = client

    async def list_all(self, kind: Kind) -> tuple[list[Object], str]:
        """Return every object of a kind, and the version after which to watch.

        Raises APIError (404 where the kind is not defined) or OutageError.
        """
        async with translate_errors():
            namespace = {"namespace": "*"} if kind.namespaced else {}
            found = self._client.list(kind.resource, chunk_size=_CHUNK, **namespace)
            objects = [dict(each) async for each in found]
            return objects, found.resourceVersion

    async def watch(self, kind: Kind, version: str) -> AsyncIterator[Change]:
        """Yield what changes after a version. Raises APIError (410: list again) or OutageError."""
        namespace = {"namespace": "*"} if kind.namespaced else {}
        async with translate_errors():
            changes = self._client.watch(
                kind.resource, server_timeout=WATCH_SECONDS, resource_version=version, **namespace
            )
            async for type_, found in changes:
                yield Change(type_, dict(found))

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        """Return one object. Raises APIError or OutageError."""
        async with translate_errors():
            return dict(await self._client.get(kind.resource, name, **_place(kind, namespace)))

    async def create(self, kind: Kind, body: Object) -> Object:
        """Create an object. Raises APIError (409 where it exists) or OutageError."""
        async with translate_errors():
            place = _place(kind, body["metadata"].get("namespace", ""))
            return dict(await self._client.create(kind.resource(body), **place))

    async def replace(self, kind: Kind, body: Object) -> Object:
        """Replace an object of the version in its metadata. Raises APIError (409) or OutageError."""
        async with translate_errors():
            place = _place(kind, body["metadata"].get("namespace", ""))
            return dict(await self._client.replace(kind.resource(body), **place))

    async def apply_status(self, kind: Kind, found: Object, status: Object) -> None:
        """Apply the controller's part of an object's status, and leave the parts of others alone.

        The object's uid goes with it: one made again under the same name is not written to. Raises
        APIError (404 or 409 where it is gone) or OutageError.
        """
        metadata = found["metadata"]
        own = {name: metadata[name] for name in ("name", "namespace", "uid") if name in metadata}
        body = kind.resource.Status({"metadata": own, "status": status})
        async with translate_errors():
            await self._client.patch(
                kind.resource.Status, metadata["name"], body, patch_type=PatchType.APPLY,
                field_manager=FIELD_MANAGER, force=True,
                **_place(kind, metadata.get("namespace", "")),
            )  # fmt: skip # a call

    async def apply(self, kind: Kind, body: Object) -> None:
        """Create an object, or make what the controller owns of it as given.

        Raises APIError or OutageError.
        """
        metadata = body["metadata"]
        async with translate_errors():
            await self._client.patch(
                kind.resource, metadata["name"], kind.resource(body), patch_type=PatchType.APPLY,
                field_manager=FIELD_MANAGER, force=True,
                **_place(kind, metadata.get("namespace", "")),
            )  # fmt: skip # a call

    async def create_event(self, namespace: str, body: Object) -> None:
        """Create an event. Raises APIError or OutageError."""
        async with translate_errors():
            event = Event.from_dict(body)  # pyright: ignore[reportUnknownMemberType] - partial types
            await self._client.create(event, namespace=namespace)

    async def read_secret(self, namespace: str, name: str) -> dict[str, str]:
        """Return a secret's entries in base64. Raises APIError or OutageError."""
        async with translate_errors():
            found = await self._client.get(Secret, name, namespace=namespace)
            return dict(found.data or {})

    async def request_token(self, namespace: str, account: str, audience: str, seconds: int) -> str:
        """Return a token of a service account for one audience. Raises APIError or OutageError."""
        body = TokenRequestSpec(audiences=[audience], expirationSeconds=seconds)
        async with translate_errors():
            made = await self._client.create(
                ServiceAccountToken(spec=body, metadata=ObjectMeta()), account, namespace=namespace
            )
        answer: TokenRequest = made
        if answer.status is None or answer.status.token is None:
            raise OutageError("The API server answered a request for a token without a token.")
        return answer.status.token

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def connect(kubeconfig: Path | None) -> KubernetesAPI:
    """Return the API server of this pod, or of a file. Raises ConfigError."""
    try:
        loaded = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_env()
        found: SingleConfig | None = loaded.get()
        if found is None or found.user is None:
            raise ConfigError("kubeconfig: it names no user")
        tls = _trust(found)
    except (LightkubeConfigError, OSError, KeyError, ValueError) as error:
        raise ConfigError(f"kubeconfig: the API server is not known: {error}") from None
    client = AsyncClient(
        config=found,
        timeout=httpx2.Timeout(_CALL_SECONDS),
        field_manager=FIELD_MANAGER,
        trust_env=False,
        transport=PacedTransport(tls),
    )
    return KubernetesAPI(client)


def _trust(config: SingleConfig) -> ssl.SSLContext:
    """Return a context that trusts the cluster's roots alone. Raises ConfigError, OSError or ValueError."""
    cluster = config.cluster
    if cluster.insecure:
        raise ConfigError("kubeconfig: insecure-skip-tls-verify is not honoured; give its roots")
    if cluster.certificate_auth_data:
        roots = base64.b64decode(cluster.certificate_auth_data).decode()
    elif cluster.certificate_auth:
        roots = Path(config.abs_file(cluster.certificate_auth)).read_text()
    else:
        roots = None
    context = client_tls(roots)
    certificate = user_cert(config.user, config.abs_file) if config.user else None
    if certificate:
        context.load_cert_chain(*certificate)
    return context


def _place(kind: Kind, namespace: str) -> dict[str, str]:
    return {"namespace": namespace} if kind.namespaced else {}


@asynccontextmanager
async def translate_errors() -> AsyncGenerator[None]:
    """Raise the errors of ``errors`` for those of the library."""
    try:
        yield
    except ApiError as error:
        code, message = error.status.code or 500, error.status.message or "it says no more"
        raise _translate(code, message) from None
    except httpx2.HTTPStatusError as error:
        raise _translate(error.response.status_code, "it says no more") from None
    except (httpx2.HTTPError, OSError, ValueError, KeyError) as error:
        said = shorten(str(error)) or type(error).__name__
        raise OutageError(f"The API server does not answer: {said}") from None


def _translate(code: int, message: str) -> Exception:
    said = shorten(message)
    if code in {429, 500, 502, 503, 504}:
        return OutageError(f"The API server cannot answer ({code}): {said}")
    return APIError(code, said)
