"""Issuers of the four kinds, by tokens of service accounts and by the keys of provisioners."""

import base64
import json
from typing import Any

import pytest
from cryptography import x509

from fixtures.cluster_resources import (
    give_password,
    judge,
    make_csr,
    make_issuer,
    make_request,
    read_chain,
    wait_for,
)
from fixtures.controller import NAME, Controller, bundle
from fixtures.kubernetes import Cluster
from fixtures.running import Authority

pytestmark = [
    pytest.mark.needs("helm", "openssl"),
    pytest.mark.usefixtures("controller"),
]


def find_kid(authority: Authority) -> str:
    rows = authority.get("/provisioners")["provisioners"]
    return next(row["key"]["kid"] for row in rows if row["name"] == "admin")


def make_spec(kind: str, authority: Authority) -> dict[str, Any]:
    common = {"url": authority.url, "caBundle": bundle(authority)}
    if kind == "NewelClusterIssuer":
        return common | {"auth": {"serviceAccount": {"provisioner": "cluster"}}}
    reference = {"name": "word", "key": "word"}
    if kind == "NewelIssuer":
        return common | {"auth": {"provisioner": {"name": "admin", "passwordRef": reference}}}
    provisioner = {"name": "admin", "kid": find_kid(authority), "passwordRef": reference}
    if kind == "StepClusterIssuer":
        provisioner["passwordRef"] = reference | {"namespace": "shop"}
    return common | {"provisioner": provisioner}


@pytest.mark.parametrize(
    "kind", ["NewelClusterIssuer", "NewelIssuer", "StepIssuer", "StepClusterIssuer"]
)
def test_a_request_becomes_a_certificate(
    kind: str, cluster: Cluster, authority: Authority, controller: Controller
) -> None:
    name = f"good-{kind.lower()}"
    give_password(cluster, authority, "shop")
    cluster.apply(make_issuer(kind, name, make_spec(kind, authority)))
    wait_for(cluster, kind, name, "Verified")
    csr = make_csr(f"{name}.shop.svc", "also.shop.svc")
    cluster.apply(make_request(name, csr, name, kind, duration="2h0m0s"))
    judge(cluster, name)
    found = wait_for(cluster, "CertificateRequest", name, "Issued")
    leaf, *rest = read_chain(found)
    assert rest, "the chain has the intermediate"
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {f"{name}.shop.svc", "also.shop.svc"}
    assert base64.b64decode(found["status"]["ca"]) == authority.root.read_bytes()
    assert leaf.public_key() == x509.load_pem_x509_csr(csr).public_key()
    lifetime = (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds()
    assert abs(lifetime - 7200) < 600
    assert "failureTime" not in found["status"]
    (granted,) = [each for each in controller.audit() if each.get("name") == name]
    assert granted["outcome"] == "granted"
    assert int(granted["serial"], 16) == leaf.serial_number
    events = cluster.get("Event")["items"]
    told = [each["reason"] for each in events if each["involvedObject"]["name"] == name]
    assert "Issued" in told


def test_an_issuer_of_a_namespace_uses_an_account_of_it(
    cluster: Cluster, authority: Authority, real: None
) -> None:
    cluster.apply({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "issuer", "namespace": "shop"},
    })  # fmt: skip # a table
    spec: dict[str, Any] = {"url": authority.url, "caBundle": bundle(authority)}
    auth = {"serviceAccount": {"name": "issuer"}}
    cluster.apply(make_issuer("NewelIssuer", "by-account", spec | {"auth": auth}))
    wait_for(cluster, "NewelIssuer", "by-account", "Verified")
    # its rights end at the accounts and secrets that the chart's values name
    password = {"name": "admin", "passwordRef": {"name": "other"}}
    for name, auth, says in (
        ("account", {"serviceAccount": {"name": "default"}}, "create on serviceaccounts/token"),
        ("secret", {"provisioner": password}, "may not read the secret shop/other"),
    ):
        cluster.apply(make_issuer("NewelIssuer", f"by-foreign-{name}", spec | {"auth": auth}))
        found = wait_for(cluster, "NewelIssuer", f"by-foreign-{name}", "Forbidden")
        assert says in found["status"]["conditions"][0]["message"]


@pytest.mark.parametrize(
    ("change", "reason", "says"),
    [
        ({"url": "https://169.254.169.254"}, "Forbidden", "169.254.169.254 are not allowed"),
        ({"url": "https://[fd00:ec2::254]"}, "Forbidden", "are not allowed"),
        ({"url": "https://localhost:1"}, "Unavailable", "cannot be asked"),
        ({"caBundle": "other"}, "Unavailable", "not trusted"),
        ({"auth": {"serviceAccount": {"provisioner": "nowhere"}}}, "NotFound", "K8sSA provisioner nowhere"),
    ],
)  # fmt: skip # a table
def test_an_issuer_says_why_it_cannot_be_used(
    change: dict[str, Any], reason: str, says: str, cluster: Cluster, authority: Authority
) -> None:
    spec = make_spec("NewelClusterIssuer", authority) | change
    if spec["caBundle"] == "other":
        spec["caBundle"] = base64.b64encode(cluster.roots.read_bytes()).decode()
    name = f"bad-{abs(hash(json.dumps(change)))}"
    cluster.apply(make_issuer("NewelClusterIssuer", name, spec))
    found = wait_for(cluster, "NewelClusterIssuer", name, reason)
    (ready,) = found["status"]["conditions"]
    assert says in ready["message"]
    assert ready["status"] == "False"


def test_the_api_server_refuses_what_an_issuer_must_not_say(
    cluster: Cluster, authority: Authority, real: None
) -> None:
    spec = make_spec("NewelClusterIssuer", authority)
    for change, says in (
        ({"urls": "x"}, ".spec.urls: field not declared in schema"),
        ({"url": "http://ca.example"}, "spec.url"),
        ({"auth": {}}, "give either serviceAccount or provisioner"),
    ):
        with pytest.raises(AssertionError) as refused:
            cluster.apply(make_issuer("NewelClusterIssuer", "refused", {**spec, **change}))
        assert says in str(refused.value)


def test_an_issuer_that_is_mended_serves_the_requests_that_waited(
    cluster: Cluster, authority: Authority
) -> None:
    name = "mended"
    cluster.apply(make_request(name, make_csr("mended.shop.svc"), name))
    judge(cluster, name)
    found = wait_for(cluster, "CertificateRequest", name, "Pending")
    assert "There is no NewelClusterIssuer mended yet." in json.dumps(found["status"])
    spec = make_spec("NewelClusterIssuer", authority)
    wrong = spec | {"auth": {"serviceAccount": {"provisioner": "nowhere"}}}
    cluster.apply(make_issuer("NewelClusterIssuer", name, wrong))
    wait_for(cluster, "NewelClusterIssuer", name, "NotFound")
    cluster.apply(make_issuer("NewelClusterIssuer", name, spec))
    wait_for(cluster, "NewelClusterIssuer", name, "Verified")
    wait_for(cluster, "CertificateRequest", name, "Issued")


def test_the_lease_names_the_one_that_works(cluster: Cluster, controller: Controller) -> None:
    lease = cluster.get("Lease", NAME, "newel")
    assert lease["spec"]["holderIdentity"]
    assert lease["spec"]["leaseDurationSeconds"] == 15
