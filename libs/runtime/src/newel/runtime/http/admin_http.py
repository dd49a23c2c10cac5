"""What a service tells administrators over HTTPS: the gate before every route, pages, and refusals.

To be imported when the first request comes (`WhenAsked`): FastAPI is slow to load.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

import msgspec
from fastapi import Depends, FastAPI, Request, Response
from starlette.exceptions import HTTPException

from newel.runtime.audit import Audit
from newel.runtime.database.listing import Cursor, ListQuery, write_cursor
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.access_log import ROUTE

Admit = Callable[[bytes], Awaitable[Mapping[str, str]]]
"""Says of the client certificate that was shown (DER) whose it is, as facts for the audit trail.

Raises `NewelError` unless it is an administrator's.
"""

Route = tuple[str, str, Callable[..., Awaitable[Response]]]
"""Method, path and handler."""


def administrators_app(
    service: str, admit: Admit, audit: Audit, routes: Iterable[Route]
) -> FastAPI:
    """An app that lets in administrators only.

    Every refusal is an RFC 9457 problem document; every answer and every refusal is audited.
    """
    gate = _Gate(f"{service}.http", admit, audit)
    app = FastAPI(openapi_url=None, dependencies=[Depends(gate)])
    for method, path, handler in routes:
        app.add_api_route(path, handler, methods=[method], response_model=None)
    app.add_exception_handler(NewelError, _refused)
    app.add_exception_handler(HTTPException, _no_such_route)
    return app


class _Gate:
    """Lets administrators in; a dependency of every route."""

    def __init__(self, action: str, admit: Admit, audit: Audit) -> None:
        self._action = action
        self._admit = admit
        self._audit = audit

    async def __call__(self, request: Request) -> None:
        """Raises `NewelError` for anybody but an administrator."""
        what = f"{request.method} {request.url.path}"
        request.scope[ROUTE] = request.scope["route"].path
        try:
            facts = await self._admit(_shown(request))
        except NewelError as error:
            self._audit.record(self._action, "refused", cause=error.cause, request=what)
            raise
        self._audit.record(self._action, "granted", request=what, **facts)


def _shown(request: Request) -> bytes:
    """The client's certificate; the TLS listener has checked that its holder has the key."""
    tls = request.scope.get("extensions", {}).get("tls", {})
    chain = tls.get("client_cert_chain_der", ())
    if not chain:
        raise NewelError(
            ErrorType.UNAUTHORIZED,
            "Show an administrator's client certificate.",
            cause="no client certificate",
        )
    return chain[0]


def params_of(request: Request) -> dict[str, str]:
    """The query's parameters; raises `NewelError` when one is given twice."""
    pairs = request.query_params.multi_items()
    params = dict(pairs)
    if len(params) != len(pairs):
        raise NewelError(ErrorType.MALFORMED, "Give each parameter once.")
    return params


def page_answer(
    request: Request,
    name: str,
    documents: list[dict[str, Any]],
    mark: Cursor | None,
    query: ListQuery,
) -> Response:
    """A page with the cursor for the next and, for those who follow links, its address."""
    if mark is None:
        return json_answer({name: documents, "next": None})
    cursor = write_cursor(query, mark)
    link = str(request.url.include_query_params(cursor=cursor).replace(scheme="", netloc=""))
    response = json_answer({name: documents, "next": cursor})
    response.headers["Link"] = f'<{link}>; rel="next"'
    return response


def json_answer(
    document: object, status: int = 200, media_type: str = "application/json"
) -> Response:
    """A document nobody keeps and no browser takes for something else."""
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(msgspec.json.encode(document), status, headers, media_type)


def _problem(status: int, kind: str, detail: str) -> Response:
    document = {"type": f"urn:newel:error:{kind}", "status": status, "detail": detail}
    return json_answer(document, status, "application/problem+json")


async def _refused(_: Request, error: Exception) -> Response:
    refusal = cast("NewelError", error)
    return _problem(refusal.http_status, refusal.type, refusal.detail)


async def _no_such_route(_: Request, error: Exception) -> Response:
    status = cast("HTTPException", error).status_code
    kind = ErrorType.METHOD_NOT_ALLOWED if status == 405 else ErrorType.NOT_FOUND
    return _problem(status, kind, "There is nothing here.")
