"""CertificateSigningRequests of certificates.k8s.io, whose signer is a cluster issuer."""

import base64
from typing import Any

import pytest
from cryptography import x509

from fixtures.cluster_resources import (
    conditions_of,
    make_csr,
    make_issuer,
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
KIND = "CertificateSigningRequest"
SIGNER = "newelclusterissuers.newel.dev/signer"


@pytest.fixture(scope="module", autouse=True)
def issuer(cluster: Cluster, authority: Authority, controller: Controller) -> None:
    spec = {"url": authority.url, "caBundle": bundle(authority), "auth": {"serviceAccount": {}}}
    cluster.apply(make_issuer("NewelClusterIssuer", "signer", spec))
    wait_for(cluster, "NewelClusterIssuer", "signer", "Verified")


def ask(cluster: Cluster, name: str, signer: str = SIGNER, **spec: Any) -> None:
    body = {
        "request": base64.b64encode(make_csr(f"{name}.shop.svc")).decode(), "signerName": signer,
        "usages": ["digital signature", "client auth"], **spec,
    }  # fmt: skip # a table
    cluster.apply({
        "apiVersion": "certificates.k8s.io/v1", "kind": KIND, "metadata": {"name": name}, "spec": body,
    })  # fmt: skip # a table


def approve(cluster: Cluster, name: str, type_: str = "Approved") -> None:
    condition = {"type": type_, "status": "True", "reason": "Policy", "message": "by a test"}
    part = "approval" if cluster.server is None else "status"
    cluster.apply_status(KIND, name, {"conditions": [condition]}, part=part)


def test_an_approved_request_is_signed_with_the_lifetime_it_asks_for(
    cluster: Cluster, controller: Controller
) -> None:
    ask(cluster, "client", expirationSeconds=3600)
    ask(cluster, "later", expirationSeconds=3600)
    approve(cluster, "client")
    found = wait_until(
        lambda: (each := cluster.get(KIND, "client")).get("status", {}).get("certificate") and each
    )
    leaf, *rest = read_chain(found)
    assert rest
    assert abs((leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() - 3600) < 600
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH in usages
    assert set(conditions_of(cluster, KIND, "client")) == {"Approved"}
    assert "certificate" not in cluster.get(KIND, "later").get("status", {})
    (granted,) = [each for each in controller.audit() if each.get("name") == "client"]
    assert (granted["kind"], granted["outcome"]) == (KIND, "granted")


def test_what_is_not_granted_fails_for_good(cluster: Cluster) -> None:
    ask(cluster, "signs-code", usages=["code signing"])
    approve(cluster, "signs-code")
    found = wait_for(cluster, KIND, "signs-code", "Refused", "Failed")
    assert "does not grant the usage 'code signing'" in str(found["status"])
    assert "certificate" not in found["status"]


def test_other_signers_and_denied_requests_are_left_alone(cluster: Cluster) -> None:
    ask(cluster, "foreign", signer="example.org/signer")
    approve(cluster, "foreign")
    ask(cluster, "denied-one")
    approve(cluster, "denied-one", "Denied")
    ask(cluster, "last")
    approve(cluster, "last")
    wait_until(lambda: cluster.get(KIND, "last").get("status", {}).get("certificate"))
    assert set(conditions_of(cluster, KIND, "foreign")) == {"Approved"}
    assert set(conditions_of(cluster, KIND, "denied-one")) == {"Denied"}
    for name in ("foreign", "denied-one"):
        assert "certificate" not in cluster.get(KIND, name)["status"]


def test_a_request_waits_for_an_issuer_that_is_not_there_yet(
    cluster: Cluster, authority: Authority
) -> None:
    ask(cluster, "early", signer="newelclusterissuers.newel.dev/soon")
    approve(cluster, "early")

    def read_events() -> list[str]:
        events = cluster.get("Event", namespace="default")["items"]
        return [each["message"] for each in events if each["involvedObject"]["name"] == "early"]

    wait_until(lambda: "There is no NewelClusterIssuer soon yet." in read_events())
    spec = {"url": authority.url, "caBundle": bundle(authority), "auth": {"serviceAccount": {}}}
    cluster.apply(make_issuer("NewelClusterIssuer", "soon", spec))
    wait_until(lambda: cluster.get(KIND, "early")["status"].get("certificate"))
