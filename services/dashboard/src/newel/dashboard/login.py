"""Logging in: by the one-time link that `newel dashboard` prints, or by the client certificate itself.

A dashboard that is a process of its own cannot hand on the handshake that proved a client certificate. It
asks for delegations, which the certificate's key signs, one for each interface; it keeps them with the link
and the session, sealed by their secrets.
"""

import datetime as dt
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from newel.dashboard.delegating import DelegationProof, read_delegations
from newel.dashboard.interfaces import PATHS, Caller, Interfaces
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
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.step.delegations import LONGEST

HOME = "/dashboard"
LOGIN = "/dashboard/login"


@dataclass(frozen=True, slots=True)
class Login:
    """The routes that open and end sessions."""

    sessions: Sessions
    interfaces: Interfaces
    renderer: Renderer
    audit: Audit
    clock: Clock
    lifetime: dt.timedelta
    """Of a link and the session that it opens."""
    hands_on: bool = True
    """Whether the interfaces are in this process, so that a handshake's certificate can be handed on."""

    async def describe_links(self, _: Request) -> Response:
        """Tell a program what it must send for a link: which proofs do, and what to delegate."""
        seconds = int(min(self.lifetime, LONGEST).total_seconds())
        return JSONResponse(
            {
                "proofs": ["certificate", "delegations"] if self.hands_on else ["delegations"],
                "interfaces": list(PATHS),
                "seconds": seconds,
            }
        )

    async def make_link(self, request: Request) -> Response:
        """Return a new one-time link to an administrator, whom TLS or delegations have proved."""
        require_same_origin(request)
        try:
            found = await read_delegations(request, self.clock.now())
            identity = await self._identify(request, found)
        except NewelError as error:
            self.audit.record("dashboard.link", "refused", cause=error.cause)
            return JSONResponse(
                {"type": f"urn:newel:error:{error.type}", "detail": error.detail},
                error.http_status,
                media_type="application/problem+json",
            )
        secret, expires = await self.sessions.make_link(identity)
        way = "delegation" if identity.delegations else "certificate"
        self.audit.record("dashboard.link", "granted", subject=identity.subject, way=way)
        return JSONResponse(
            {"path": f"{LOGIN}?link={secret}", "expires_at": expires.isoformat(timespec="seconds")},
            201,
        )

    async def show(self, request: Request) -> Response:
        """Show how to log in; a link is not used before its button is."""
        secret = request.query_params.get("link", "")
        owner = await self.sessions.find_link(secret) if secret else None
        by_certificate = None
        if not secret and self._has_certificate(request):
            by_certificate = await self._find_identity(request)
        return self.renderer.page(
            "login.html",
            link=secret,
            owner=owner,
            by_certificate=by_certificate,
            hands_on=self.hands_on,
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
        caller = Caller(identity.certificate, client_of(request), identity.delegations)
        await self.interfaces.read(caller, "/inventory/administrator")
        return identity

    async def _identify(self, request: Request, found: DelegationProof | None = None) -> Identity:
        """Return the administrator of delegations, or else of the client certificate.

        Raises the inventory's error.
        """
        if found is not None:
            certificate, delegations = found
        elif self._has_certificate(request):
            certificate, delegations = find_client_chain(request.scope)[0], {}
        else:
            raise NewelError(
                ErrorType.UNAUTHORIZED,
                "Show an administrator's client certificate."
                if self.hands_on
                else "Run newel dashboard: this dashboard needs delegations.",
                cause="no client certificate" if self.hands_on else "no delegations",
            )
        caller = Caller(certificate, client_of(request), delegations)
        known = await self.interfaces.read(caller, "/inventory/administrator")
        return Identity(certificate, str(known["subject"]), delegations)

    def _has_certificate(self, request: Request) -> bool:
        """Tell whether the handshake proved a certificate that can be handed on."""
        return self.hands_on and bool(find_client_chain(request.scope))

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
