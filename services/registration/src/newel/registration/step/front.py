"""The routes that are not the hottest: Starlette's, with every refusal in the step API's own form."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from newel.registration.step import error_responses
from newel.runtime.errors import ErrorType, NewelError

_BY_STATUS = {404: ErrorType.NOT_FOUND, 405: ErrorType.METHOD_NOT_ALLOWED}


def front(routes: Sequence[BaseRoute]) -> Starlette:
    """The app of these routes."""
    app = Starlette(
        routes=routes,
        exception_handlers={
            NewelError: _refused,
            HTTPException: _not_routed,
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False  # paths come here in their plain spelling
    return app


async def _refused(_: Request, error: Exception) -> Response:
    refusal = error if isinstance(error, NewelError) else NewelError(ErrorType.SERVER_INTERNAL, "")
    return Response(
        error_responses.body(refusal), refusal.http_status, media_type="application/json"
    )


async def _not_routed(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    refusal = NewelError(_BY_STATUS.get(status, ErrorType.MALFORMED), "")
    return Response(
        error_responses.body(refusal), refusal.http_status, headers, media_type="application/json"
    )


async def _failed(request: Request, _: Exception) -> Response:
    """Starlette logs what it was."""
    return await _refused(request, NewelError(ErrorType.SERVER_INTERNAL, ""))
