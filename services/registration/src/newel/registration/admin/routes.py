"""The ASGI app below ``/admin``: requests are authenticated, decided one change after the other, and audited."""

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from newel.registration.admin import responses
from newel.registration.admin.calls import AdminServer, Call, Handler, Outcome
from newel.registration.admin.records import Configuration, conflict_error
from newel.registration.admin.resources import find_route
from newel.registration.admin.tokens import AdminAuthenticator, Caller
from newel.registration.audit_trail import AuditTrail, Decision
from newel.runtime.asgi import Receive, Scope, Send, find_header
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.access_log import ROUTE
from newel.runtime.http.request_body import read_body
from newel.runtime.http.response import Response

_log = logging.getLogger("newel.registration.admin")

MAX_BODY = 1024 * 1024
ATTEMPTS = 8
"""How often a change is decided again because others changed the configuration meanwhile."""
_LONGEST_FACT = 2000
_TAG = re.compile(r'"([0-9]{1,18})"')

_VERBS = {"GET": "read", "POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "remove"}


class AdminAPI:
    """Authenticates administrators, decides their requests, and audits every one."""

    def __init__(
        self, server: AdminServer, authenticator: AdminAuthenticator, audit_trail: AuditTrail
    ) -> None:
        self._server = server
        self._authenticator = authenticator
        self._audit_trail = audit_trail
        self._configuration: Configuration | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request."""
        scope[ROUTE] = "admin"
        try:
            response = await self._respond(scope, receive)
        except NewelError as error:
            response = responses.error_response(error)
        except Exception:  # noqa: BLE001 - the border: a client learns nothing of it
            _log.exception("a request of an administrator failed")
            response = responses.error_response(NewelError(ErrorType.SERVER_INTERNAL, ""))
        await response.send(send, body=scope["method"] != "HEAD")

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        raw = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        path = raw.partition("?")[0]
        found = find_route(path)
        if found is None:
            raise NewelError(ErrorType.NOT_FOUND, "404 page not found")
        route, arguments = found
        handler = route.handlers.get(method)
        if handler is None:
            allow = ", ".join(route.handlers).encode()
            error = NewelError(ErrorType.METHOD_NOT_ALLOWED, f"{method} is not allowed here")
            return responses.error_response(error, (b"allow", allow))
        operation = f"admin.{route.name}.{_VERBS[method]}"
        facts: dict[str, Any] = {
            "remote_address": (scope.get("client") or ("",))[0],
            "path": path[:_LONGEST_FACT],
        }
        try:
            if method != "GET":
                self._audit_trail.require_writable()
            outcome = await self._decide(scope, receive, handler, path, arguments, facts)
        except NewelError as error:
            self._audit_trail.write(Decision(operation, facts, error))
            raise
        self._audit_trail.write(Decision(operation, {**facts, **_shorten(outcome.facts)}))
        return outcome.response

    async def _decide(
        self,
        scope: Scope,
        receive: Receive,
        handler: Handler,
        path: str,
        arguments: tuple[str, ...],
        facts: dict[str, Any],
    ) -> Outcome:
        server, now = self._server, self._server.clock.now()
        token = _header(scope, b"authorization")
        configuration = await self._refresh()
        caller = await self._authenticator.authenticate(token, path, configuration, now)
        facts |= _facts_of(caller)
        body = await read_body(receive, MAX_BODY, scope["headers"])
        changes = scope["method"] not in {"GET", "HEAD"}
        await self._authenticator.use(caller, body, now, durable=changes)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        expected = _expected_revision(_header(scope, b"if-match"))
        for _ in range(ATTEMPTS):
            call = Call(
                caller, configuration, arguments, query, body, expected, int(now.timestamp())
            )
            outcome = await handler(server, call)
            if not outcome.writes:
                return await self._note(outcome, caller)
            if await server.tables.change(configuration.revision, *outcome.writes):
                await self._refresh()
                return await self._note(outcome, caller)
            # someone else changed something: the rights and the record may be others now
            configuration = await self._refresh()
            caller = await self._authenticator.authenticate(token, path, configuration, now)
        raise conflict_error("the configuration changes too fast; repeat the request")

    async def _refresh(self) -> Configuration:
        """Return the current configuration, and have this process use its provisioners and policy."""
        self._configuration = await self._server.tables.configuration(self._configuration)
        await self._server.authority.refresh_provisioners()
        return self._configuration

    async def _note(self, outcome: Outcome, caller: Caller) -> Outcome:
        if outcome.record:
            now = self._server.clock.now()
            await self._server.tables.note_read(
                caller.certificate, outcome.record, outcome.revision, now
            )
        return outcome


def _header(scope: Scope, name: bytes) -> str:
    return find_header(scope, name).decode("latin-1").strip()


def _expected_revision(text: str) -> int | None:
    """Return the revision of an If-Match header; None without one. Raises ``malformed``."""
    if not text or text == "*":
        return None
    found = _TAG.fullmatch(text)
    if found is None:
        raise NewelError(ErrorType.MALFORMED, "If-Match has to be one entity tag of this server")
    return int(found[1])


def _facts_of(caller: Caller) -> dict[str, Any]:
    return {
        "administrator": caller.administrator.subject,
        "provisioner": caller.provisioner.name,
        "serial": caller.serial,
    }


def _shorten(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts whose records are not longer than a line of the audit trail should be."""
    found = dict(facts)
    for name in ("before", "after"):
        text = msgspec.json.encode(found.get(name))
        if len(text) > _LONGEST_FACT:
            found[name] = text[:_LONGEST_FACT].decode(errors="replace") + "…"
    return found
