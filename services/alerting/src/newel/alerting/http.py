"""Alerts over HTTPS, for administrators. Imported on the first request: FastAPI is slow to load."""

from typing import Protocol

from fastapi import FastAPI, Request, Response

from newel.alerting.alerts import ALERTS, Told, alert_document, delivery_document
from newel.alerting.notices import Notice
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.listing import ListQuery, Page
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.admin_http import (
    Admit,
    administrators_app,
    json_answer,
    page_answer,
    params_of,
)


class Listing(Protocol):
    """The reading side of alerting."""

    async def alerts(self, query: ListQuery, now: int) -> Page[Notice]:
        """One page of alerts."""
        ...

    async def alert(self, notice: str) -> Notice | None:
        """One alert."""
        ...

    async def told(self, notice: str) -> list[Told]:
        """What each channel was told of it or is still to be told, in order."""
        ...


def build_app(listing: Listing, admit: Admit, clock: Clock, audit: Audit) -> FastAPI:
    """The ASGI app for everything under ``/alerts``."""

    async def alerts(request: Request) -> Response:
        query = ALERTS.read(params_of(request))
        page = await listing.alerts(query, int(clock.unix()))
        documents = [alert_document(notice) for notice in page.entries]
        return page_answer(request, "alerts", documents, page.next, query)

    async def alert(notice: str) -> Response:
        found = await listing.alert(notice)
        if found is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such alert.")
        deliveries = [delivery_document(told) for told in await listing.told(notice)]
        return json_answer({**alert_document(found), "deliveries": deliveries})

    routes = (("GET", "/alerts", alerts), ("GET", "/alerts/{notice}", alert))
    return administrators_app("alerting", admit, audit, routes)
