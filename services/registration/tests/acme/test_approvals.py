"""Orders for names that an account need not prove: those approved for its external account key."""

import ipaddress

import pytest
from cryptography import x509

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness, provisioner
from newel.registration.acme import ids
from newel.registration.policy.approvals import Approvals
from newel.step.policies import NameLists, NamePolicy, PolicyConfig


async def approve(harness: ACMEHarness, **lists: tuple[str, ...]) -> Client:
    """Return a client whose account need not prove these names."""
    client = await harness.register_client()
    account = ids.parse(client.kid.rsplit("/", 1)[1])
    assert account
    harness.approvals[account] = Approvals(NameLists(**lists))
    return client


async def test_an_order_for_approved_names_alone_is_ready_at_once(either: ACMEHarness) -> None:
    client = await approve(either, dns=("host.lab",), ip=("10.0.0.0/8",))
    order = await client.order("host.lab", "10.1.2.3")
    assert (order.status, order["status"]) == (201, "ready")
    assert (await client.post(order.header("location")))["status"] == "ready"
    shown = await client.post(order["authorizations"][0])
    (challenge,) = shown["challenges"]
    assert (shown["status"], challenge["status"]) == ("valid", "valid")
    csr = make_csr("host.lab", x509.IPAddress(ipaddress.ip_address("10.1.2.3")))
    assert (await client.post(order["finalize"], {"csr": csr}))["status"] == "valid"


async def test_other_names_of_the_order_are_proved_as_ever(harness: ACMEHarness) -> None:
    client = await approve(harness, dns=("host.lab",))
    order = await client.order("host.lab", "a.example")
    assert order["status"] == "pending"
    states = [(await client.post(each))["status"] for each in order["authorizations"]]
    assert states == ["valid", "pending"]
    early = await client.post(order["finalize"], {"csr": make_csr("host.lab", "a.example")})
    assert early.problem == "orderNotReady"


@pytest.mark.attack("A06")
@pytest.mark.parametrize(
    "name",
    ["other.lab", "*.host.lab", "*.lab", "sub.host.lab", "host.lab.evil.example", "10.1.2.3"],
)
async def test_no_other_name_is_approved(harness: ACMEHarness, name: str) -> None:
    client = await approve(harness, dns=("host.lab",))
    assert (await client.order(name))["status"] == "pending"


async def test_another_account_proves_the_name(harness: ACMEHarness) -> None:
    await approve(harness, dns=("host.lab",))
    assert (await (await harness.register_client()).order("host.lab"))["status"] == "pending"


async def test_an_approved_name_is_still_held_to_the_policies(harness: ACMEHarness) -> None:
    denied = PolicyConfig(x509=NamePolicy(deny=NameLists(dns=("host.lab",))))
    harness.provisioners["acme"] = provisioner(policy=denied)
    client = await approve(harness, dns=("host.lab",))
    assert (await client.order("host.lab")).problem == "rejectedIdentifier"


async def test_an_approval_can_be_deactivated_like_any_authorization(
    harness: ACMEHarness,
) -> None:
    client = await approve(harness, dns=("host.lab",))
    order = await client.order("host.lab")
    await client.post(order["authorizations"][0], {"status": "deactivated"})
    assert (await client.post(order.header("location")))["status"] == "invalid"


@pytest.mark.parametrize(
    "lists",
    [
        NameLists(),
        NameLists(dns=("a",), email=("@x",)),
        NameLists(dns=("a b",)),
        NameLists(ip=("10.0.0.0/99",)),
        NameLists(dns=tuple(f"h{number}.lab" for number in range(1001))),
    ],
)
def test_constraints_that_cannot_be_are_refused(lists: NameLists) -> None:
    with pytest.raises(ValueError, match=r"."):
        Approvals(lists)
