"""Name policies on orders and their certificates, at each of their levels."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from fixtures.acme_account import make_csr
from fixtures.acme_harness import ACMEHarness, make_harness, provisioner
from newel.registration.acme import ids
from newel.registration.inventory import InventoryQuestion
from newel.registration.policy.levels import Policies, compile_policies
from newel.runtime.errors import ErrorType, NewelError
from newel.step.acme_profiles import ACMENewel
from newel.step.policies import PolicyConfig


def config(**x509: object) -> PolicyConfig:
    return msgspec.convert({"x509": x509}, PolicyConfig)


def compile_level(**x509: object) -> Policies:
    return compile_policies(config(**x509))


async def test_an_order_names_each_identifier_that_the_provisioner_does_not_allow(
    harness: ACMEHarness,
) -> None:
    allowed = config(allow={"dns": ["*.lab"], "ip": ["10.0.0.0/8"]}, deny={"dns": ["bad.lab"]})
    harness.provisioners["acme"] = provisioner(policy=allowed)
    client = await harness.register_client()
    assert (await client.order("good.lab", "10.1.2.3")).status == 201
    reply = await client.order("good.lab", "bad.lab", "192.0.2.1")
    assert (reply.status, reply.problem) == (403, "rejectedIdentifier")
    assert [(part["identifier"]["value"], part["detail"]) for part in reply["subproblems"]] == [
        ("bad.lab", 'dns name "bad.lab" not allowed'),
        ("192.0.2.1", 'ip name "192.0.2.1" not allowed'),
    ]


async def test_the_policies_of_the_authority_and_of_the_account_are_applied_too(
    tmp_path: Path,
) -> None:
    url, authority = f"sqlite:///{tmp_path}/ra.db", compile_level(deny={"dns": ["a.lab"]})
    async with make_harness(url, policies=authority) as harness:
        limited, other = await harness.register_client(), await harness.register_client()
        account = ids.parse(limited.kid.rsplit("/", 1)[1])
        assert account
        harness.account_policies[account] = compile_level(deny={"dns": ["b.lab"]})
        assert (await limited.order("a.lab")).problem == "rejectedIdentifier"
        assert (await limited.order("b.lab")).problem == "rejectedIdentifier"
        assert (await other.order("b.lab")).status == 201


@pytest.mark.parametrize("level", ["provisioner", "account"])
async def test_a_policy_that_came_after_the_order_is_applied_when_it_is_finalized(
    harness: ACMEHarness, level: str
) -> None:
    client = await harness.register_client()
    order = await harness.ready(client, "a.lab")
    denied = config(deny={"dns": ["a.lab"]})
    if level == "provisioner":
        harness.provisioners["acme"] = provisioner(policy=denied)
    else:
        account = ids.parse(client.kid.rsplit("/", 1)[1])
        assert account
        harness.account_policies[account] = compile_policies(denied)
    reply = await client.post(order["finalize"], {"csr": make_csr("a.lab")})
    assert (reply.status, reply.problem) == (403, "rejectedIdentifier")
    assert (await client.post(order.header("location")))["status"] == "invalid"
    assert not harness.issuing.requests


class Inventory:
    """Knows the names it is given, or does not answer."""

    def __init__(self, *known: str, answers: bool = True) -> None:
        self.known, self.answers = set(known), answers

    async def look_up(self, questions: Sequence[InventoryQuestion]) -> list[dict[str, str] | None]:
        if not self.answers:
            raise NewelError(ErrorType.UNAVAILABLE, "the inventory does not answer")
        return [
            {"owner": "lab"} if self.known.intersection(map(str, each.names)) else None
            for each in questions
        ]


async def test_an_order_names_each_identifier_that_a_required_inventory_does_not_know(
    harness: ACMEHarness,
) -> None:
    client = await harness.register_client()
    inventory = Inventory("known.lab", "10.0.0.1")
    harness.provisioners["acme"] = provisioner(
        inventory=inventory, newel=ACMENewel(require_inventory=True)
    )
    assert (await client.order("known.lab", "10.0.0.1")).status == 201
    reply = await client.order("known.lab", "new.lab", "10.0.0.2")
    assert (reply.status, reply.problem) == (403, "rejectedIdentifier")
    assert [part["identifier"]["value"] for part in reply["subproblems"]] == ["new.lab", "10.0.0.2"]
    assert reply["subproblems"][0]["detail"] == "the inventory does not know dns:new.lab"


async def test_an_inventory_that_does_not_answer_is_no_refusal(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    harness.provisioners["acme"] = provisioner(
        inventory=Inventory(answers=False), newel=ACMENewel(require_inventory=True)
    )
    reply = await client.order("known.lab")
    assert (reply.status, reply.problem) == (503, "serverInternal")
    assert int(reply.header("retry-after")) > 0
