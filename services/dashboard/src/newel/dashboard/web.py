"""The routes of the dashboard as one ASGI app. Import it late: the template language is slow to load."""

from functools import partial
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from newel.dashboard.alerts import AlertPages
from newel.dashboard.interfaces import Interfaces
from newel.dashboard.login import HOME, LOGIN, Login
from newel.dashboard.pages import LISTS, Download, Pages
from newel.dashboard.place import OWN, Place
from newel.dashboard.rendering import HEADERS, Renderer
from newel.dashboard.revocation import RevocationPages
from newel.dashboard.sessions import Sessions
from newel.dashboard.trust import TrustPages
from newel.dashboard.visits import LoginRequiredError
from newel.runtime.asgi import ASGIApp
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.errors import NewelError
from newel.runtime.http.access_log import note_cause

_STATIC = {"dashboard.css": "text/css", "dashboard.js": "text/javascript"}


def build_app(
    sessions: Sessions,
    interfaces: Interfaces,
    validation: Interfaces,
    clock: Clock,
    audit: Audit,
    place: Place = OWN,
) -> ASGIApp:
    """Build the app for ``/``, ``/dashboard`` and ``/trust``."""
    renderer = Renderer(clock)
    login = Login(
        sessions, interfaces, renderer, audit, clock, sessions.lifetime, place.ca_url is None
    )
    pages = Pages(sessions, interfaces, validation, renderer, place)
    trust, revocation = TrustPages(interfaces, renderer, place), RevocationPages(pages)
    routes = [
        Route("/", _go_home),
        Route("/trust", trust.show),
        Route("/trust/root.{kind}", trust.download),
        Route(HOME, pages.show_overview),
        Route(f"{HOME}/", _go_home),
        Route(LOGIN, login.show, methods=["GET"]),
        Route(LOGIN, login.log_in, methods=["POST"]),
        Route(f"{HOME}/logout", login.log_out, methods=["POST"]),
        Route(f"{HOME}/links", login.describe_links, methods=["GET"]),
        Route(f"{HOME}/links", login.make_link, methods=["POST"]),
        Route(f"{HOME}/static/{{file}}", _send_static),
        Route(f"{HOME}/certificates.csv", Download(pages, "/inventory/certificates/export")),
        Route(f"{HOME}/certificates/{{serial}}", pages.show_certificate),
        Route(
            f"{HOME}/certificates/{{serial}}/chain",
            Download(pages, "/inventory/certificates/{serial}/chain"),
        ),
        Route(f"{HOME}/certificates/{{serial}}/revoke", revocation.preview, methods=["GET"]),
        Route(f"{HOME}/certificates/{{serial}}/revoke", revocation.revoke, methods=["POST"]),
        Route(f"{HOME}/endpoints/{{id}}", pages.show_endpoint),
        *_route_alerts(AlertPages(pages)),
        Route(f"{HOME}/metering", pages.show_metering),
        Route(f"{HOME}/metering.csv", Download(pages, "/inventory/metering", format="csv")),
        Route(f"{HOME}/provisioners", pages.show_provisioners),
        *(Route(f"{HOME}/{name}", partial(pages.show_list, name)) for name in LISTS),
    ]

    async def render_error(_: Request, error: Exception) -> Response:
        if isinstance(error, NewelError):
            note_cause(error.cause)
            return renderer.page("error.html", error.http_status, detail=error.detail)
        status = error.status_code if isinstance(error, HTTPException) else 500
        return renderer.page("error.html", status, detail="There is nothing here.")

    handlers = {
        NewelError: render_error,
        HTTPException: render_error,
        LoginRequiredError: _ask_for_login,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


def _route_alerts(alerts: AlertPages) -> list[Route]:
    """Return the routes of alerts and silences, but for their lists."""
    acts = {
        f"{HOME}/alerts/{{id}}/acknowledge": alerts.acknowledge,
        f"{HOME}/silences/new": alerts.silence,
        f"{HOME}/silences/{{id}}/end": alerts.end,
        f"{HOME}/deliveries/{{key}}/retry": alerts.retry,
    }
    return [
        Route(f"{HOME}/alerts/{{id}}", alerts.show),
        Route(f"{HOME}/silences/new", alerts.show_form, methods=["GET"]),
        *(Route(path, act, methods=["POST"]) for path, act in acts.items()),
    ]


async def _go_home(_: Request) -> Response:
    return RedirectResponse(HOME, 303, HEADERS)


async def _ask_for_login(request: Request, error: Exception) -> Response:
    """Lead to the log in and back; only pages that are read are come back to."""
    url = request.url
    path = f"{url.path}?{url.query}" if url.query else url.path
    params = {"to": path} if request.method == "GET" and path != HOME else {}
    if isinstance(error, LoginRequiredError) and error.is_over:
        params["over"] = "1"
    target = url.replace(scheme="", netloc="", path=LOGIN, query="").include_query_params(**params)
    return RedirectResponse(str(target), 303, HEADERS)


async def _send_static(request: Request) -> Response:
    """Send a file of this package; nothing is fetched from elsewhere."""
    name = str(request.path_params["file"])
    if name not in _STATIC:
        raise HTTPException(404)
    content = files("newel.dashboard").joinpath("static", name).read_bytes()
    headers = {**HEADERS, "Cache-Control": "no-cache"}
    return Response(content, 200, headers, f"{_STATIC[name]}; charset=utf-8")
