"""The ASGI application under ``/acme`` and ``/2.0/acme``: one table of resources, no framework."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from newel.acme import jws, messages
from newel.acme.problems import ACMEError, ErrorCode
from newel.registration.acme import (
    accounts,
    authorizations,
    key_changes,
    orders,
    responses,
    revocation,
)
from newel.registration.acme.authentication import Signer
from newel.registration.acme.authorities import Authorities
from newel.registration.acme.calls import Call, not_found
from newel.registration.acme.server import Server
from newel.registration.acme.settings import Provisioners
from newel.registration.acme.urls import URLs
from newel.registration.audit_trail import Decision
from newel.registration.provisioners.acme import ACMEProvisioner
from newel.registration.rate_limits import RateLimitedError
from newel.runtime.asgi import Receive, Scope, Send
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.access_log import ROUTE
from newel.runtime.http.request_body import read_body
from newel.runtime.http.response import Header, Response

_log = logging.getLogger("newel.registration.acme")

Endpoint: TypeAlias = Callable[..., Awaitable[Response]]

_TYPES = {code: ErrorType(code.value) for code in ErrorCode}
_JOSE = b"application/jose+json"
_NO_STORE = (b"cache-control", b"no-store")
_CORS: tuple[Header, ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Link, Location, Replay-Nonce, Retry-After"),
)
_PREFLIGHT: tuple[Header, ...] = (
    (b"access-control-allow-methods", b"GET, HEAD, POST"),
    (b"access-control-allow-headers", b"Content-Type"),
    (b"access-control-max-age", b"86400"),
)


async def _orders(server: Server, call: Call, identity: str, *, query: bytes) -> Response:
    after = parse_qs(query.decode("latin-1")).get("after", [""])[-1]
    return await accounts.orders(server, call, identity, after)


# resource → by number of segments after it, what must follow the id, who signs, and what answers
_POSTS: dict[tuple[str, int], tuple[str, Signer, Endpoint]] = {
    ("new-account", 0): ("", Signer.KEY, accounts.new_account),
    ("account", 1): ("", Signer.ACCOUNT, accounts.account),
    ("account", 2): ("orders", Signer.ACCOUNT, _orders),
    ("new-order", 0): ("", Signer.ACCOUNT, orders.new_order),
    ("order", 1): ("", Signer.ACCOUNT, orders.order),
    ("order", 2): ("finalize", Signer.ACCOUNT, orders.finalize),
    ("authz", 1): ("", Signer.ACCOUNT, authorizations.authorization),
    ("challenge", 2): ("*", Signer.ACCOUNT, authorizations.challenge),
    ("certificate", 1): ("", Signer.ACCOUNT, orders.certificate),
    ("revoke-cert", 0): ("", Signer.EITHER, revocation.revoke_cert),
    ("key-change", 0): ("", Signer.ACCOUNT, key_changes.change_key),
}


class ACMEApp:
    """Finds the resource, authenticates the request, and answers whatever happens."""

    def __init__(
        self, server: Server, provisioners: Provisioners, authorities: Authorities
    ) -> None:
        self._server = server
        self._provisioners = provisioners
        self._authorities = authorities

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request. ``scope["path"]`` is whole: the mount's prefix is part of it."""
        scope[ROUTE] = "acme"
        headers: list[Header] = [_NO_STORE, *_CORS]
        try:
            response = await self._respond(scope, receive, headers)
        except NewelError as error:
            self._audit_refusal(scope, error)
            response = responses.error_response(error)
        except ACMEError as error:
            typed = NewelError(_TYPES[error.code], error.detail)
            self._audit_refusal(scope, typed)
            response = responses.error_response(typed)
        except Exception:  # noqa: BLE001 - the last border: nothing of it is told to the client
            _log.exception("a request could not be answered")
            response = responses.error_response(
                NewelError(ErrorType.SERVER_INTERNAL, "an internal error")
            )
        # old clients take their first nonce from the refusal of a HEAD
        if scope["method"] == "POST" or response.status == 405:
            headers.append((b"replay-nonce", self._server.nonces.new().encode()))
        await response.send(send, *headers, body=scope["method"] != "HEAD")

    async def _respond(self, scope: Scope, receive: Receive, headers: list[Header]) -> Response:
        authority = _authority(scope)
        if not self._authorities.allows(authority):
            raise NewelError(ErrorType.UNAUTHORIZED, "this host is not one of this server's names")
        _, _, path = scope["path"].partition("/acme/")
        name, _, rest = path.partition("/")
        resource, *arguments = rest.split("/")
        provisioner = self._provisioners(name)
        if provisioner is None:
            raise not_found()
        urls = URLs.of(authority, name)
        headers.append(responses.link(urls.to("directory"), "index"))
        method = scope["method"]
        if method == "OPTIONS":
            return Response(204, headers=_PREFLIGHT)
        if resource in {"directory", "new-nonce"} and not arguments:
            if method == "POST":  # allowed beside GET (RFC 8555 §6.3)
                signer = Signer.ACCOUNT
                call = await self._verify(scope, receive, authority, urls, provisioner, signer)
                call.require_get()
                await call.commit()
            return self._open(method, resource, urls, provisioner)
        tail, signer, endpoint = _POSTS.get((resource, len(arguments)), ("?", None, None))
        if endpoint is None or signer is None or (tail != "*" and arguments[1:] != tail.split()):
            raise not_found()
        if method != "POST":
            headers.append((b"allow", b"POST"))
            raise NewelError(ErrorType.METHOD_NOT_ALLOWED, "this resource is asked with POST")
        call = await self._verify(scope, receive, authority, urls, provisioner, signer)
        if endpoint is _orders:
            return await self._use(call, _orders, arguments[:1], query=scope["query_string"])
        return await self._use(call, endpoint, arguments if tail == "*" else arguments[:1])

    async def _use(
        self, call: Call, endpoint: Endpoint, arguments: list[str], **named: Any
    ) -> Response:
        """The endpoint's answer. A refused request uses its nonce as well: what was signed is spent."""
        try:
            return await endpoint(self._server, call, *arguments, **named)
        except (NewelError, ACMEError):
            if not call.committed:
                await call.commit()
            raise

    async def _verify(
        self,
        scope: Scope,
        receive: Receive,
        authority: str,
        urls: URLs,
        provisioner: ACMEProvisioner,
        signer: Signer,
    ) -> Call:
        content_type = _header(scope, b"content-type").partition(b";")[0].strip().lower()
        if content_type != _JOSE:
            raise NewelError(ErrorType.UNSUPPORTED_MEDIA_TYPE, "requests are application/jose+json")
        body = await read_body(receive, jws.MAX_REQUEST, scope["headers"])
        return await self._server.authenticator.verify(
            body, url=_url(scope, authority), urls=urls, provisioner=provisioner, signer=signer
        )

    def _open(
        self, method: str, resource: str, urls: URLs, provisioner: ACMEProvisioner
    ) -> Response:
        """What is answered without a signature: the directory and fresh nonces."""
        if method not in {"GET", "HEAD", "POST"}:
            raise NewelError(ErrorType.METHOD_NOT_ALLOWED, "this resource is asked with GET")
        if resource == "directory":
            return responses.json(directory(urls, provisioner))
        if method == "POST":
            return Response(204)
        nonce = (b"replay-nonce", self._server.nonces.new().encode())
        return Response(200 if method == "HEAD" else 204, headers=(nonce,))

    def _audit_refusal(self, scope: Scope, error: NewelError) -> None:
        if isinstance(error, RateLimitedError):  # written down by the limit, one for many
            return
        path = str(scope["path"])[:256]
        self._server.decisions.write(
            Decision("acme.request", {"provisioner": "", "path": path}, error)
        )


def directory(urls: URLs, provisioner: ACMEProvisioner) -> messages.Directory:
    """The directory of one provisioner (RFC 8555 §7.1.1)."""
    meta = messages.Meta(
        provisioner.terms_of_service or None,
        provisioner.website or None,
        provisioner.caa_identities,
        provisioner.require_external_account,
    )
    return messages.Directory(
        urls.to("new-nonce"),
        urls.to("new-account"),
        urls.to("new-order"),
        urls.to("revoke-cert"),
        urls.to("key-change"),
        None if meta == messages.Meta() else meta,
    )


def _header(scope: Scope, name: bytes) -> bytes:
    for key, value in scope["headers"]:
        if key == name:
            return value
    return b""


def _authority(scope: Scope) -> str:
    return _header(scope, b"host").decode("latin-1")


def _url(scope: Scope, authority: str) -> str:
    """What the client asked, octet by octet, as it stands in the request."""
    path = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"]
    target = path + b"?" + query if query else path
    return f"https://{authority}{target.decode('latin-1')}"
