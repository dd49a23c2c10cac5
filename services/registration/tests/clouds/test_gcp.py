"""GCP provisioners: which instances are admitted, under which names, how often."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.clouds import Cloud, KeyServer
from fixtures.authority import EPOCH
from fixtures.instances import Open, names_of, read_leaf
from fixtures.pki import InternalPki
from fixtures.registration import CA, GENERAL_401, RegistrationHarness, read_message, request_for
from newel.crypto import keys
from newel.crypto.ssh import certificates
from newel.crypto.ssh.public_keys import wire_of
from newel.registration.provisioners.gcp import GCPProvisioner
from newel.registration.provisioners.key_set_cache import KeySetCache
from newel.registration.provisioners.limits import Limits
from newel.registration.provisioners.provisioner import ProvisionerContext, TokenRules
from newel.runtime.clock import ManualClock
from newel.runtime.egress import EgressPolicy
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.outgoing import OutgoingClient
from newel.runtime.tls.client import trust_file
from newel.step import tokens
from newel.step.audiences import Audiences
from newel.step.provisioners import GCPNewel, GCPProvisionerConfig

NOW = int(EPOCH.timestamp())
FOO = request_for("foo.internal")
ENGINE: Mapping[str, Any] = {
    "instance_id": "42", "instance_name": "foo", "project_id": "p", "zone": "z",
    "instance_creation_timestamp": NOW - 60, "project_number": 7, "license_id": ["1"],
}  # fmt: skip # a table
USUAL: Mapping[str, Any] = {
    "iss": "https://accounts.google.com", "sub": "1234567890", "azp": "1234567890",
    "email": "robot@p.iam.gserviceaccount.com", "email_verified": True, "iat": NOW, "exp": NOW + 3600,
    "nbf": NOW,
}  # fmt: skip # a table
Record = Callable[..., dict[str, Any]]


@pytest.fixture
def record(key_server: KeyServer, pki: InternalPki) -> Record:
    def make(**members: Any) -> dict[str, Any]:
        own = {"keysURL": key_server.google_keys, "caFile": str(pki.roots)}
        return {"type": "GCP", "name": "Google Cloud", "newel": own, **members}

    return make


def make_token(cloud: Cloud, engine: Mapping[str, Any] | None = None, **claims: Any) -> str:
    google = {"google": {"compute_engine": {**ENGINE, **(engine or {})}}}
    audience = {"aud": f"{CA}/1.0/sign#gcp/Google%20Cloud"}
    return cloud.token({**USUAL, **google, **audience, **claims})


async def test_an_instance_gets_the_names_it_asks_for(
    open_ra: Open, record: Record, cloud: Cloud
) -> None:
    ra = await open_ra(record(projectIDs=["p"]))
    answer = await ra.sign(make_token(cloud), request_for("foo.internal", "bar"))
    assert names_of(answer) == ["foo.internal", "bar"]
    assert read_leaf(answer).subject.rfc4514_string() == "CN=foo.internal"
    asked = ra.issuing.requests[-1].provisioner
    assert (asked.type, asked.name, asked.credential_id) == ("GCP", "Google Cloud", "1234567890")
    assert dict(asked.key_values) == {"InstanceID": "42", "InstanceName": "foo"}


@pytest.mark.attack("T12")
async def test_t12_an_instance_gets_one_certificate(
    open_ra: Open, record: Record, cloud: Cloud
) -> None:
    ra = await open_ra(record())
    read_leaf(await ra.sign(make_token(cloud), FOO))
    assert (await ra.sign(make_token(cloud, iat=NOW + 1), FOO)).json() == GENERAL_401
    read_leaf(await ra.sign(make_token(cloud, {"instance_id": "43"}), FOO))


async def test_only_the_names_of_the_cloud_again_and_again(
    open_ra: Open, record: Record, cloud: Cloud
) -> None:
    ra = await open_ra(record(disableCustomSANs=True, disableTrustOnFirstUse=True))
    own = ["foo.c.p.internal", "foo.z.c.p.internal"]
    for at, name in enumerate(("foo", "42", *own)):
        request = request_for(own[0], common_name=name)
        assert names_of(await ra.sign(make_token(cloud, iat=NOW - at), request)) == own
    assert (await ra.sign(make_token(cloud), request_for(common_name="foo"))).json() == GENERAL_401
    answer = await ra.sign(make_token(cloud, iat=NOW - 9), FOO)
    assert answer.status_code == 403
    assert "valid common name - got foo.internal, want [foo 42 " in read_message(answer)
    named = request_for("foo.internal", common_name="foo")
    answer = await ra.sign(make_token(cloud, iat=NOW - 9), named)
    assert "unauthorized DNS names - got [foo.internal], allowed" in read_message(answer)


@pytest.mark.attack("T12")
@pytest.mark.parametrize(
    ("engine", "claims", "why"),
    [
        ({}, {"iss": "accounts.google.com"}, "issuer"),
        ({}, {"aud": "https://other.example/1.0/sign#gcp/Google%20Cloud"}, "aud"),
        ({}, {"aud": f"{CA}/1.0/revoke#gcp/Google%20Cloud"}, "aud"),
        ({}, {"exp": NOW - 61}, "expired"),
        ({}, {"exp": NOW + 86400}, "too late"),
        ({}, {"exp": None}, "never expires"),
        ({}, {"sub": "1", "email": "other@p.iam.gserviceaccount.com"}, "service account"),
        ({}, {"sub": "1", "email_verified": False}, "service account"),
        ({"project_id": "q"}, {}, "another project"),
        (
            {"project_id": "q"},
            {"project_id": "p", "compute_engine": dict(ENGINE)},
            "another project",
        ),
        ({}, {"google": {}}, "says nothing of an instance"),
        ({}, {"google": {"compute_engine": {**ENGINE, "instance_id": 42}}}, "says nothing"),
        ({"instance_id": ""}, {}, "instance_id"),
        ({"instance_name": ""}, {}, "instance_name"),
        ({"zone": ""}, {}, "zone"),
        ({"zone": "z" * 254}, {}, "zone"),
        ({"instance_creation_timestamp": NOW - 3601}, {}, "older than instanceAge"),
        ({"instance_creation_timestamp": None}, {}, "does not say when"),
        ({"instance_creation_timestamp": 1e300}, {}, "creation time"),
    ],
)
async def test_t12_instances_that_are_not_admitted(
    open_ra: Open,
    record: Record,
    cloud: Cloud,
    engine: dict[str, Any],
    claims: dict[str, Any],
    why: str,
) -> None:
    accounts = ["1234567890", "robot@p.iam.gserviceaccount.com"]
    ra = await open_ra(record(projectIDs=["p"], serviceAccounts=accounts, instanceAge="1h"))
    answer = await ra.sign(make_token(cloud, engine, **claims), FOO)
    assert answer.json() == GENERAL_401
    assert why in str(ra.audit.lines[-1])
    by_email = make_token(cloud, sub="1")
    read_leaf(await ra.sign(by_email, FOO))  # its first use is left


async def test_a_token_of_another_key_is_refused(open_ra: Open, record: Record) -> None:
    ra = await open_ra(record())
    assert (await ra.sign(make_token(Cloud()), FOO)).json() == GENERAL_401


async def test_keys_that_cannot_be_fetched_are_no_verdict(
    open_ra: Open, record: Record, cloud: Cloud
) -> None:
    """503, and the instance keeps its one use."""
    away = record(newel={"keysURL": "https://localhost:1/certs"})
    ra: RegistrationHarness = await open_ra(away)
    answer = await ra.sign(make_token(cloud), FOO)
    assert answer.status_code == 503
    listed = (await ra.call("GET", "/provisioners")).json()["provisioners"]
    assert "newel" not in listed[0]


async def test_an_instance_revokes_nothing(open_ra: Open, record: Record, cloud: Cloud) -> None:
    ra = await open_ra(record())
    token = make_token(cloud, aud=f"{CA}/1.0/revoke#gcp/Google%20Cloud")
    answer = await ra.post("/revoke", serial="1", ott=token, passive=True)
    assert answer.json() == GENERAL_401


@pytest.mark.parametrize("url", ["http://x/certs", "https://u:p@x/certs", "certs"])
async def test_an_address_that_cannot_be_used_is_listed_with_the_reason(
    open_ra: Open, record: Record, url: str
) -> None:
    ra = await open_ra(record(newel={"keysURL": url}))
    listed = (await ra.call("GET", "/provisioners")).json()["provisioners"]
    assert listed[0]["stateReason"].startswith("newel.keysURL: ")
    assert "u:p" not in str(listed)


TEMPLATE = """{
  "subject": {"commonName": {{ toJson .Subject.CommonName }},
              "organizationalUnit": {{ toJson .Token.google.compute_engine.zone }}},
  "sans": {{ toJson .SANs }}, "keyUsage": ["digitalSignature"], "extKeyUsage": ["serverAuth"]
}"""


@pytest.mark.parametrize(
    ("own_only", "names"),
    [(False, ["foo.internal"]), (True, ["foo.c.p.internal", "foo.z.c.p.internal"])],
)
async def test_a_template_sees_the_instance_and_the_names_it_may_have(
    open_ra: Open, record: Record, cloud: Cloud, own_only: bool, names: list[str]
) -> None:
    options = {"x509": {"template": TEMPLATE}}
    ra = await open_ra(record(disableCustomSANs=own_only, options=options))
    request = request_for(common_name="foo") if own_only else FOO
    answer = await ra.sign(make_token(cloud), request)
    assert names_of(answer) == names
    asked = ra.issuing.requests[-1]
    assert {each.value for each in asked.subject} == {"foo", "z"}


async def test_an_organization_is_refused_at_start(open_ra: Open, record: Record) -> None:
    with pytest.raises(ValueError, match=r"organizationID: an instance does not say"):
        await open_ra(record(organizationID="123"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*ENGINE, "compute_engine"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@pytest.fixture
async def provisioner(key_server: KeyServer, pki: InternalPki, cloud: Cloud) -> GCPProvisioner:
    cache = KeySetCache(OutgoingClient(EgressPolicy(), trust_file(None)), ManualClock(EPOCH))
    own = GCPNewel(keys_url=key_server.google_keys, ca_file=str(pki.roots))
    made = GCPProvisioner(
        GCPProvisionerConfig(name="Google Cloud", newel=own, instance_age="1h"),
        ProvisionerContext(Limits(), True, key_sets=cache),
    )
    fetch = made.prepare(tokens.parse(make_token(cloud)))
    assert fetch is not None
    await fetch
    return made


def decide(provisioner: GCPProvisioner, token: str, rules: TokenRules) -> object:
    try:
        provisioner.authorize_sign(tokens.parse(token), rules, EPOCH)
    except NewelError as error:
        return error.type
    return "granted"


def test_webhooks_are_told_the_instance(provisioner: GCPProvisioner, cloud: Cloud) -> None:
    rules = TokenRules(Audiences(["ca.example"]), Limits().max_duration)
    grant = provisioner.authorize_sign(tokens.parse(make_token(cloud)), rules, EPOCH)
    assert grant.principal == "42"


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(engine=st.dictionaries(st.sampled_from([*ENGINE]), JSON, max_size=3), google=JSON)
def test_whatever_google_signs_is_granted_or_refused(
    provisioner: GCPProvisioner, cloud: Cloud, engine: dict[str, Any], google: Any
) -> None:
    rules = TokenRules(Audiences(["ca.example"]), Limits().max_duration)
    for token in (make_token(cloud, engine), make_token(cloud, google=google)):
        outcome = decide(provisioner, token, rules)
        assert outcome == "granted" or outcome is ErrorType.UNAUTHORIZED


@pytest.mark.parametrize(("disabled", "status"), [(False, 201), (True, 401)])
async def test_hosts_get_certificates_for_ssh_unless_they_are_disabled(
    open_ra: Open, record: Record, cloud: Cloud, disabled: bool, status: int
) -> None:
    claims = {"enableSSHCA": True}
    ra = await open_ra(record(claims=claims, disableSSHCAHost=disabled, disableCustomSANs=True))
    token = make_token(cloud, aud=f"{CA}/1.0/ssh/sign#gcp/Google%20Cloud")
    key = base64.b64encode(wire_of(keys.generate())).decode()
    user = await ra.post("/ssh/sign", ott=token, publicKey=key, certType="user")
    assert user.status_code in {401, 403}
    answer = await ra.post("/ssh/sign", ott=token, publicKey=key, certType="host")
    assert answer.status_code == status
    if not disabled:
        made = certificates.parse(base64.b64decode(answer.json()["crt"]))
        assert made.kind == "host"
        assert made.principals == ["foo.c.p.internal", "foo.z.c.p.internal"]
