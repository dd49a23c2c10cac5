"""One alert, and what an operator does about it: acknowledge it, silence its like, send a message again."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newel.dashboard.pages import Pages
from newel.dashboard.visits import read_segment, read_session_form
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.roles import Role

HOURS = {"1": "an hour", "4": "four hours", "24": "a day", "72": "three days", "168": "a week"}
"""How long a silence of these forms lasts, by the value of the choice."""

Reader = Callable[[Mapping[str, str]], dict[str, str]]
"""Makes the document for the interface of a form."""

MATCHERS = ("kind", "severity", "owner", "endpoint", "provisioner", "subject")


@dataclass(frozen=True, slots=True)
class AlertPages:
    """The routes; alerting decides by itself who may act."""

    pages: Pages

    async def show(self, request: Request) -> Response:
        """Show one alert with what became of its messages."""
        visit = await self.pages.enter(request)
        path = f"/alerts/{read_segment(request, 'id')}"
        entry = await self.pages.interfaces.read(visit.caller, path)
        may_act = visit.role.includes(Role.OPERATOR)
        return self.pages.renderer.page(
            "alert.html", visit=visit, entry=entry, may_act=may_act, hours=HOURS
        )

    async def acknowledge(self, request: Request) -> Response:
        """Acknowledge an alert and show it."""
        alert = read_segment(request, "id")
        await self._post(request, f"/alerts/{alert}/acknowledge", _read_note)
        return _lead_to(f"alerts/{alert}")

    async def show_form(self, request: Request) -> Response:
        """Show the form of a silence, filled with what the link to it says."""
        visit = await self.pages.enter(request)
        given = {name: request.query_params.get(name, "") for name in MATCHERS}
        may_act = visit.role.includes(Role.OPERATOR)
        return self.pages.renderer.page(
            "silence.html", visit=visit, given=given, may_act=may_act, hours=HOURS
        )

    async def silence(self, request: Request) -> Response:
        """Make a silence and show all that are active."""
        await self._post(request, "/alerts/silences", self._read_silence)
        return _lead_to("silences?state=active")

    async def end(self, request: Request) -> Response:
        """End a silence and show those that are active."""
        path = f"/alerts/silences/{read_segment(request, 'id')}/end"
        await self._post(request, path, _read_nothing)
        return _lead_to("silences?state=active")

    async def retry(self, request: Request) -> Response:
        """Send a message again that failed for good, and show its alert."""
        path = f"/alerts/deliveries/{read_segment(request, 'key')}/retry"
        form = await self._post(request, path, _read_nothing)
        return _lead_to(f"alerts/{quote(form.get('alert', ''), safe='')}")

    async def _post(self, request: Request, path: str, read: Reader) -> Mapping[str, str]:
        visit = await self.pages.enter(request)
        form = await read_session_form(request, visit.session)
        await self.pages.interfaces.post(visit.caller, path, read(form))
        return form

    def _read_silence(self, form: Mapping[str, str]) -> dict[str, str]:
        """Return the silence that a form describes. Raises ``malformed`` for one that has no end."""
        hours = form.get("hours", "")
        if hours not in HOURS:
            raise NewelError(ErrorType.MALFORMED, "Choose how long the silence lasts.")
        begin = self.pages.renderer.now()
        if start := form.get("starts_at", ""):
            begin = _read_minute(start)
        document = {name: form[name] for name in MATCHERS if form.get(name)}
        document["starts_at"] = begin.isoformat()
        document["ends_at"] = (begin + dt.timedelta(hours=int(hours))).isoformat()
        return document | {"reason": form.get("reason", "")}


def _read_note(form: Mapping[str, str]) -> dict[str, str]:
    return {"note": form.get("note", "")}


def _read_nothing(_: Mapping[str, str]) -> dict[str, str]:
    return {}


def _read_minute(text: str) -> dt.datetime:
    """Parse the local time of a form, which is said to be UTC."""
    detail = "The beginning must be a time in UTC, as in 2026-11-21T22:00."
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise NewelError(ErrorType.MALFORMED, detail) from error
    if found.tzinfo is not None or found.year == dt.MAXYEAR:
        raise NewelError(ErrorType.MALFORMED, detail)
    return found.replace(tzinfo=dt.UTC)


def _lead_to(page: str) -> Response:
    return RedirectResponse(f"/dashboard/{page}", 303)
