"""A delegation, which an administrator's key signed, in the place of the client certificate."""

import datetime as dt

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fixtures.catalogue import KEY, START, IssuedCertificate, make_issued, revocation_event
from fixtures.inventory import Catalogue, inventory_client
from newel.runtime.http.roles import Role
from newel.step import delegations

HOUR = dt.timedelta(hours=1)
PATH = "/inventory/administrator"


async def ask(
    catalogue: Catalogue, token: str, *, der: bytes | None = None, scheme: str = "Bearer"
) -> httpx.Response:
    """Ask who one is; the answer to a token of a client with this certificate, or none."""
    async with inventory_client(catalogue, der, Role.OPERATOR) as http:
        return await http.get(PATH, headers={"Authorization": f"{scheme} {token}"})


def delegate(certificate: bytes, *, to: str = "inventory") -> str:
    return delegations.make(certificate, KEY, to, START, HOUR)


async def test_it_is_the_administrator_and_the_audit_trail_says_how(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    answer = await ask(catalogue, delegate(ada.der))
    assert (answer.json()["subject"], answer.json()["role"]) == ("ada@example.com", "operator")
    _, outcome, facts = catalogue.audit.lines[-1]
    assert (outcome, facts["way"], facts["subject"]) == ("granted", "delegation", "ada@example.com")


async def test_the_inventory_still_decides(catalogue: Catalogue, ada: IssuedCertificate) -> None:
    stranger = make_issued(common_name="ada@example.com", provisioner="people")
    assert (await ask(catalogue, delegate(stranger.der))).status_code == 403, "never issued"
    await catalogue.take(revocation_event(ada))
    assert (await ask(catalogue, delegate(ada.der))).status_code == 403, "revoked"


async def test_what_proves_nothing_is_refused_and_says_why(
    catalogue: Catalogue, ada: IssuedCertificate
) -> None:
    forged = delegations.make(
        ada.der, ec.generate_private_key(ec.SECP256R1()), "inventory", START, HOUR
    )
    for token, cause in (
        (forged, "signature does not verify"),
        (delegate(ada.der, to="alerting"), "another interface"),
        ("nonsense", "not a compact JWS"),
        ("", "not a compact JWS"),
    ):
        answer = await ask(catalogue, token)
        assert answer.status_code == 401
        assert cause in answer.json()["detail"]
        assert cause in catalogue.audit.lines[-1][2]["cause"]
    catalogue.clock.advance(2 * HOUR)
    assert "expired" in (await ask(catalogue, delegate(ada.der))).json()["detail"]


@pytest.mark.parametrize(
    ("scheme", "shows", "status"),
    [("Basic", False, 401), ("Bearer", True, 400), ("bearer", False, 200)],
)
async def test_one_way_at_a_time_and_of_this_scheme(
    catalogue: Catalogue, ada: IssuedCertificate, scheme: str, shows: bool, status: int
) -> None:
    der = ada.der if shows else None
    answer = await ask(catalogue, delegate(ada.der), der=der, scheme=scheme)
    assert answer.status_code == status
