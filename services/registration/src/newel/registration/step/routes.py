"""The step API over HTTP: requests in, one domain call each, answers out.

The routes that issue are looked up in a table and are plain ASGI, because they are most of the work;
the others are Starlette's. Every route is there with and without ``/1.0``.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from newel.registration.authority import Authority
from newel.registration.errors import malformed
from newel.registration.metrics import Metrics
from newel.registration.step import bodies, error_responses, peer
from newel.registration.step.renewal import RenewService
from newel.registration.step.revocation import RevokeService
from newel.registration.step.signing import SignResult, SignService
from newel.runtime.asgi import ASGIApp, Receive, Scope, Send
from newel.runtime.audit import Audit
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.access_log import ROUTE
from newel.runtime.request_id import request_id
from newel.step.messages import RekeyRequest, RevokeRequest, SignRequest

_log = logging.getLogger("newel.registration.step.routes")
_JSON = (b"content-type", b"application/json")
_ACME = ("/acme/", "/2.0/acme/")
_OK = b'{"status":"ok"}\n'
_sign = msgspec.json.Decoder(SignRequest)
_rekey = msgspec.json.Decoder(RekeyRequest)
_revoke = msgspec.json.Decoder(RevokeRequest)

Answer = tuple[int, bytes]
Handler = Callable[[Scope, Receive], Awaitable[Answer]]


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
        acme: ASGIApp,
        others: ASGIApp,
    ) -> None:
        self._authority = authority
        self._signing = signing
        self._renewing = renewing
        self._revoking = revoking
        self._metrics = metrics
        self._audit = audit
        self._acme = acme
        self._others = others
        named: Mapping[str, Handler] = {
            "sign": self._on_sign,
            "renew": self._on_renew,
            "re-sign": self._on_renew,
            "rekey": self._on_rekey,
            "revoke": self._on_revoke,
        }
        self._hot = {
            f"{prefix}/{name}": (name, handler)
            for name, handler in named.items()
            for prefix in ("", "/1.0")
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one ASGI request."""
        path = scope["path"] if scope["type"] == "http" else ""
        hot = self._hot.get(path)
        if hot is None:
            if path.startswith(_ACME):
                scope[ROUTE] = "acme"
                await self._acme(scope, receive, send)
                return
            plain = plain_path(path)
            hot = self._hot.get(plain)
            if hot is None:
                scope["path"] = plain
                await self._others(scope, receive, send)
                return
        scope[ROUTE], handler = hot
        headers: list[tuple[bytes, bytes]] = [_JSON]
        if scope["method"] != "POST":
            status, content = (
                405,
                error_responses.body(NewelError(ErrorType.METHOD_NOT_ALLOWED, "")),
            )
            headers.append((b"allow", b"POST"))
        else:
            status, content = await answered(handler(scope, receive))
        headers.append((b"content-length", str(len(content)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _on_sign(self, scope: Scope, receive: Receive) -> Answer:
        ott = ""

        async def work() -> SignResult:
            nonlocal ott
            body = await bodies.read(receive, scope, _sign)
            ott = body.ott or ""
            return await self._signing.sign(body, request_id())

        return self._answer(await self._decide("sign", scope, work, lambda: _token_facts(ott)))

    async def _on_renew(self, scope: Scope, receive: Receive) -> Answer:
        shown: list[peer.Peer] = []

        async def work() -> SignResult:
            await bodies.drain(receive, scope)
            shown.append(self._peer(scope))
            return await self._renewing.renew(shown[0], None, request_id())

        return self._answer(await self._decide("renew", scope, work, lambda: _peer_facts(shown)))

    async def _on_rekey(self, scope: Scope, receive: Receive) -> Answer:
        shown: list[peer.Peer] = []

        async def work() -> SignResult:
            data = await bodies.drain(receive, scope)
            holder = peer.from_tls(_client_chain(scope))
            if holder is None:  # a bearer token does not say for which new key it was made
                raise malformed("missing client certificate")
            shown.append(holder)
            body = bodies.decode(_rekey, data)
            return await self._renewing.renew(shown[0], body.csr or "", request_id())

        return self._answer(await self._decide("rekey", scope, work, lambda: _peer_facts(shown)))

    async def _on_revoke(self, scope: Scope, receive: Receive) -> Answer:
        facts: dict[str, Any] = _where(scope)
        try:
            body = await bodies.read(receive, scope, _revoke)
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
        return 200, _OK

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

    def _answer(self, issued: SignResult) -> Answer:
        issuer = self._authority.trust.issuers.get(issued.certificate.issuer)
        if issuer is None:
            raise NewelError(
                ErrorType.SERVER_INTERNAL, "", cause="a certificate of no known issuer"
            )
        return 201, issuer.answer(issued.certificate.der)

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


def plain_path(path: str) -> str:
    """Spell a path without slashes too many, at its end or before a part of it, as clients join URLs."""
    if "//" not in path and not path.endswith("/"):
        return path
    return "/" + "/".join(filter(None, path.split("/")))


async def answered(work: Awaitable[Answer]) -> Answer:
    """The answer, or the refusal's; what has no type is logged and says nothing."""
    try:
        return await work
    except NewelError as error:
        return error.http_status, error_responses.body(error)
    except Exception:  # noqa: BLE001 - the border: a client is told nothing of it
        _log.exception("a request failed")
        return 500, error_responses.body(NewelError(ErrorType.SERVER_INTERNAL, ""))


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
