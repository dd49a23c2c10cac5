"""Alerts over HTTPS, for administrators. Import it late: FastAPI is slow to load."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response

from newel.alerting.acts import Acts
from newel.alerting.bodies import (
    AcknowledgementBody,
    Body,
    SilenceBody,
    describe_body,
    read_document,
)
from newel.alerting.documents import (
    AlertDocument,
    AlertPage,
    AlertParameters,
    AlertWithDeliveries,
    ChannelDocument,
    ChannelList,
    DeliveryDocument,
    DeliveryPage,
    DeliveryParameters,
    SilenceDocument,
    SilencePage,
    SilenceParameters,
    TrialDocument,
)
from newel.alerting.notices import Notice
from newel.alerting.storage.listing import ListingStorage
from newel.alerting.storage.silences import SilenceStorage
from newel.alerting.trials import Trials
from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.database.times import to_seconds
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.admin_api import ADMINISTRATOR, Admit, build_admin_app, link_next
from newel.runtime.http.roles import Role
from newel.step import delegations

_TEST = "/channels/{name}/test"
_ACKNOWLEDGE = "/{notice}/acknowledge"
_SILENCES = "/silences"
_END = "/silences/{silence}/end"
_DELIVERIES = "/deliveries"
_RETRY = "/deliveries/{key}/retry"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    listing: ListingStorage
    silences: SilenceStorage
    acts: Acts
    trials: Trials
    kinds: Mapping[str, str]
    """The kind of each channel, by its name."""
    clock: Clock
    audit: Audit


def build_app(alerting: Parts, admit: Admit) -> FastAPI:
    """Build the ASGI app for everything under ``/alerts``."""
    routes = APIRouter(prefix="/alerts")
    _add_channels(routes, alerting)
    _add_silences(routes, alerting)
    _add_deliveries(routes, alerting)
    _add_alerts(routes, alerting)
    acts = (_TEST, _ACKNOWLEDGE, _SILENCES, _END, _RETRY)
    roles = {("POST", f"{routes.prefix}{path}"): Role.OPERATOR for path in acts}

    def read_delegation(text: str) -> bytes:
        return delegations.read(text, "alerting", alerting.clock.now())

    return build_admin_app("alerting", admit, read_delegation, alerting.audit, routes, roles)


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


def _add_deliveries(routes: APIRouter, alerting: Parts) -> None:
    @routes.get(_DELIVERIES)
    async def deliveries(
        parameters: Annotated[DeliveryParameters, Query()], request: Request, response: Response
    ) -> DeliveryPage:
        """One page of what was or is to be sent, the latest first."""
        query = parameters.query()
        page = await alerting.listing.all_deliveries(query, alerting.clock.now())
        following = link_next(request, response, query, page.next)
        shown = [DeliveryDocument.of(each) for each in page.entries]
        return DeliveryPage(deliveries=shown, next=following)

    @routes.post(_RETRY)
    async def retry(key: str, request: Request) -> DeliveryDocument:
        """Try again what has failed for good."""
        by = request.scope[ADMINISTRATOR].subject
        return DeliveryDocument.of(await alerting.acts.retry(key, by))


def _add_silences(routes: APIRouter, alerting: Parts) -> None:
    clock, storage = alerting.clock, alerting.silences

    @routes.get(_SILENCES)
    async def silences(
        parameters: Annotated[SilenceParameters, Query()], request: Request, response: Response
    ) -> SilencePage:
        """One page of silences, the one that ends last first."""
        query = parameters.query()
        page = await storage.list(query, to_seconds(clock.now()))
        following = link_next(request, response, query, page.next)
        shown = [SilenceDocument.of(each, clock.now()) for each in page.entries]
        return SilencePage(silences=shown, next=following)

    @routes.post(_SILENCES, status_code=201, openapi_extra=describe_body(SilenceBody))
    async def silence(request: Request) -> SilenceDocument:
        """Hold back the alerts that match, from now or a later time until an end."""
        body = await _read_act(request, SilenceBody, "silence", alerting.audit)
        by = request.scope[ADMINISTRATOR].subject
        made = await alerting.acts.silence(
            body.matchers(), body.starts_at, body.ends_at, body.reason, by
        )
        return SilenceDocument.of(made, clock.now())

    @routes.post(_END)
    async def end(silence: str, request: Request) -> SilenceDocument:
        """End a silence before its time; what it held back is told within seconds."""
        by = request.scope[ADMINISTRATOR].subject
        return SilenceDocument.of(await alerting.acts.end(silence, by), clock.now())


async def _read_act(request: Request, model: type[Body], act: str, audit: Audit) -> Body:
    """Read what an act is asked with. Raises `NewelError`, which is in the audit trail as a refusal."""
    try:
        return await read_document(request, model)
    except NewelError as error:
        by = request.scope[ADMINISTRATOR].subject
        audit.record(f"alerting.{act}", "refused", cause=error.cause, by=by)
        raise


def _add_alerts(routes: APIRouter, alerting: Parts) -> None:
    listing, clock = alerting.listing, alerting.clock

    async def show(notice: Notice) -> AlertWithDeliveries:
        now = clock.now()
        active = await alerting.silences.find_active(to_seconds(now))
        deliveries = [DeliveryDocument.of(each) for each in await listing.deliveries(notice.id)]
        return AlertWithDeliveries.of(notice, active, deliveries=deliveries)

    @routes.get("")
    async def alerts(
        parameters: Annotated[AlertParameters, Query()], request: Request, response: Response
    ) -> AlertPage:
        """One page of alerts, the latest first unless ``sort`` says otherwise."""
        query, now = parameters.query(), clock.now()
        page = await listing.alerts(query, now)
        active = await alerting.silences.find_active(to_seconds(now))
        following = link_next(request, response, query, page.next)
        return AlertPage(
            alerts=[AlertDocument.of(each, active) for each in page.entries], next=following
        )

    @routes.get("/{notice}")
    async def alert(notice: str) -> AlertWithDeliveries:
        """One alert with its deliveries."""
        found = await listing.alert(notice)
        if found is None:
            raise NewelError(ErrorType.NOT_FOUND, "There is no such alert.")
        return await show(found)

    @routes.post(_ACKNOWLEDGE, openapi_extra=describe_body(AcknowledgementBody))
    async def acknowledge(notice: str, request: Request) -> AlertWithDeliveries:
        """Say that you look after an alert, which ends its escalation."""
        body = await _read_act(request, AcknowledgementBody, "acknowledge", alerting.audit)
        by = request.scope[ADMINISTRATOR].subject
        return await show(await alerting.acts.acknowledge(notice, body.note, by))
