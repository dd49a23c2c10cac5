"""The SSH half of the step API over HTTP: one domain call for each request."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from newel.registration.audit_trail import AuditTrail, Decision
from newel.registration.errors import malformed_error
from newel.registration.ssh.configuration import SSHConfiguration
from newel.registration.ssh.host_tags import HostTags
from newel.registration.ssh.hosts import HostTable
from newel.registration.ssh.keys import SSHKeys
from newel.registration.ssh.krl_routes import KRLRoutes
from newel.registration.ssh.renewal import SSHRenewService
from newel.registration.ssh.revocation import SSHRevokeService
from newel.registration.ssh.signing import SSHResult, SSHSignService
from newel.registration.step import bodies, peer
from newel.registration.step.routing import READ, Handler, Route, RouteTable
from newel.runtime.asgi import Receive, Scope, Send, find_client_chain
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.response import JSON, Response
from newel.runtime.request_id import request_id
from newel.step.audiences import Method
from newel.step.ssh_messages import (
    SSHBastionRequest,
    SSHCertificateResponse,
    SSHCheckHostRequest,
    SSHConfigRequest,
    SSHRenewRequest,
    SSHRevokeRequest,
    SSHSignRequest,
)

_POST = ("POST",)
_REVOKED = Response(200, b'{"status":"ok"}\n', JSON)
_encode = msgspec.json.Encoder().encode
_decode_sign = msgspec.json.Decoder(SSHSignRequest)
_decode_renew = msgspec.json.Decoder(SSHRenewRequest)
_decode_revoke = msgspec.json.Decoder(SSHRevokeRequest)
_decode_config = msgspec.json.Decoder(SSHConfigRequest)
_decode_check = msgspec.json.Decoder(SSHCheckHostRequest)
_decode_bastion = msgspec.json.Decoder(SSHBastionRequest)

Facts = dict[str, Any]
Work = Callable[[Scope, Receive], Awaitable[tuple[Response, Decision]]]


class SSHAPI:
    """The ASGI app of every path below ``/ssh/``."""

    def __init__(
        self,
        sign: SSHSignService,
        renew: SSHRenewService,
        revoke: SSHRevokeService,
        keys: SSHKeys,
        hosts: HostTable,
        host_tags: HostTags,
        configuration: SSHConfiguration,
        krl: KRLRoutes,
        clock: Clock,
        audit_trail: AuditTrail,
    ) -> None:
        self._sign_service = sign
        self._renew_service = renew
        self._revoke_service = revoke
        self._keys = keys
        self._hosts = hosts
        self._host_tags = host_tags
        self._configuration = configuration
        self._clock = clock
        self._audit_trail = audit_trail
        sign_handler = self._decide("ssh-sign", self._sign)
        deciding = {
            "ssh/sign": sign_handler,
            "sign-ssh": sign_handler,
            "ssh/renew": self._decide("ssh-renew", self._renew),
            "ssh/rekey": self._decide("ssh-rekey", self._rekey),
            # a revocation is not held up by an audit trail that cannot be written
            "ssh/revoke": self._decide("ssh-revoke", self._revoke, issues=False),
        }
        reading = {
            "ssh/roots": (READ, self._roots),
            "ssh/federation": (READ, self._federation),
            "ssh/hosts": (READ, self._list_hosts),
            "ssh/get-hosts": (READ, self._list_hosts),
            "ssh/krl": (READ, self._publish(krl.serve_list)),
            "ssh/krl.sig": (READ, self._publish(krl.serve_signature)),
            "ssh/config": (_POST, self._config),
            "ssh/config/{type}": (_POST, self._config),
            "ssh/check-host": (_POST, self._check_host),
            "ssh/bastion": (_POST, self._bastion),
        }
        routes = {path: Route(path, _POST, handler) for path, handler in deciding.items()}
        routes |= {path: Route(path, *rest) for path, rest in reading.items()}
        self._table = RouteTable(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        await self._table.serve(scope, receive, send)

    def _require_keys(self) -> None:
        if not any(self._keys.trusted.values()):
            raise _not_enabled_error()

    def _decide(self, operation: str, work: Work, *, issues: bool = True) -> Handler:
        """Make a handler that writes the decision of a request down, however it is decided."""

        async def handle(scope: Scope, receive: Receive) -> Response:
            facts: Facts = {"remote_address": (scope.get("client") or ("",))[0]}
            try:
                self._require_keys()
                if issues:
                    self._audit_trail.require_writable()
                response, decision = await work(scope, receive)
            except NewelError as error:
                self._audit_trail.write(Decision(operation, facts, error))
                raise
            self._audit_trail.write(Decision(operation, {**decision.facts, **facts}))
            return response

        return handle

    async def _sign(self, scope: Scope, receive: Receive) -> tuple[Response, Decision]:
        body = await bodies.read(scope, receive, _decode_sign)
        return _certificate_response(await self._sign_service.sign(body, request_id()))

    async def _renew(self, scope: Scope, receive: Receive) -> tuple[Response, Decision]:
        return await self._replace(scope, receive, Method.SSH_RENEW)

    async def _rekey(self, scope: Scope, receive: Receive) -> tuple[Response, Decision]:
        return await self._replace(scope, receive, Method.SSH_REKEY)

    async def _replace(
        self, scope: Scope, receive: Receive, method: Method
    ) -> tuple[Response, Decision]:
        body = await bodies.read(scope, receive, _decode_renew)
        holder = peer.from_tls(find_client_chain(scope))
        return _certificate_response(
            await self._renew_service.renew(body, method, request_id(), holder)
        )

    async def _revoke(self, scope: Scope, receive: Receive) -> tuple[Response, Decision]:
        body = await bodies.read(scope, receive, _decode_revoke)
        return _REVOKED, await self._revoke_service.revoke(body, request_id())

    async def _roots(self, _scope: Scope, _receive: Receive) -> Response:
        return _list_response(self._keys.roots)

    async def _federation(self, _scope: Scope, _receive: Receive) -> Response:
        return _list_response(self._keys.federation)

    async def _list_hosts(self, _scope: Scope, _receive: Receive) -> Response:
        self._require_keys()
        if self._configuration.hides_hosts:
            raise NewelError(ErrorType.NOT_FOUND, "ssh hosts list api disabled")
        names = await self._hosts.list_names(self._clock.now())
        tags = await self._host_tags.read(names)
        hosts = [
            {"hid": "", "host_tags": each, "hostname": name}
            for name, each in zip(names, tags, strict=True)
        ]
        return Response(200, _encode({"hosts": hosts}) + b"\n", JSON)

    def _publish(self, serve: Handler) -> Handler:
        """Make a handler of the key revocation list, which only an authority with keys has."""

        async def publish(scope: Scope, receive: Receive) -> Response:
            self._require_keys()
            return await serve(scope, receive)

        return publish

    async def _check_host(self, scope: Scope, receive: Receive) -> Response:
        self._require_keys()
        body = await bodies.read(scope, receive, _decode_check)
        if body.type != "host":
            raise malformed_error(f"unsupported type '{(body.type or '')[:64]}'")
        if not body.principal:
            raise malformed_error("missing or empty principal")
        exists = await self._hosts.exists(body.principal, self._clock.now())
        return Response(200, _encode({"exists": exists}) + b"\n", JSON)

    async def _config(self, scope: Scope, receive: Receive) -> Response:
        body = await bodies.read(scope, receive, _decode_config)
        kind = scope.get("path_params", {}).get("type") or body.type or "user"
        rendered = self._configuration.render(kind, body.data or {}, self._keys, self._clock.now())
        return Response(200, _encode({f"{kind}Templates": rendered}) + b"\n", JSON)

    async def _bastion(self, scope: Scope, receive: Receive) -> Response:
        self._require_keys()
        body = await bodies.read(scope, receive, _decode_bastion)
        if not body.hostname:
            raise malformed_error("missing or empty hostname")
        answer: dict[str, Any] = {"hostname": body.hostname}
        bastion = self._configuration.bastion(body.hostname)
        if bastion:
            answer["bastion"] = bastion
        return Response(200, _encode(answer) + b"\n", JSON)


def _not_enabled_error() -> NewelError:
    return NewelError(
        ErrorType.NOT_IMPLEMENTED,
        "",
        cause="ssh certificate flows are not enabled: there is no key",
    )


def _list_response(keys: bytes | None) -> Response:
    if keys is None:
        raise NewelError(ErrorType.NOT_FOUND, "no keys found")
    return Response(200, keys, JSON)


def _certificate_response(result: SSHResult) -> tuple[Response, Decision]:
    body = SSHCertificateResponse(
        base64.b64encode(result.certificate).decode(),
        base64.b64encode(result.add_user).decode(),
        list(result.identity),
    )
    return Response(201, _encode(body) + b"\n", JSON), result.decision
