"""Alerts over HTTPS, for administrators. Import it late: FastAPI is slow to load."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response

from newel.alerting.documents import (
    AlertDocument,
    AlertPage,
    AlertParameters,
    AlertWithDeliveries,
    ChannelDocument,
    ChannelList,
    DeliveryDocument,
    TrialDocument,
)
from newel.alerting.storage.listing import ListingStorage
from newel.alerting.trials import Trials
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.admin_api import Admit, build_admin_app, link_next
from newel.runtime.http.roles import Role

_TEST = "/channels/{name}/test"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    listing: ListingStorage
    trials: Trials
    kinds: Mapping[str, str]
    """The kind of each channel, by its name."""
    clock: Clock
    audit: Audit


def build_app(alerting: Parts, admit: Admit) -> FastAPI:
    """Build the ASGI app for everything under ``/alerts``."""
    routes = APIRouter(prefix="/alerts")
    _add_channels(routes, alerting)
    _add_alerts(routes, alerting.listing, alerting.clock)
    roles = {("POST", f"{routes.prefix}{_TEST}"): Role.OPERATOR}
    return build_admin_app("alerting", admit, alerting.audit, routes, roles)


def _add_channels(routes: APIRouter, alerting: Parts) -> None:
    @routes.get("/channels")
    async def channels() -> ChannelList:
        """All channels that are configured."""
        kinds = sorted(alerting.kinds.items())
        return ChannelList(channels=[ChannelDocument(name=n, kind=kind) for n, kind in kinds])

    @routes.post(_TEST)
    async def test(name: str) -> TrialDocument:
        """Send a test message to a channel, and another one that resolves it."""
        error = await alerting.trials.run(name)
        outcome = "failed" if error else "delivered"
        alerting.audit.record("alerting.test", outcome, channel=name, cause=error)
        return TrialDocument(channel=name, delivered=not error, error=error or None)


def _add_alerts(routes: APIRouter, listing: ListingStorage, clock: Clock) -> None:

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
