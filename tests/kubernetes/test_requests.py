"""What becomes of CertificateRequests: approval, denial, refusals, and a thousand at once."""

from typing import Any

import pytest

from fixtures.cluster_resources import (
    conditions_of,
    judge,
    make_csr,
    make_issuer,
    make_request,
    read_chain,
    wait_for,
)
from fixtures.controller import Controller, bundle
from fixtures.kubernetes import Cluster
from fixtures.running import Authority, wait_until

pytestmark = [
    pytest.mark.needs("helm", "openssl"),
    pytest.mark.usefixtures("controller"),
]


@pytest.fixture(scope="module")
def issuer(cluster: Cluster, authority: Authority, controller: Controller) -> str:
    """An issuer for the whole cluster that works."""
    spec = {
        "url": authority.url,
        "caBundle": bundle(authority),
        "auth": {"serviceAccount": {}},
    }
    cluster.apply(make_issuer("NewelClusterIssuer", "cluster", spec))
    wait_for(cluster, "NewelClusterIssuer", "cluster", "Verified")
    return "cluster"


def test_nothing_happens_before_a_request_is_approved(cluster: Cluster, issuer: str) -> None:
    cluster.apply(make_request("waits", make_csr("waits.shop.svc"), issuer))
    cluster.apply(make_request("passes", make_csr("passes.shop.svc"), issuer))
    judge(cluster, "passes")
    wait_for(cluster, "CertificateRequest", "passes", "Issued")
    assert conditions_of(cluster, "CertificateRequest", "waits") == {}
    judge(cluster, "waits")
    wait_for(cluster, "CertificateRequest", "waits", "Issued")
    assert set(conditions_of(cluster, "CertificateRequest", "waits")) == {"Approved", "Ready"}


def test_a_denied_request_is_denied_for_good(
    cluster: Cluster, issuer: str, controller: Controller
) -> None:
    cluster.apply(make_request("denied", make_csr("denied.shop.svc"), issuer))
    judge(cluster, "denied", "Denied")
    found = wait_for(cluster, "CertificateRequest", "denied", "Denied")
    assert found["status"]["failureTime"]
    assert "certificate" not in found["status"]
    (refused,) = [each for each in controller.audit() if each.get("name") == "denied"]
    assert refused["outcome"] == "refused"


@pytest.mark.parametrize(
    ("name", "change", "says", "invalid"),
    [
        ("authority", {"isCA": True}, "isCA", False),
        ("signs", {"usages": ["cert sign"]}, "is an authority's", False),
        ("code", {"usages": ["code signing"]}, "does not grant the usage 'code signing'", False),
        ("long", {"duration": "87600h0m0s"}, "The authority refuses the request", False),
        ("torn", {"request": "bm8gcmVxdWVzdA=="}, "certification request cannot be used", True),
    ],
)
def test_what_cannot_be_granted_fails_and_says_why(
    name: str, change: dict[str, Any], says: str, invalid: bool, cluster: Cluster, issuer: str
) -> None:
    cluster.apply(make_request(name, make_csr(f"{name}.shop.svc"), issuer, **change))
    judge(cluster, name)
    found = wait_for(cluster, "CertificateRequest", name, "Failed")
    states = conditions_of(cluster, "CertificateRequest", name)
    assert says in states["Ready"]["message"]
    assert ("InvalidRequest" in states) is invalid
    assert found["status"]["failureTime"]
    assert "certificate" not in found["status"]


def test_requests_of_other_groups_and_kinds_are_left_alone(cluster: Cluster, issuer: str) -> None:
    for name, change in (
        ("foreign", {"group": "example.org"}),
        ("empty", {"group": ""}),
        ("other", {"kind": "Issuer"}),
    ):
        request = make_request(name, make_csr("foreign.shop.svc"), issuer)
        request["spec"]["issuerRef"] |= change
        cluster.apply(request)
        judge(cluster, name)
    cluster.apply(make_request("after", make_csr("after.shop.svc"), issuer))
    judge(cluster, "after")
    wait_for(cluster, "CertificateRequest", "after", "Issued")
    for name in ("foreign", "empty", "other"):
        assert set(conditions_of(cluster, "CertificateRequest", name)) == {"Approved"}


def test_many_requests_at_once_are_all_granted_and_each_once(
    cluster: Cluster, issuer: str, authority: Authority
) -> None:
    count = 40 if cluster.server else 1000
    names = [f"many-{number}" for number in range(count)]
    for name in names:
        cluster.apply(make_request(name, make_csr(f"{name}.shop.svc"), "many"))
        judge(cluster, name)
    # they have all waited for this one
    spec = cluster.get("NewelClusterIssuer", issuer)["spec"]
    cluster.apply(make_issuer("NewelClusterIssuer", "many", spec))

    def find_granted() -> dict[str, dict[str, Any]]:
        found = cluster.get("CertificateRequest")["items"]
        return {
            each["metadata"]["name"]: each
            for each in found
            if each["metadata"]["name"] in names and each.get("status", {}).get("certificate")
        }

    granted = wait_until(lambda: len(found := find_granted()) == count and found, seconds=240)
    serials = {read_chain(each)[0].serial_number for each in granted.values()}
    assert len(serials) == count
    signed = [
        each
        for each in authority.audit()
        if (each["service"], each["event"], each["outcome"]) == ("registration", "sign", "granted")
        and any(str(name).startswith("many-") for name in each["names"])
    ]
    assert len(signed) == count, "no request was granted twice"
