"""Templates into responses, with the headers that every page has."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup
from starlette.responses import HTMLResponse

from newel.runtime.clock import Clock

POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_HEIGHT = 64
_BAR, _PITCH = 14, 18

REASONS = {
    0: "unspecified",
    1: "the key was compromised",
    3: "the affiliation changed",
    4: "superseded by another certificate",
    5: "no longer in operation",
    6: "on hold",
    9: "the privilege was withdrawn",
}
"""RFC 5280 §5.3.1, those that fit a leaf, in words."""


class Renderer:
    """Renders the templates of this package; every value is escaped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("newel.dashboard"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        filters: dict[str, Callable[..., object]] = {
            "time": show_time,
            "span": self._span,
            "query": write_query,
            "reason": name_reason,
            "chart": draw_chart,
            "plural": count_things,
        }
        environment: Any = self._environment
        environment.filters.update(filters)
        environment.globals["now"] = self.now

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page; ``visit`` among the values is the person's, or None."""
        values.setdefault("visit", None)
        text = self._environment.get_template(template).render(values)
        return HTMLResponse(text, status, HEADERS)

    def now(self) -> dt.datetime:
        """Return the time in whole seconds."""
        return self._clock.now().replace(microsecond=0)

    def _span(self, text: str | None) -> str:
        """Return how far a time is from now: ``in 3 hours``, ``2 days ago``."""
        if not text:
            return "never"
        seconds = int((read_time(text) - self._clock.now()).total_seconds())
        size, unit = next(each for each in _UNITS if abs(seconds) >= each[0] or each[0] == 1)
        count = abs(seconds) // size
        told = count_things(count, unit)
        return f"in {told}" if seconds > 0 else f"{told} ago"


def read_time(text: str) -> dt.datetime:
    """Parse a time of an interface."""
    return dt.datetime.fromisoformat(text)


def show_time(value: str | dt.datetime | None) -> Markup:
    """Return a time as an element that says it exactly, to people and to programs."""
    if value is None or value == "":
        return Markup("–")  # noqa: RUF001 - a dash for people
    moment = (read_time(value) if isinstance(value, str) else value).astimezone(dt.UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        f"{moment:%Y-%m-%dT%H:%M:%SZ}", f"{moment:%Y-%m-%d %H:%M} UTC"
    )


def write_query(params: Mapping[str, str]) -> str:
    """Return parameters as the query of a link; nothing for none."""
    return "?" + urlencode(params) if params else ""


def name_reason(code: int | None) -> str:
    """Return a reason of RFC 5280 in words."""
    return REASONS.get(code or 0, f"reason {code}")


def count_things(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def draw_chart(bars: Iterable[Mapping[str, Any]]) -> Markup:
    """Draw bars as SVG, each a link to what it counts: ``count``, ``label``, ``href``."""
    found = [*bars]
    most = max((cast("int", each["count"]) for each in found), default=0) or 1
    parts: list[Markup] = []
    for number, each in enumerate(found):
        count = cast("int", each["count"])
        height = max(round(count / most * _HEIGHT), 3) if count else 1
        parts.append(
            Markup(
                '<a href="{href}" aria-label="{label}: {count}"><title>{label}: {count}</title>'
                '<rect class="hit" x="{x}" y="0" width="{pitch}" height="{full}"/>'
                '<rect class="{kind}" x="{x}" y="{y}" width="{bar}" height="{height}" rx="2"/></a>'
            ).format(
                href=each["href"], label=each["label"], count=count, x=number * _PITCH,
                y=_HEIGHT - height, bar=_BAR, height=height, full=_HEIGHT, pitch=_PITCH,
                kind="bar" if count else "none",
            )
        )  # fmt: skip # numbers in rows
    width = len(found) * _PITCH
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" preserveAspectRatio="none" role="group">{}</svg>'
    ).format(width, _HEIGHT, Markup("").join(parts))
