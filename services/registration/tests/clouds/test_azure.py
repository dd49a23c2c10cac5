"""Azure provisioners: which machines are admitted, under which names, how often."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fakes.clouds import TENANT, Cloud, KeyServer
from fixtures.authority import EPOCH
from fixtures.instances import Open, names_of, read_leaf
from fixtures.pki import InternalPki
from fixtures.registration import GENERAL_401, read_message, request_for
from newel.registration.provisioners.azure import LOGIN_HOSTS, AzureProvisioner
from newel.registration.provisioners.key_set_cache import KeySetCache
from newel.registration.provisioners.limits import Limits
from newel.registration.provisioners.provisioner import ProvisionerContext
from newel.runtime.clock import ManualClock
from newel.runtime.egress import EgressPolicy
from newel.runtime.http.outgoing import OutgoingClient
from newel.runtime.tls.client import trust_file
from newel.step.provisioners import AzureProvisionerConfig

NOW = int(EPOCH.timestamp())
FOO = request_for("foo.internal")
MACHINE = "/subscriptions/S/resourcegroups/G/providers/Microsoft.Compute/virtualMachines/foo"
IDENTITY = "/subscriptions/S/resourceGroups/G/providers/Microsoft.ManagedIdentity/userAssignedIdentities/foo"
USUAL: Mapping[str, Any] = {
    "iss": f"https://sts.windows.net/{TENANT}/", "aud": "https://management.azure.com/", "tid": TENANT,
    "oid": "OBJECT", "sub": "OBJECT", "appid": "app", "ver": "1.0", "iat": NOW, "nbf": NOW,
    "exp": NOW + 86_400, "xms_mirid": MACHINE,
}  # fmt: skip # a table
Record = Callable[..., dict[str, Any]]


@pytest.fixture
def record(key_server: KeyServer, pki: InternalPki) -> Record:
    def make(**members: Any) -> dict[str, Any]:
        own = {"discoveryURL": key_server.azure_discovery, "caFile": str(pki.roots)}
        return {"type": "Azure", "name": "Azure", "tenantID": TENANT, "newel": own, **members}

    return make


def make_token(cloud: Cloud, **claims: Any) -> str:
    return cloud.token({**USUAL, **claims})


@pytest.mark.parametrize("resource", [MACHINE, IDENTITY, MACHINE.upper()])
async def test_a_machine_gets_the_names_it_asks_for(
    open_ra: Open, record: Record, cloud: Cloud, resource: str
) -> None:
    listed = {"resourceGroups": ["g"], "subscriptionIDs": ["s"], "objectIDs": ["object"]}
    ra = await open_ra(record(**listed))
    token = make_token(cloud, xms_mirid=resource)
    answer = await ra.sign(token, request_for("foo.internal", "bar"))
    assert names_of(answer) == ["foo.internal", "bar"]
    asked = ra.issuing.requests[-1].provisioner
    assert (asked.type, asked.name, asked.credential_id) == ("Azure", "Azure", TENANT)
    assert not asked.key_values


@pytest.mark.attack("T12")
async def test_t12_a_machine_gets_one_certificate_however_its_id_is_spelled(
    open_ra: Open, record: Record, cloud: Cloud
) -> None:
    ra = await open_ra(record())
    read_leaf(await ra.sign(make_token(cloud), FOO))
    for resource in (MACHINE, MACHINE.lower(), MACHINE.replace("groups", "Groups")):
        answer = await ra.sign(make_token(cloud, xms_mirid=resource, iat=NOW - 1), FOO)
        assert answer.json() == GENERAL_401
    read_leaf(await ra.sign(make_token(cloud, xms_mirid=f"{MACHINE}2"), FOO))


async def test_only_the_name_of_the_machine_with_the_same_token_again(
    open_ra: Open, record: Record, cloud: Cloud
) -> None:
    """Azure repeats a token for a day: without trust on first use it may be used again."""
    ra = await open_ra(record(disableCustomSANs=True, disableTrustOnFirstUse=True))
    token = make_token(cloud)
    for request in (request_for("foo"), request_for(common_name="foo"), request_for("foo")):
        assert names_of(await ra.sign(token, request)) == ["foo"]
    keys = [each.idempotency_key for each in ra.issuing.requests]
    assert len(set(keys)) == len(keys)
    answer = await ra.sign(token, FOO)
    assert answer.status_code == 403
    assert "valid common name - got foo.internal, want foo." in read_message(answer)
    answer = await ra.sign(token, request_for("foo", "bar"))
    assert "unauthorized DNS names - got [foo bar], allowed [foo]" in read_message(answer)


async def test_a_tenant_in_capitals_is_the_same(
    open_ra: Open, record: Record, cloud: Cloud
) -> None:
    ra = await open_ra(record(tenantID=TENANT.upper()))
    read_leaf(await ra.sign(make_token(cloud), FOO))


@pytest.mark.attack("T12")
@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://sts.windows.net/other/"}, "issuer"),
        ({"aud": "https://graph.microsoft.com/"}, "aud"),
        ({"aud": "https://management.azure.com"}, "aud"),
        ({"exp": NOW - 61}, "expired"),
        ({"exp": NOW + 10 * 86_400}, "too late"),
        ({"nbf": NOW + 61}, "not valid yet"),
        ({"xms_mirid": ""}, "not one of a machine"),
        ({"xms_mirid": None}, "says nothing of a machine"),
        (
            {"xms_mirid": MACHINE.replace("Microsoft.Compute", "Microsoft.Web")},
            "not one of a machine",
        ),
        ({"xms_mirid": MACHINE.replace("/G/", "/H/")}, "another resource group"),
        ({"xms_mirid": MACHINE.replace("/S/", "/T/")}, "another subscription"),
        ({"oid": "ANOTHER"}, "another managed identity"),
        ({"oid": ""}, "another managed identity"),
    ],
)
async def test_t12_machines_that_are_not_admitted(
    open_ra: Open, record: Record, cloud: Cloud, claims: dict[str, Any], why: str
) -> None:
    listed = {"resourceGroups": ["G"], "subscriptionIDs": ["S"], "objectIDs": ["OBJECT"]}
    ra = await open_ra(record(**listed))
    assert (await ra.sign(make_token(cloud, **claims), FOO)).json() == GENERAL_401
    assert why in str(ra.audit.lines[-1])
    read_leaf(await ra.sign(make_token(cloud), FOO))  # its first use is left


async def test_a_token_of_another_tenant_or_key_is_refused(
    open_ra: Open, record: Record, cloud: Cloud
) -> None:
    ra = await open_ra(record())
    assert (await ra.sign(make_token(cloud, tid="other"), FOO)).json() == GENERAL_401
    assert (await ra.sign(make_token(Cloud()), FOO)).json() == GENERAL_401


async def test_keys_that_cannot_be_fetched_are_no_verdict(
    open_ra: Open, record: Record, cloud: Cloud, key_server: KeyServer
) -> None:
    away = key_server.azure_discovery.replace(TENANT, "nowhere")
    ra = await open_ra(record(newel={"discoveryURL": away}))
    assert (await ra.sign(make_token(cloud), FOO)).status_code == 503


async def test_a_machine_revokes_nothing(open_ra: Open, record: Record, cloud: Cloud) -> None:
    ra = await open_ra(record())
    answer = await ra.post("/revoke", serial="1", ott=make_token(cloud), passive=True)
    assert answer.json() == GENERAL_401


async def test_a_record_without_a_tenant_is_listed_with_the_reason(
    open_ra: Open, record: Record
) -> None:
    ra = await open_ra(record(tenantID=""))
    listed = (await ra.call("GET", "/provisioners")).json()["provisioners"]
    assert listed[0]["stateReason"] == "provisioner tenantId cannot be empty"


@pytest.mark.parametrize(
    ("audience", "host"), [("", "login.microsoftonline.com"), *LOGIN_HOSTS.items()]
)
def test_the_tenant_is_asked_in_the_cloud_of_the_audience(audience: str, host: str) -> None:
    cache = KeySetCache(OutgoingClient(EgressPolicy(), trust_file(None)), ManualClock(EPOCH))
    made = AzureProvisioner(
        AzureProvisionerConfig(name="Azure", tenant_id=TENANT, audience=audience),
        ProvisionerContext(Limits(), True, key_sets=cache),
    )
    assert f"https://{host}/{TENANT}/.well-known/openid-configuration" in made.problem
