"""What CertificateRequests are read as, and the status each verdict leads to."""

import base64
import datetime as dt
from typing import Any

import pytest

from newel.kubernetes import conditions
from newel.kubernetes.certificate_requests import CertificateRequests
from newel.kubernetes.errors import InvalidRequestError, RefusalError, shorten
from newel.kubernetes.kinds import CLUSTER_ISSUER, ISSUER
from newel.kubernetes.requests import Verdict
from newel.kubernetes.signing_requests import SigningRequests

CONTRACT = CertificateRequests([ISSUER, CLUSTER_ISSUER])
NOW = dt.datetime(2026, 12, 1, 4, 30, 0, 500_000, tzinfo=dt.UTC)


def resource(**spec: Any) -> dict[str, Any]:
    reference = {"name": "ca", "kind": "NewelIssuer", "group": "newel.dev"}
    body = {"request": base64.b64encode(b"pem").decode(), "issuerRef": reference, **spec}
    return {"metadata": {"name": "web-1", "namespace": "shop"}, "spec": body}


def test_a_resource_is_read_with_what_a_template_may_know() -> None:
    found = resource(duration="36h0m0s", usages=["server auth"])
    found["metadata"]["annotations"] = {"cert-manager.io/certificate-name": "web"}
    asked = CONTRACT.read(found)
    assert (asked.request, asked.duration) == (b"pem", dt.timedelta(hours=36))
    assert asked.facts == {
        "kind": "CertificateRequest",
        "namespace": "shop",
        "name": "web-1",
        "certificate": "web",
        "usages": ["server auth"],
    }


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        ({"isCA": True}, RefusalError, "isCA"),
        ({"duration": "soon"}, InvalidRequestError, "soon"),
        ({"duration": "-1h"}, InvalidRequestError, "not longer than nothing"),
        ({"request": "%"}, InvalidRequestError, "cannot be read"),
    ],
)
def test_a_resource_that_is_not_granted(
    spec: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        CONTRACT.read(resource(**spec))


def status_of(verdict: Verdict, *old: conditions.Condition) -> dict[str, Any]:
    status = CONTRACT.make_status({"status": {"conditions": list(old)}}, verdict, NOW)
    assert status is not None
    return status


def test_a_refusal_has_a_failure_time_and_an_invalid_request_says_so() -> None:
    assert "failureTime" not in status_of(Verdict("postponed", "Pending", "Later."))
    assert status_of(Verdict("refused", "Failed", "No."))["failureTime"] == "2026-12-01T04:30:00Z"
    invalid = status_of(Verdict("refused", "Failed", "Bad.", invalid=True))
    assert [(each["type"], each["status"]) for each in invalid["conditions"]] == [
        ("Ready", "False"),
        ("InvalidRequest", "True"),
    ]


def test_the_time_of_the_last_change_stays_where_the_status_does() -> None:
    before = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-01T00:00:00Z"}
    made = conditions.make([before], "Ready", "False", "Pending", "Later.", NOW)
    assert made["lastTransitionTime"] == "2026-11-01T00:00:00Z"
    assert not conditions.is_same([before], made)
    assert conditions.is_same([made], made)
    changed = conditions.make([before], "Ready", "True", "Issued", "Done.", NOW)
    assert changed["lastTransitionTime"] == "2026-12-01T04:30:00Z"


def test_another_servers_text_is_one_short_line() -> None:
    assert shorten("one\n\x1b[31mtwo\u202e  three") == "one [31mtwo three"
    assert len(shorten("x" * 5000)) == 500


def test_only_issuers_of_ours_are_found_and_in_the_requests_namespace() -> None:
    found = resource()
    key = CONTRACT.find_issuer(found)
    assert key is not None
    assert (key.kind, key.key) == (ISSUER, ("shop", "ca"))
    found["spec"]["issuerRef"]["kind"] = "NewelClusterIssuer"
    key = CONTRACT.find_issuer(found)
    assert key is not None
    assert (key.kind, key.key) == (CLUSTER_ISSUER, ("", "ca"))
    for change in ({"group": ""}, {"group": "cert-manager.io"}, {"kind": "StepIssuer"}):
        other = resource()
        other["spec"]["issuerRef"] |= change
        assert CONTRACT.find_issuer(other) is None


def test_the_signer_of_a_cluster_issuer_is_known_by_its_name() -> None:
    contract = SigningRequests()
    spec = {
        "signerName": "newelclusterissuers.newel.dev/ca",
        "request": "cGVt",
        "usages": ["client auth"],
    }
    found: dict[str, Any] = {
        "metadata": {"name": "one"},
        "spec": spec | {"expirationSeconds": 3600},
    }
    key = contract.find_issuer(found)
    assert key is not None
    assert (key.kind, key.key) == (CLUSTER_ISSUER, ("", "ca"))
    assert contract.read(found).duration == dt.timedelta(hours=1)
    for name in (
        "newelclusterissuers.newel.dev/",
        "newelissuers.newel.dev/shop.ca",
        "kubernetes.io/kubelet-serving",
        "",
    ):
        assert contract.find_issuer({"metadata": {}, "spec": spec | {"signerName": name}}) is None
    refused = contract.make_status(found, Verdict("refused", "Failed", "No."), NOW)
    assert refused is not None
    (failed,) = refused["conditions"]
    assert (failed["type"], failed["status"], failed["reason"]) == ("Failed", "True", "Refused")
    assert contract.make_status(found, Verdict("postponed", "Pending", "Later."), NOW) == {}
