"""dns-account-01 and dns-persist-01: off unless a provisioner names them, and bound to the account."""

import base64
import datetime as dt
import hashlib
from typing import Any

import pytest

from fixtures.acme_account import Client, make_csr
from fixtures.acme_harness import ACMEHarness, provisioner
from fixtures.acme_requests import Reply
from newel.acme import challenges

ACCOUNT, PERSIST = "dns-account-01", "dns-persist-01"
OWNER = "_validation-persist.a.example"


async def register(harness: ACMEHarness) -> Client:
    harness.provisioners["acme"] = provisioner(
        challenges=["http-01", ACCOUNT, PERSIST], caa_identities=["CA.example", "ca.test"]
    )
    return await harness.register_client()


async def answer(client: Client, kind: str, name: str) -> tuple[Reply, Reply]:
    """Return an order, and its authorization after the challenge was answered."""
    order = await client.order(name)
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, kind)
    await client.post(challenge["url"], {})
    return order, await client.poll(authorization)


def error_of(authorization: Reply) -> dict[str, Any]:
    (shown,) = authorization["challenges"]
    return shown["error"]


async def test_neither_is_offered_unless_the_provisioner_names_it(harness: ACMEHarness) -> None:
    client = await harness.register_client()
    order = await client.order("a.example")
    shown = await client.post(order["authorizations"][0])
    assert {each["type"] for each in shown["challenges"]} == {"http-01", "dns-01", "tls-alpn-01"}
    for identities in ([], ["no name"], [f"ca{n}.example" for n in range(11)]):
        with pytest.raises(ValueError, match="caaIdentities"):
            provisioner(challenges=[PERSIST], caa_identities=identities)


@pytest.mark.parametrize("name", ["a.example", "*.a.example"])
async def test_the_label_of_an_account_proves_a_name(either: ACMEHarness, name: str) -> None:
    client = await register(either)
    order = await client.order(name)
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, ACCOUNT)
    digest = hashlib.sha256(client.kid.encode()).digest()[:10]
    label = base64.b32encode(digest).decode().lower()
    value = challenges.dns_value(client.authorization(challenge["token"]))
    either.dns.set(f"_{label}._acme-challenge.a.example", "TXT", [f'"{value}"'])
    await client.post(challenge["url"], {})
    assert (await client.poll(authorization))["status"] == "valid"
    done = await client.post(order["finalize"], {"csr": make_csr(name)})
    assert done["status"] == "valid"


@pytest.mark.attack("A11")
async def test_the_label_of_another_account_proves_nothing(harness: ACMEHarness) -> None:
    client, other = await register(harness), await harness.register_client()
    order = await client.order("a.example")
    (authorization,) = order["authorizations"]
    challenge = await client.challenge(authorization, ACCOUNT)
    value = challenges.dns_value(client.authorization(challenge["token"]))
    owner = challenges.account_dns_name("a.example", other.kid)
    harness.dns.set(owner, "TXT", [f'"{value}"'])
    harness.dns.set("_acme-challenge.a.example", "TXT", [f'"{value}"'])
    mine = challenges.account_dns_name("a.example", client.kid)
    harness.dns.set(mine, "TXT", ['"another"'])
    await client.post(challenge["url"], {})
    error = error_of(await client.poll(authorization))
    assert error["type"].endswith(":incorrectResponse")
    assert mine in error["detail"]


async def test_a_record_that_stays_proves_a_name_again_and_again(either: ACMEHarness) -> None:
    client = await register(either)
    order = await client.order("a.example")
    challenge = await client.challenge(order["authorizations"][0], PERSIST)
    assert challenge["issuer-domain-names"] == ["ca.example", "ca.test"]
    assert challenge["accounturi"] == client.kid
    assert "token" not in challenge
    either.dns.set(OWNER, "TXT", ['"x"', f'"ca.test; accounturi=" "{client.kid}; new=1"'])
    for _ in range(2):
        order, shown = await answer(client, PERSIST, "a.example")
        assert shown["status"] == "valid"
        done = await client.post(order["finalize"], {"csr": make_csr("a.example")})
        assert done["status"] == "valid"


@pytest.mark.attack("A11")
@pytest.mark.parametrize(
    ("record", "name", "words"),
    [
        ("ca.example; accounturi={other}", "a.example", "another account"),
        ("ca.example; accounturi={own}0", "a.example", "another account"),
        ("ca.example", "a.example", "another account"),
        ("other.example; accounturi={own}", "a.example", "another authority"),
        ("ca.example; accounturi={own}; accounturi={own}", "a.example", "twice"),
        ("ca.example accounturi={own}", "a.example", "malformed"),
        ("ca.example; accounturi={own}", "*.a.example", "not for wildcards"),
        ("ca.example; accounturi={own}; persistUntil={past}", "a.example", "has passed"),
        ("ca.example; accounturi={own}; persistUntil=soon", "a.example", "not a time"),
    ],
)
async def test_records_that_prove_nothing(
    harness: ACMEHarness, record: str, name: str, words: str
) -> None:
    client, other = await register(harness), await harness.register_client()
    past = int(harness.clock.now().timestamp()) - 1
    text = record.format(own=client.kid, other=other.kid, past=past)
    harness.dns.set(OWNER, "TXT", [f'"{text}"'])
    _, shown = await answer(client, PERSIST, name)
    assert shown["status"] == "invalid"
    assert words in error_of(shown)["detail"]


async def test_wildcards_and_times_that_a_record_allows(harness: ACMEHarness) -> None:
    client = await register(harness)
    later = int((harness.clock.now() + dt.timedelta(hours=1)).timestamp())
    text = f"ca.example; accounturi={client.kid}; policy=WildCard; persistUntil={later}"
    harness.dns.set(OWNER, "TXT", [f'"{text}"'])
    for name in ("a.example", "*.a.example"):
        assert (await answer(client, PERSIST, name))[1]["status"] == "valid"
    harness.dns.set("_validation-persist.b.a.example", "TXT", ['"other.example"'])
    assert (await answer(client, PERSIST, "b.a.example"))[1]["status"] == "invalid"
    harness.clock.advance(dt.timedelta(hours=2))
    assert (await answer(client, PERSIST, "a.example"))[1]["status"] == "invalid"
