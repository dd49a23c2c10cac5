"""Logging in: by the one-time link that `newel dashboard` prints, or by the client certificate itself."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from newel.dashboard.interfaces import Caller, Interfaces
from newel.dashboard.rendering import Renderer
from newel.dashboard.sessions import Identity, Sessions
from newel.dashboard.visits import (
    COOKIE,
    client_of,
    enter,
    read_form,
    read_session_form,
    require_same_origin,
)
from newel.runtime.asgi import find_client_chain
from newel.runtime.audit import Audit
from newel.runtime.errors import ErrorType, NewelError

HOME = "/dashboard"
LOGIN = "/dashboard/login"


@dataclass(frozen=True, slots=True)
class Login:
    """The routes that open and end sessions."""

    sessions: Sessions
    interfaces: Interfaces
    renderer: Renderer
    audit: Audit

    async def make_link(self, request: Request) -> Response:
        """Return a new one-time link to an administrator, whom TLS has proved."""
        require_same_origin(request)
        try:
            identity = await self._identify(request)
        except NewelError as error:
            self.audit.record("dashboard.link", "refused", cause=error.cause)
            return JSONResponse(
                {"type": f"urn:newel:error:{error.type}", "detail": error.detail},
                error.http_status,
                media_type="application/problem+json",
            )
        secret, expires = await self.sessions.make_link(identity)
        self.audit.record("dashboard.link", "granted", subject=identity.subject)
        return JSONResponse(
            {"path": f"{LOGIN}?link={secret}", "expires_at": expires.isoformat(timespec="seconds")},
            201,
        )

    async def show(self, request: Request) -> Response:
        """Show how to log in; a link is not used before its button is."""
        secret = request.query_params.get("link", "")
        owner = await self.sessions.find_link(secret) if secret else None
        by_certificate = None
        if not secret and find_client_chain(request.scope):
            by_certificate = await self._find_identity(request)
        return self.renderer.page(
            "login.html",
            link=secret,
            owner=owner,
            by_certificate=by_certificate,
            is_over="over" in request.query_params,
            destination=_own_path(request.query_params.get("to", "")),
        )

    async def log_in(self, request: Request) -> Response:
        """Open a session for the owner of a link, or else of the client certificate."""
        form = await read_form(request)
        try:
            identity = await self._authenticate(request, form.get("link", ""))
        except NewelError as error:
            self.audit.record("dashboard.login", "refused", cause=error.cause)
            raise
        earlier = request.cookies.get(COOKIE, "")
        if earlier:
            await self.sessions.close(earlier)
        secret = await self.sessions.open(identity)
        way = "link" if form.get("link") else "certificate"
        self.audit.record("dashboard.login", "granted", subject=identity.subject, way=way)
        response = RedirectResponse(_own_path(form.get("to", "")), 303)
        response.set_cookie(COOKIE, secret, path="/", secure=True, httponly=True, samesite="lax")
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        visit = await enter(request, self.sessions, self.interfaces)
        await read_session_form(request, visit.session)
        await self.sessions.close(request.cookies.get(COOKIE, ""))
        self.audit.record("dashboard.logout", "granted", subject=visit.session.identity.subject)
        response = RedirectResponse(LOGIN, 303)
        response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return response

    async def _authenticate(self, request: Request, secret: str) -> Identity:
        if not secret:
            return await self._identify(request)
        identity = await self.sessions.use_link(secret)
        if identity is None:
            raise NewelError(
                ErrorType.FORBIDDEN,
                "This link was used already or has expired. Run newel dashboard again.",
                cause="the link is used, expired or unknown",
            )
        # who was an administrator when the link was made may be none any more
        caller = Caller(identity.certificate, client_of(request))
        await self.interfaces.read(caller, "/inventory/administrator")
        return identity

    async def _identify(self, request: Request) -> Identity:
        """Return the administrator of the client certificate. Raises the inventory's error."""
        chain = find_client_chain(request.scope)
        if not chain:
            raise NewelError(
                ErrorType.UNAUTHORIZED,
                "Show an administrator's client certificate.",
                cause="no client certificate",
            )
        caller = Caller(chain[0], client_of(request))
        known = await self.interfaces.read(caller, "/inventory/administrator")
        return Identity(chain[0], str(known["subject"]))

    async def _find_identity(self, request: Request) -> Identity | None:
        """Return the administrator of the client certificate; None for one of someone else."""
        try:
            return await self._identify(request)
        except NewelError as error:
            if error.type in {ErrorType.FORBIDDEN, ErrorType.UNAUTHORIZED}:
                return None
            raise


def _own_path(path: str) -> str:
    """Return a path of the dashboard; its first page for anything else, such as another site's address."""
    is_own = path == HOME or path.startswith((f"{HOME}/", f"{HOME}?"))
    return path if is_own and path.isprintable() and "\\" not in path else HOME
