"""An administrative interface over HTTPS: a FastAPI app that lets in administrators only.

Every error is a problem document (RFC 9457), every request is audited, and ``openapi.json`` below the
prefix describes the routes. Import it when the first request comes (`LazyApp`): FastAPI is slow to load.
"""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, cast

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from newel.runtime.asgi import find_client_chain, find_header
from newel.runtime.audit import Audit
from newel.runtime.database.listing import Cursor, ListQuery, write_cursor
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.access_log import ROUTE, note_cause
from newel.runtime.http.roles import Role, VerifiedAdministrator

ADMINISTRATOR = "newel.administrator"
"""Where the scope of a request holds the `VerifiedAdministrator` who sent it."""

Admit = Callable[[bytes], Awaitable[VerifiedAdministrator]]
"""Identifies the holder of a client certificate (DER).

Raises `NewelError` unless the certificate is an administrator's.
"""

ReadDelegation = Callable[[str], bytes]
"""Returns the certificate (DER) whose key signed a delegation for this interface.

Raises ValueError, which says why it proves nothing.
"""

_BEARER = "bearer "
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def build_admin_app(
    service: str,
    admit: Admit,
    read_delegation: ReadDelegation,
    audit: Audit,
    routes: APIRouter,
    roles: Mapping[tuple[str, str], Role] = MappingProxyType({}),
) -> FastAPI:
    """Build the app that serves ``routes``, all of them below the router's prefix.

    An administrator shows a client certificate, or sends a delegation that its key signed as a bearer token.
    Every administrator may read. Other methods are for the role ``administrator``, unless ``roles``
    names a lesser one for the method and the route's path.
    """
    gate = Depends(_Gate(f"{service}.http", admit, read_delegation, audit, roles))
    app = FastAPI(title=f"Newel {service}", version="1", openapi_url=None)

    async def describe() -> dict[str, Any]:
        return app.openapi()

    app.add_api_route(
        f"{routes.prefix}/openapi.json", describe, dependencies=[gate], include_in_schema=False
    )
    app.include_router(routes, dependencies=[gate])
    app.add_exception_handler(NewelError, _render_error)
    app.add_exception_handler(RequestValidationError, _render_invalid)
    app.add_exception_handler(HTTPException, _render_unrouted)
    return app


def link_next(
    request: Request, response: Response, query: ListQuery, mark: Cursor | None
) -> str | None:
    """Return the cursor of the next page and add the page's address as a Link header (RFC 8288)."""
    if mark is None:
        return None
    cursor = write_cursor(query, mark)
    url = request.url.include_query_params(cursor=cursor).replace(scheme="", netloc="")
    response.headers["Link"] = f'<{url}>; rel="next"'
    return cursor


class _Gate:
    """Lets administrators in; a dependency of every route."""

    def __init__(
        self,
        action: str,
        admit: Admit,
        read_delegation: ReadDelegation,
        audit: Audit,
        roles: Mapping[tuple[str, str], Role],
    ) -> None:
        self._action = action
        self._admit = admit
        self._read_delegation = read_delegation
        self._audit = audit
        self._roles = roles

    async def __call__(self, request: Request, response: Response) -> None:
        """Raise `NewelError` unless an administrator of enough rights asks, each parameter once."""
        text = f"{request.method} {request.url.path}"
        request.scope[ROUTE] = request.scope["route"].path
        try:
            token = _find_token(request)
            shown = self._read_token(token) if token else _client_certificate(request)
            administrator = await self._admit(shown)
            self._require_role(request, administrator)
        except NewelError as error:
            self._audit.record(self._action, "refused", cause=error.cause, request=text)
            raise
        self._audit.record(
            self._action,
            "granted",
            request=text,
            subject=administrator.subject,
            serial=administrator.serial,
            **({"way": "delegation"} if token else {}),
        )
        request.scope[ADMINISTRATOR] = administrator
        if len(request.query_params.multi_items()) != len(request.query_params):
            raise NewelError(ErrorType.MALFORMED, "Give each parameter once.")
        response.headers.update(_HEADERS)

    def _read_token(self, token: str) -> bytes:
        try:
            return self._read_delegation(token)
        except ValueError as error:
            raise NewelError(
                ErrorType.UNAUTHORIZED,
                f"This delegation proves nothing: {error}.",
                cause=f"the delegation: {error}",
            ) from None

    def _require_role(self, request: Request, administrator: VerifiedAdministrator) -> None:
        default = Role.VIEWER if request.method in {"GET", "HEAD"} else Role.ADMINISTRATOR
        least = self._roles.get((request.method, request.scope[ROUTE]), default)
        if not administrator.role.includes(least):
            raise NewelError(
                ErrorType.FORBIDDEN,
                f"This needs the role {least}; yours is {administrator.role}.",
                cause=f"{administrator.subject!r} has the role {administrator.role}, not {least}",
            )


def _find_token(request: Request) -> str:
    """Return the bearer token, "" without one. Raises ``malformed`` beside a client certificate."""
    value = find_header(request.scope, b"authorization").decode("latin-1")
    if not value:
        return ""
    if value[: len(_BEARER)].lower() != _BEARER:
        raise NewelError(
            ErrorType.UNAUTHORIZED,
            "Show an administrator's client certificate, or send a delegation as a bearer token.",
            cause="an authorization of another scheme than Bearer",
        )
    if find_client_chain(request.scope):
        raise NewelError(
            ErrorType.MALFORMED,
            "Show a client certificate or send a bearer token, and not both.",
            cause="a client certificate and a bearer token",
        )
    return value[len(_BEARER) :].strip() or "-"


def _client_certificate(request: Request) -> bytes:
    chain = find_client_chain(request.scope)
    if not chain:
        raise NewelError(
            ErrorType.UNAUTHORIZED,
            "Show an administrator's client certificate.",
            cause="no client certificate",
        )
    return chain[0]


def _problem(status: int, kind: str, detail: str) -> Response:
    document = {"type": f"urn:newel:error:{kind}", "status": status, "detail": detail}
    return Response(msgspec.json.encode(document), status, _HEADERS, "application/problem+json")


async def _render_error(_: Request, error: Exception) -> Response:
    ours = cast("NewelError", error)
    note_cause(ours.cause)
    return _problem(ours.http_status, ours.type, ours.detail)


async def _render_invalid(request: Request, error: Exception) -> Response:
    """Name the first parameter that is wrong, and what it must be or which there are."""
    found = cast("RequestValidationError", error).errors()[0]
    name, context = str(found["loc"][-1])[:40], found.get("ctx", {})
    if found["type"] == "extra_forbidden":
        detail = (
            f"The parameter {name!r} is unknown; there are {', '.join(_list_parameters(request))}."
        )
    else:
        expected = context.get("error") or context.get("expected") or "valid"
        if found["type"] in {"enum", "literal_error"}:
            expected = "one of " + str(expected).replace("' or '", "', '").replace("'", "")
        detail = f"The parameter {name!r} must be {expected}."
    return _problem(400, ErrorType.MALFORMED, detail)


def _list_parameters(request: Request) -> list[str]:
    """List the query parameters of the route, as the OpenAPI document does."""
    paths = cast("FastAPI", request.app).openapi()["paths"]
    parameters = paths[request.scope["route"].path]["get"].get("parameters", [])
    return [str(each["name"]) for each in parameters if each["in"] == "query"]


async def _render_unrouted(_: Request, error: Exception) -> Response:
    status = cast("HTTPException", error).status_code
    kind = ErrorType.METHOD_NOT_ALLOWED if status == 405 else ErrorType.NOT_FOUND
    return _problem(status, kind, "There is nothing here.")
