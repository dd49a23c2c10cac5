"""A request of a person who is logged in: whose it is, and that a form comes from this site."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from newel.dashboard.interfaces import Caller, Interfaces
from newel.dashboard.sessions import Session, Sessions, is_token
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.request_body import read_body
from newel.runtime.http.roles import Role, read_role

COOKIE = "__Host-newel"
"""The prefix makes browsers refuse it unless it is of this host alone and of HTTPS (RFC 6265bis)."""
_SERIAL = re.compile("[0-9A-Fa-f:]+")
_MAX_FORM = 8 * 1024
_MAX_FIELDS = 16


class LoginRequiredError(Exception):
    """There is no session, or its administrator is none any more."""

    def __init__(self, *, is_over: bool) -> None:
        super().__init__("a session is required")
        self.is_over = is_over


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks, as the inventory says at this moment."""

    session: Session
    caller: Caller
    role: Role


async def enter(request: Request, sessions: Sessions, interfaces: Interfaces) -> Visit:
    """Return the visit of a request. Raises `LoginRequiredError`, and ``unavailable``.

    The inventory is asked every time, so that an administrator who is removed, or whose certificate is
    revoked or expires, is out at once.
    """
    secret = request.cookies.get(COOKIE, "")
    session = await sessions.find(secret) if secret else None
    if session is None:
        raise LoginRequiredError(is_over=bool(secret))
    identity = session.identity
    caller = Caller(identity.certificate, client_of(request), identity.delegations)
    try:
        known = await interfaces.read(caller, "/inventory/administrator")
    except NewelError as error:
        if error.type in {ErrorType.FORBIDDEN, ErrorType.UNAUTHORIZED}:
            await sessions.close(secret)
            raise LoginRequiredError(is_over=True) from error
        raise
    return Visit(session, caller, read_role(str(known["role"])))


def read_segment(request: Request, name: str) -> str:
    """Return a parameter of the path as one segment of another path; a serial number is hexadecimal.

    Raises ``notFound`` for anything else.
    """
    text = str(request.path_params[name])
    is_segment = _SERIAL.fullmatch(text) if name == "serial" else text not in {".", ".."}
    if not is_segment or "/" in text:
        raise NewelError(ErrorType.NOT_FOUND, "There is nothing here.")
    return text


def client_of(request: Request) -> tuple[str, int] | None:
    """Return the client's address, by which the interfaces count requests."""
    client: Any = request.scope.get("client")
    return client


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form of this site. Raises `NewelError` for another's and for a large one."""
    require_same_origin(request)
    body = await read_body(request.receive, _MAX_FORM, request.scope["headers"])
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as error:
        raise NewelError(ErrorType.MALFORMED, "This form cannot be read.") from error


async def read_session_form(request: Request, session: Session) -> dict[str, str]:
    """Return the fields of a form of this session. Raises ``forbidden`` for any other's."""
    form = await read_form(request)
    if not is_token(session, form.get("csrf", "")):
        raise NewelError(
            ErrorType.FORBIDDEN,
            "This form is of another session. Go back, reload the page and send it again.",
            cause="the token of the form is not the session's",
        )
    return form


def require_same_origin(request: Request) -> None:
    """Raise ``forbidden`` for a request that another site had the browser send.

    Browsers say so in Sec-Fetch-Site or, older ones, in Origin; programs send neither.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    is_own = site in {"same-origin", "none"} if site else origin in {None, own}
    if not is_own:
        raise NewelError(
            ErrorType.FORBIDDEN,
            "This request comes from another site.",
            cause=f"Sec-Fetch-Site {site!r}, Origin {origin!r}"[:256],
        )
