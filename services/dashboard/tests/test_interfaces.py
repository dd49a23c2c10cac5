"""Calls of the interfaces in this process."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from newel.dashboard.interfaces import Caller, Interfaces
from newel.runtime.errors import ErrorType, NewelError


async def answer_much(_: Request) -> Response:
    return Response(bytes(5 * 1024 * 1024))


async def render(_: Request, error: Exception) -> Response:
    return Response(str(error), 500)


async def test_an_interface_that_answers_too_much_is_unavailable() -> None:
    app = Starlette(routes=[Route("/", answer_much)], exception_handlers={NewelError: render})
    with pytest.raises(NewelError) as caught:
        await Interfaces(app).fetch(Caller(None, None), "/")
    assert caught.value.type is ErrorType.UNAVAILABLE
