"""The step API over HTTP: one domain call for each request.

Plain ASGI without a framework, because these routes are most of the work.
"""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from newel.registration.audit_trail import AuditTrail, Decision
from newel.registration.authority import Authority
from newel.registration.errors import malformed_error
from newel.registration.issuance import IssuedCertificate
from newel.registration.step import bodies, peer
from newel.registration.step.clients import read_client
from newel.registration.step.read_only_routes import ReadOnlyRoutes
from newel.registration.step.renewal import RenewService
from newel.registration.step.revocation import RevokeService
from newel.registration.step.routing import Handler, Route, RouteTable
from newel.registration.step.signing import SignResult, SignService
from newel.runtime.asgi import Receive, Scope, Send, find_client_chain, find_header
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import JSON, Response
from newel.runtime.request_id import request_id
from newel.step.messages import RekeyRequest, RevokeRequest, SignRequest

_POST = ("POST",)
_REVOKED = Response(200, b'{"status":"ok"}\n', JSON)
_decode_sign = msgspec.json.Decoder(SignRequest)
_decode_rekey = msgspec.json.Decoder(RekeyRequest)
_decode_revoke = msgspec.json.Decoder(RevokeRequest)

Facts = dict[str, Any]
"""What the audit trail says of a request, added to as it becomes known."""
Work = Callable[[Scope, Receive, Facts], Awaitable[tuple[IssuedCertificate | None, Decision]]]


class StepAPI:
    """The ASGI app of the HTTPS listener."""

    def __init__(
        self,
        authority: Authority,
        sign: SignService,
        renew: RenewService,
        revoke: RevokeService,
        audit_trail: AuditTrail,
        read_only: ReadOnlyRoutes,
    ) -> None:
        self._authority = authority
        self._sign_service = sign
        self._renew_service = renew
        self._revoke_service = revoke
        self._audit_trail = audit_trail
        handlers = {
            "sign": self._handler("sign", self._sign),
            "renew": self._handler("renew", self._renew),
            "re-sign": self._handler("renew", self._renew),
            "rekey": self._handler("rekey", self._rekey),
            # a revocation is not held up by an audit trail that cannot be written
            "revoke": self._handler("revoke", self._revoke, issues=False),
        }
        deciding = {path: Route(path, _POST, handler) for path, handler in handlers.items()}
        self._table = RouteTable({**deciding, **read_only.routes()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        await self._table.serve(scope, receive, send)

    def _handler(self, operation: str, work: Work, *, issues: bool = True) -> Handler:
        """Make a handler that writes the decision of a request down, however it is decided."""

        async def handle(scope: Scope, receive: Receive) -> Response:
            facts: Facts = {"remote_address": (scope.get("client") or ("",))[0]}
            try:
                if issues:
                    self._audit_trail.require_writable()
                certificate, decision = await work(scope, receive, facts)
            except NewelError as error:
                self._audit_trail.write(Decision(operation, facts, error))
                raise
            self._audit_trail.write(Decision(operation, {**decision.facts, **facts}))
            return _REVOKED if certificate is None else self._sign_response(certificate)

        return handle

    def _sign_response(self, certificate: IssuedCertificate) -> Response:
        issuer = self._authority.trust.issuers.get(certificate.issuer)
        if issuer is None:
            raise NewelError(
                ErrorType.SERVER_INTERNAL, "", cause="a certificate of no known issuer"
            )
        return Response(201, issuer.sign_response(certificate.der), JSON)

    async def _sign(self, scope: Scope, receive: Receive, facts: Facts) -> SignResult:
        body = await bodies.read(scope, receive, _decode_sign)
        facts |= _token_facts(body.ott or "")
        client = (
            None
            if body.ott
            else read_client(find_client_chain(scope), scope.get("query_string", b""))
        )
        if client is not None:
            digest = hashlib.sha256(client.certificate).hexdigest()
            facts |= {"proof": "tls", "client_certificate": digest}
        return await self._sign_service.sign(body, request_id(), client)

    async def _renew(self, scope: Scope, receive: Receive, facts: Facts) -> SignResult:
        await bodies.drain(scope, receive)
        holder = self._peer(scope)
        facts |= _peer_facts(holder)
        return await self._renew_service.renew(holder, None, request_id())

    async def _rekey(self, scope: Scope, receive: Receive, facts: Facts) -> SignResult:
        data = await bodies.drain(scope, receive)
        holder = peer.from_tls(find_client_chain(scope))
        if holder is None:  # a bearer token does not say for which new key it was made
            raise malformed_error("missing client certificate")
        facts |= _peer_facts(holder)
        body = bodies.decode(_decode_rekey, data)
        return await self._renew_service.renew(holder, body.csr or "", request_id())

    async def _revoke(self, scope: Scope, receive: Receive, facts: Facts) -> tuple[None, Decision]:
        body = await bodies.read(scope, receive, _decode_revoke)
        facts |= {"serial": (body.serial or "")[:64], "reason": body.reason_code}
        facts |= _token_facts(body.ott or "")
        holder = None if body.ott else peer.from_tls(find_client_chain(scope))
        return None, await self._revoke_service.revoke(body, holder, request_id())

    def _peer(self, scope: Scope) -> peer.Peer:
        """Return the holder of the TLS certificate, else of the bearer token's. Raises NewelError."""
        holder = peer.from_tls(find_client_chain(scope))
        if holder is not None:
            return holder
        header = find_header(scope, b"authorization").decode("latin-1")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise malformed_error("missing client certificate")
        return peer.from_bearer(token.strip(), self._authority.trust)


def _token_facts(ott: str) -> Facts:
    """Name a token by its digest: it may still be valid when the audit trail is read."""
    return {"token": hashlib.sha256(ott.encode(errors="replace")).hexdigest()} if ott else {}


def _peer_facts(holder: peer.Peer) -> Facts:
    return {
        "proof": "bearer" if holder.token else "tls",
        "renewed_from": f"{holder.certificate.serial_number:x}",
    }
