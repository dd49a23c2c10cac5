"""The step API over HTTP: requests in, one domain call each, answers out.

Plain ASGI without a framework, because these routes are most of the work.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from newel.registration.authority import Authority
from newel.registration.errors import malformed
from newel.registration.metrics import Metrics
from newel.registration.step import bodies, peer
from newel.registration.step.error_responses import error_response
from newel.registration.step.read_only_routes import ReadOnlyRoutes
from newel.registration.step.renewal import RenewService
from newel.registration.step.revocation import RevokeService
from newel.registration.step.routing import Handler, Route, RouteTable
from newel.registration.step.signing import SignResult, SignService
from newel.runtime.asgi import Receive, Scope, Send
from newel.runtime.audit import Audit
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.access_log import ROUTE
from newel.runtime.http.response import JSON, Response
from newel.runtime.request_id import request_id
from newel.step.messages import RekeyRequest, RevokeRequest, SignRequest

_log = logging.getLogger("newel.registration.step.routes")
_POST = ("POST",)
_REVOKED = Response(200, b'{"status":"ok"}\n', JSON)
_sign = msgspec.json.Decoder(SignRequest)
_rekey = msgspec.json.Decoder(RekeyRequest)
_revoke = msgspec.json.Decoder(RevokeRequest)


class StepAPI:
    """The ASGI app of the HTTPS listener."""

    def __init__(
        self,
        authority: Authority,
        signing: SignService,
        renewing: RenewService,
        revoking: RevokeService,
        metrics: Metrics,
        audit: Audit,
        read_only: ReadOnlyRoutes,
    ) -> None:
        self._authority = authority
        self._signing = signing
        self._renewing = renewing
        self._revoking = revoking
        self._metrics = metrics
        self._audit = audit
        handlers: Mapping[str, Handler] = {
            "sign": self._on_sign,
            "renew": self._on_renew,
            "re-sign": self._on_renew,
            "rekey": self._on_rekey,
            "revoke": self._on_revoke,
        }
        issuing = {path: Route(path, _POST, handler) for path, handler in handlers.items()}
        self._table = RouteTable({**issuing, **read_only.routes()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        route = self._table.find(scope)
        method = scope["method"]
        if route is None:
            response = error_response(NewelError(ErrorType.NOT_FOUND, ""))
        elif method not in route.methods:
            allow = (b"allow", ", ".join(route.methods).encode())
            response = error_response(NewelError(ErrorType.METHOD_NOT_ALLOWED, ""), allow)
        else:
            scope[ROUTE] = route.name
            response = await _respond(route.handler(scope, receive))
        await response.send(send, body=method != "HEAD")

    async def _on_sign(self, scope: Scope, receive: Receive) -> Response:
        ott = ""

        async def work() -> SignResult:
            nonlocal ott
            body = await bodies.read(scope, receive, _sign)
            ott = body.ott or ""
            return await self._signing.sign(body, request_id())

        return self._answer(await self._decide("sign", scope, work, lambda: _token_facts(ott)))

    async def _on_renew(self, scope: Scope, receive: Receive) -> Response:
        shown: list[peer.Peer] = []

        async def work() -> SignResult:
            await bodies.drain(scope, receive)
            shown.append(self._peer(scope))
            return await self._renewing.renew(shown[0], None, request_id())

        return self._answer(await self._decide("renew", scope, work, lambda: _peer_facts(shown)))

    async def _on_rekey(self, scope: Scope, receive: Receive) -> Response:
        shown: list[peer.Peer] = []

        async def work() -> SignResult:
            data = await bodies.drain(scope, receive)
            holder = peer.from_tls(_client_chain(scope))
            if holder is None:  # a bearer token does not say for which new key it was made
                raise malformed("missing client certificate")
            shown.append(holder)
            body = bodies.decode(_rekey, data)
            return await self._renewing.renew(shown[0], body.csr or "", request_id())

        return self._answer(await self._decide("rekey", scope, work, lambda: _peer_facts(shown)))

    async def _on_revoke(self, scope: Scope, receive: Receive) -> Response:
        facts: dict[str, Any] = _where(scope)
        try:
            body = await bodies.read(scope, receive, _revoke)
            facts |= {"serial": (body.serial or "")[:64], "reason": body.reason_code}
            facts |= _token_facts(body.ott or "")
            shown = None if body.ott else peer.from_tls(_client_chain(scope))
            revoked = await self._revoking.revoke(body, shown, request_id())
        except NewelError as error:
            self._refused("revoke", error, facts)
            raise
        self._metrics.count("revoke", revoked.provisioner, None)
        facts |= {"provisioner": revoked.provisioner, "actor": revoked.actor}
        self._audit.record("revoke", "granted", **facts, active=revoked.active)
        return _REVOKED

    async def _decide(
        self,
        operation: str,
        scope: Scope,
        work: Callable[[], Awaitable[SignResult]],
        proof: Callable[[], dict[str, Any]],
    ) -> SignResult:
        """Does the work of an operation that issues, and writes down how it ended."""
        try:
            self._audit.require_writable()
            issued = await work()
        except NewelError as error:
            self._refused(operation, error, {**_where(scope), **proof()})
            raise
        self._metrics.count(operation, issued.provisioner, None)
        self._audit.record(
            operation,
            "granted",
            provisioner=issued.provisioner,
            subject=issued.subject,
            names=issued.names,
            serial=issued.certificate.serial.hex(),
            issuer=issued.certificate.issuer,
            **_where(scope),
            **proof(),
        )
        return issued

    def _refused(self, operation: str, error: NewelError, facts: dict[str, Any]) -> None:
        self._metrics.count(operation, "", error)
        self._audit.record(operation, "refused", type=error.type.value, cause=error.cause, **facts)

    def _answer(self, issued: SignResult) -> Response:
        issuer = self._authority.trust.issuers.get(issued.certificate.issuer)
        if issuer is None:
            raise NewelError(
                ErrorType.SERVER_INTERNAL, "", cause="a certificate of no known issuer"
            )
        return Response(201, issuer.answer(issued.certificate.der), JSON)

    def _peer(self, scope: Scope) -> peer.Peer:
        """The certificate shown: by TLS, else by the bearer token. Raises the refusal."""
        shown = peer.from_tls(_client_chain(scope))
        if shown is not None:
            return shown
        header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = header.decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise malformed("missing client certificate")
        return peer.from_bearer(token.strip(), self._authority.trust)


async def _respond(work: Awaitable[Response]) -> Response:
    """Return the response, or that of the error; one without a type is logged and tells nothing."""
    try:
        return await work
    except NewelError as error:
        return error_response(error)
    except Exception:  # noqa: BLE001 - the border: a client is told nothing of it
        _log.exception("a request failed")
        return error_response(NewelError(ErrorType.SERVER_INTERNAL, ""))


def _client_chain(scope: Scope) -> list[bytes]:
    return scope.get("extensions", {}).get("tls", {}).get("client_cert_chain_der", [])


def _where(scope: Scope) -> dict[str, Any]:
    return {"remote_address": (scope.get("client") or ("",))[0]}


def _token_facts(ott: str) -> dict[str, Any]:
    """A token is named by its digest: it may still be good when somebody reads the trail."""
    return {"token": hashlib.sha256(ott.encode(errors="replace")).hexdigest()} if ott else {}


def _peer_facts(shown: list[peer.Peer]) -> dict[str, Any]:
    if not shown:
        return {}
    return {
        "proof": "bearer" if shown[0].token else "tls",
        "renewed_from": f"{shown[0].certificate.serial_number:x}",
    }
