"""The ASGI application under ``/acme`` and ``/2.0/acme``: one table of resources, no framework."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from newel.acme import jws
from newel.acme.problems import ACMEError, ErrorCode
from newel.registration.acme import endpoints, objects, responses
from newel.registration.acme.authentication import Signer
from newel.registration.acme.authorities import Authorities
from newel.registration.acme.calls import Call, not_found_error
from newel.registration.acme.endpoints import Result
from newel.registration.acme.server import Server
from newel.registration.acme.urls import URLs
from newel.registration.audit_trail import Decision
from newel.registration.provisioners.acme import ACMEProvisioner, ACMEProvisioners
from newel.registration.rate_limits import RateLimitedError
from newel.runtime.asgi import Receive, Scope, Send, find_header
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.access_log import ROUTE
from newel.runtime.http.request_body import read_body
from newel.runtime.http.response import Header, Response, retry_after

_log = logging.getLogger("newel.registration.acme")

Endpoint: TypeAlias = Callable[..., Awaitable[Result]]

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


async def _account_orders(server: Server, call: Call, identity: str, *, query: bytes) -> Result:
    after = parse_qs(query.decode("latin-1")).get("after", [""])[-1]
    return await endpoints.account_orders(server, call, identity, after)


# by resource and number of segments after it: the text after the id, who signs, the endpoint
_POSTS: dict[tuple[str, int], tuple[str, Signer, Endpoint]] = {
    ("new-account", 0): ("", Signer.KEY, endpoints.new_account),
    ("account", 1): ("", Signer.ACCOUNT, endpoints.account),
    ("account", 2): ("orders", Signer.ACCOUNT, _account_orders),
    ("new-order", 0): ("", Signer.ACCOUNT, endpoints.new_order),
    ("new-authz", 0): ("", Signer.ACCOUNT, endpoints.new_authz),
    ("order", 1): ("", Signer.ACCOUNT, endpoints.order),
    ("order", 2): ("finalize", Signer.ACCOUNT, endpoints.finalize),
    ("authz", 1): ("", Signer.ACCOUNT, endpoints.authorization),
    ("challenge", 2): ("*", Signer.ACCOUNT, endpoints.challenge),
    ("certificate", 1): ("", Signer.ACCOUNT, endpoints.certificate),
    ("certificate", 2): ("*", Signer.ACCOUNT, endpoints.certificate),
    ("revoke-cert", 0): ("", Signer.EITHER, endpoints.revoke_cert),
    ("key-change", 0): ("", Signer.ACCOUNT, endpoints.key_change),
}


class ACMEApp:
    """Finds the resource, authenticates the request, and always answers."""

    def __init__(
        self, server: Server, provisioners: ACMEProvisioners, authorities: Authorities
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
            self._audit_error(scope, error)
            response = responses.error_response(error)
        except ACMEError as error:
            typed = NewelError(_TYPES[error.code], error.detail)
            self._audit_error(scope, typed)
            response = responses.error_response(typed)
        except Exception:  # noqa: BLE001 - the border: a client learns nothing of it
            _log.exception("a request could not be answered")
            response = responses.error_response(
                NewelError(ErrorType.SERVER_INTERNAL, "an internal error")
            )
        # old clients take their first nonce from the error to a HEAD
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
            raise not_found_error()
        urls = URLs.of(authority, name)
        headers.append(responses.link(urls.to("directory"), "index"))
        method = scope["method"]
        if method == "OPTIONS":
            return Response(204, headers=_PREFLIGHT)
        if resource == "renewal-info" and len(arguments) == 1:
            if method not in {"GET", "HEAD"}:
                headers.append((b"allow", b"GET"))
                raise NewelError(ErrorType.METHOD_NOT_ALLOWED, "this resource is asked with GET")
            return await self._read_renewal_info(arguments[0])
        if resource in {"directory", "new-nonce"} and not arguments:
            if method == "POST":  # allowed as well as GET (RFC 8555 §6.3)
                signer = Signer.ACCOUNT
                call = await self._verify(scope, receive, authority, urls, provisioner, signer)
                call.require_get()
                await call.commit()
            return self._open(method, resource, urls, provisioner)
        tail, signer, endpoint = _POSTS.get((resource, len(arguments)), ("?", None, None))
        if endpoint is None or signer is None or (tail != "*" and arguments[1:] != tail.split()):
            raise not_found_error()
        if method != "POST":
            headers.append((b"allow", b"POST"))
            raise NewelError(ErrorType.METHOD_NOT_ALLOWED, "this resource is asked with POST")
        call = await self._verify(scope, receive, authority, urls, provisioner, signer)
        if endpoint is _account_orders:
            return await self._use(
                call, _account_orders, arguments[:1], query=scope["query_string"]
            )
        return await self._use(call, endpoint, arguments if tail == "*" else arguments[:1])

    async def _use(
        self, call: Call, endpoint: Endpoint, arguments: list[str], **named: Any
    ) -> Response:
        """Run an endpoint and write its decision down. A refused request uses its nonce as well."""
        try:
            response, decision = await endpoint(self._server, call, *arguments, **named)
        except (NewelError, ACMEError):
            if not call.committed:
                await call.commit()
            raise
        if decision is not None:
            self._server.audit_trail.write(decision)
        return response

    async def _verify(
        self,
        scope: Scope,
        receive: Receive,
        authority: str,
        urls: URLs,
        provisioner: ACMEProvisioner,
        signer: Signer,
    ) -> Call:
        content_type = find_header(scope, b"content-type").partition(b";")[0].strip().lower()
        if content_type != _JOSE:
            raise NewelError(ErrorType.UNSUPPORTED_MEDIA_TYPE, "requests are application/jose+json")
        body = await read_body(receive, jws.MAX_REQUEST, scope["headers"])
        return await self._server.authenticator.verify(
            body,
            url=_url(scope, authority),
            urls=urls,
            provisioner=provisioner,
            signer=signer,
            address=str((scope.get("client") or ("",))[0]),
        )

    def _open(
        self, method: str, resource: str, urls: URLs, provisioner: ACMEProvisioner
    ) -> Response:
        """Answer without a signature: the directory and fresh nonces."""
        if method not in {"GET", "HEAD", "POST"}:
            raise NewelError(ErrorType.METHOD_NOT_ALLOWED, "this resource is asked with GET")
        if resource == "directory":
            return responses.json(objects.directory(urls, provisioner))
        if method == "POST":
            return Response(204)
        nonce = (b"replay-nonce", self._server.nonces.new().encode())
        return Response(200 if method == "HEAD" else 204, headers=(nonce,))

    async def _read_renewal_info(self, name: str) -> Response:
        """Answer without a signature (RFC 9773 §4.1): what the identifier says is in the certificate."""
        shown, pause = await self._server.renewal_info.read(name)
        return responses.json(shown, retry_after(pause))

    def _audit_error(self, scope: Scope, error: NewelError) -> None:
        if isinstance(error, RateLimitedError):  # the limit writes one line for many
            return
        path = str(scope["path"])[:256]
        self._server.audit_trail.write(
            Decision("acme.request", {"provisioner": "", "path": path}, error)
        )


def _authority(scope: Scope) -> str:
    return find_header(scope, b"host").decode("latin-1")


def _url(scope: Scope, authority: str) -> str:
    """Return the URL of the request, octet by octet as the client sent it."""
    path = scope.get("raw_path") or scope["path"].encode()
    query = scope["query_string"]
    target = path + b"?" + query if query else path
    return f"https://{authority}{target.decode('latin-1')}"
