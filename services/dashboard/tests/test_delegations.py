"""A dashboard that is a process of its own: the administrator's key delegates, the interfaces decide."""

import datetime as dt
from typing import Any

import httpx
import pytest

from fixtures.catalogue import KEY, START, make_issued, revocation_event
from fixtures.dashboard import DashboardHarness, read_text
from newel.dashboard.config import ProcessConfig
from newel.dashboard.interfaces import PATHS
from newel.runtime.database.contract import Statement, Write
from newel.step import delegations

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def remote(dashboard: DashboardHarness) -> DashboardHarness:
    """The dashboard as a process of its own has it, where no handshake can be handed on."""
    dashboard.ca_url = "https://ca.example:9000"
    return dashboard


def delegate(certificate: bytes, **other: str) -> dict[str, Any]:
    """The body that asks for a link; ``other`` has delegations in the place of right ones."""
    made = {name: delegations.make(certificate, KEY, name, START, 2 * HOUR) for name in PATHS}
    return {"delegations": made | other}


async def ask(remote: DashboardHarness, body: dict[str, Any] | None) -> httpx.Response:
    async with remote.client(remote.ada.der) as program:  # which shows a certificate as well
        if body is None:
            return await program.post("/dashboard/links")
        return await program.post("/dashboard/links", json=body)


async def test_delegations_log_in_where_a_handshake_cannot(remote: DashboardHarness) -> None:
    async with remote.client() as program:
        wanted = (await program.get("/dashboard/links")).json()
    assert wanted["proofs"] == ["delegations"]
    assert wanted["interfaces"] == ["inventory", "alerting", "revocations"]
    assert (await ask(remote, None)).status_code == 401
    made = await ask(remote, delegate(remote.ada.der))
    assert made.status_code == 201, made.text
    assert remote.audit.lines[-1][2]["way"] == "delegation"
    secret = made.json()["path"].partition("link=")[2]
    async with remote.client() as browser:
        await browser.post("/dashboard/login", data={"link": secret})
        assert (await browser.get("/dashboard/certificates")).status_code == 200
        granted = [line for line in remote.catalogue.audit.lines if line[1] == "granted"]
        assert granted
        assert all(line[2]["way"] == "delegation" for line in granted)
        remote.catalogue.clock.advance(2 * HOUR + dt.timedelta(minutes=2))
        ended = await browser.get("/dashboard/certificates", follow_redirects=True)
        assert "Log in" in read_text(ended), "the session ends with the delegations"


async def test_the_database_has_no_delegation_that_opens_without_its_secret(
    remote: DashboardHarness,
) -> None:
    body = delegate(remote.ada.der)
    secret = (await ask(remote, body)).json()["path"].partition("link=")[2]
    rows = await remote.database.fetch(Statement("SELECT sealed FROM links"))
    sealed = bytes(rows[0][0])
    assert not any(text.encode()[:64] in sealed for text in body["delegations"].values())
    spoilt = Statement("UPDATE links SET sealed = $1")
    await remote.database.apply(Write(spoilt, (sealed[:-1] + bytes((sealed[-1] ^ 1,)),)))
    async with remote.client() as browser:
        assert (await browser.post("/dashboard/login", data={"link": secret})).status_code == 403


async def test_who_is_no_administrator_any_more_is_out(remote: DashboardHarness) -> None:
    secret = (await ask(remote, delegate(remote.ada.der))).json()["path"].partition("link=")[2]
    async with remote.client() as browser:
        await browser.post("/dashboard/login", data={"link": secret})
        assert (await browser.get("/dashboard")).status_code == 200
        await remote.catalogue.take(revocation_event(remote.ada))
        assert (await browser.get("/dashboard")).status_code == 303


@pytest.mark.attack("P05")
async def test_delegations_that_are_not_an_administrator_s_or_not_whole(
    remote: DashboardHarness,
) -> None:
    bob = make_issued(common_name="bob@example.com", provisioner="people")
    await remote.catalogue.take(bob.event)
    ada = remote.ada.der
    late = delegations.make(ada, KEY, "alerting", START - 3 * HOUR, HOUR)
    for body, status in (
        (delegate(bob.der), 403),
        (delegate(ada, alerting=delegate(bob.der)["delegations"]["alerting"]), 401),
        (delegate(ada, alerting=delegate(ada)["delegations"]["inventory"]), 401),
        (delegate(ada, alerting=late), 401),
        (delegate(ada, other=late), 401),
        ({"delegations": {}}, 401),
        ({"delegations": []}, 400),
        ({"delegation": {}}, 400),
    ):
        assert (await ask(remote, body)).status_code == status, body
        assert remote.audit.lines[-1][:2] == ("dashboard.link", "refused")


def test_a_session_that_no_delegation_could_last_for_is_refused() -> None:
    here = {"url": "https://inventory:9443", "roots": "roots.pem"}
    parts = dict.fromkeys(("registration", "inventory", "alerting"), here)
    table = {
        "ca_url": "https://ca.example",
        "interfaces": {**parts, "validation": "http://validation:9080"},
    }
    ProcessConfig.model_validate({**table, "session_lifetime": 82_800})
    with pytest.raises(ValueError, match="24 hours together"):
        ProcessConfig.model_validate({**table, "session_lifetime": 86_400})


async def test_pages_tell_where_clients_reach_the_authority(remote: DashboardHarness) -> None:
    secret = (await ask(remote, delegate(remote.ada.der))).json()["path"].partition("link=")[2]
    async with remote.client(remote.ada.der) as browser:
        page = read_text(await browser.get("/dashboard/login"))
        assert "certificate log in here" not in page, "a handshake is not offered"
        await browser.post("/dashboard/login", data={"link": secret})
        assert "newel ca certificate ca.example" in read_text(await browser.get("/dashboard"))
