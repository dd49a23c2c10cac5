"""Alerts over HTTPS, for administrators. Import it late: FastAPI is slow to load."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response

from newel.alerting.documents import (
    AlertDocument,
    AlertPage,
    AlertParameters,
    AlertWithDeliveries,
    DeliveryDocument,
)
from newel.alerting.storage.listing import ListingStorage
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.admin_api import Admit, build_admin_app, link_next


def build_app(listing: ListingStorage, admit: Admit, clock: Clock, audit: Audit) -> FastAPI:
    """Build the ASGI app for everything under ``/alerts``."""
    routes = APIRouter(prefix="/alerts")

    @routes.get("")
    async def alerts(
        parameters: Annotated[AlertParameters, Query()], request: Request, response: Response
    ) -> AlertPage:
        """One page of alerts, the latest first unless ``sort`` says otherwise."""
        query = parameters.query()
        page = await listing.alerts(query, clock.now())
        following = link_next(request, response, query, page.next)
        return AlertPage(alerts=[AlertDocument.of(each) for each in page.entries], next=following)

    @routes.get("/{notice}")
    async def alert(notice: str) -> AlertWithDeliveries:
        """One alert with its deliveries."""
        found = await listing.alert(notice)
        if found is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such alert.")
        deliveries = [DeliveryDocument.of(each) for each in await listing.deliveries(notice)]
        return AlertWithDeliveries.of(found, deliveries=deliveries)

    return build_admin_app("alerting", admit, audit, routes)
