"""Service account tokens of Kubernetes: legacy ones by key, bound ones by key set, review or both."""

import base64
import datetime as dt
import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from lightkube.models.authentication_v1 import TokenReviewStatus, UserInfo

from fakes.token_issuer import TokenIssuer, make_key
from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.pki import InternalPki
from fixtures.registration import (
    CA,
    GENERAL_401,
    RegistrationHarness,
    open_registration,
    read_message,
    request_for,
)
from newel.crypto import keys
from newel.crypto.ssh.public_keys import wire_of
from newel.registration.provisioners.k8ssa_review import Verdict
from newel.registration.provisioners.key_set_cache import FETCH_INTERVAL

LEGACY = "kubernetes/serviceaccount"
PREFIX = "kubernetes.io/serviceaccount"
SUBJECT = "system:serviceaccount:payments:api"


def legacy_claims(**changes: Any) -> dict[str, Any]:
    """What a token of a Secret says: no end, no audience."""
    return {
        "iss": LEGACY,
        f"{PREFIX}/namespace": "payments",
        f"{PREFIX}/secret.name": "api-token-8xq2b",
        f"{PREFIX}/service-account.name": "api",
        f"{PREFIX}/service-account.uid": "0d6e2c0c-8b0d-4a38-9b0a-5f3d3a1c6b1e",
        "sub": SUBJECT,
    } | changes


def bound_claims(issuer: TokenIssuer, **changes: Any) -> dict[str, Any]:
    """What the kubelet asks the TokenRequest API for."""
    issued = int(EPOCH.timestamp())
    return {
        "iss": issuer.url, "sub": SUBJECT, "aud": [f"{CA}/1.0/sign"], "iat": issued, "nbf": issued,
        "exp": issued + 3600, "jti": "36a5d2a4-6b0a-4b5e-9f2a-4e2f5a1e6c6d",
        "kubernetes.io": {
            "namespace": "payments",
            "serviceaccount": {"name": "api", "uid": "0d6e2c0c"},
            "pod": {"name": "api-7c5ddbdf54-x2x9k", "uid": "3b1f6a1c"},
            "node": {"name": "node-1", "uid": "aa00"},
            "warnafter": issued + 3000,
        },
    } | changes  # fmt: skip # a table


def public_keys(issuer: TokenIssuer) -> str:
    """The member ``publicKeys`` with every key of the issuer."""
    pem = b"".join(each.as_pem(private=False) for each in issuer.keys)
    return base64.b64encode(pem).decode()


class Cluster:
    """A registration authority with one provisioner for a cluster."""

    def __init__(self, ra: RegistrationHarness, issuer: TokenIssuer) -> None:
        self.ra = ra
        self.issuer = issuer

    async def sign(self, claims: dict[str, Any], *names: str) -> httpx.Response:
        """One request with a token of the cluster."""
        return await self.ra.sign(self.issuer.sign(claims), request_for(*names or ("a.internal",)))

    async def refuse(self, claims: dict[str, Any]) -> str:
        """Why a token is refused, from the audit trail."""
        answer = await self.sign(claims)
        assert answer.json() == GENERAL_401
        return self.ra.audit.lines[-1][2]["cause"]

    def request(self) -> tuple[list[str], list[str]]:
        """Subject and names of the last request to the issuing authority."""
        last = self.ra.issuing.requests[-1]
        return [each.value for each in last.subject], [each.dns for each in last.names]


@pytest.fixture
async def make_cluster(
    authority: CertificateAuthority, tmp_path: Path, pki: InternalPki, issuer: TokenIssuer
) -> AsyncIterator[Any]:
    """Opens registration authorities with a K8sSA provisioner."""
    opened: list[RegistrationHarness] = []

    async def open_cluster(newel: dict[str, Any] | None = None, **members: Any) -> Cluster:
        record = {"type": "K8sSA", "name": "cluster", **members}
        if newel is not None:
            record["newel"] = {"issuer": issuer.url, "caFile": str(pki.roots)} | newel
        ra = await open_registration(
            f"sqlite:///{tmp_path}/ra{len(opened)}.db", authority, provisioners=(record,)
        )
        opened.append(ra)
        return Cluster(ra, issuer)

    yield open_cluster
    for each in opened:
        await each.database.close()


async def test_a_legacy_token_obtains_what_is_asked_as_often_as_it_is_asked(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    issuer.keys = [make_key("one", "RS256"), make_key("two")]
    cluster = await make_cluster(publicKeys=public_keys(issuer))
    for name in ("db.internal", "www.internal"):
        answer = await cluster.sign(legacy_claims(), name)
        assert answer.status_code == 201, answer.text
        assert cluster.request() == ([name], [name])
    first = cluster.issuer.sign(legacy_claims(), key=issuer.keys[0])
    assert (await cluster.ra.sign(first, request_for("x.internal"))).status_code == 201
    proof = cluster.ra.issuing.requests[-1].provisioner
    assert (proof.type, proof.name, proof.credential_id) == ("K8sSA", "cluster", "")
    assert issuer.fetched == []


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"exp": int(EPOCH.timestamp()) - 61}, "expired"),
        ({"nbf": int(EPOCH.timestamp()) + 61}, "not valid yet"),
        ({"sub": None}, "k8sSA token subject cannot be empty"),
        ({"iss": "kubernetes/serviceaccount/x"}, "no provisioner"),
        ({f"{PREFIX}/service-account.name": 5}, "service account token"),
    ],
)
async def test_legacy_tokens_that_do_not_hold_are_refused(
    make_cluster: Any, issuer: TokenIssuer, changes: dict[str, Any], cause: str
) -> None:
    cluster = await make_cluster(publicKeys=public_keys(issuer))
    assert cause in await cluster.refuse(legacy_claims(**changes))


@pytest.mark.attack("T13")
async def test_t13_tokens_of_another_cluster_are_refused(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    cluster = await make_cluster(publicKeys=public_keys(issuer))
    issuer.keys = [make_key("one")]
    cause = await cluster.refuse(legacy_claims())
    assert cause == "error validating k8sSA token and extracting claims"
    bound = await make_cluster({})
    stranger = make_key("one")
    token = issuer.sign(bound_claims(issuer), key=stranger)
    assert (await bound.ra.sign(token, request_for("a.internal"))).json() == GENERAL_401


async def test_a_bound_token_obtains_one_certificate(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    cluster = await make_cluster({})
    answer = await cluster.sign(bound_claims(issuer), "db.internal")
    assert answer.status_code == 201, answer.text
    assert cluster.request() == (["db.internal"], ["db.internal"])
    assert await cluster.refuse(bound_claims(issuer)) == "token already used"
    # clusters before 1.30 give their tokens no id
    assert (await cluster.sign(bound_claims(issuer, jti=None))).status_code == 201
    assert await cluster.refuse(bound_claims(issuer, jti=None)) == "token already used"


async def test_a_bound_token_is_reused_where_that_is_configured(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    cluster = await make_cluster({"allowReuse": True})
    for _ in range(2):
        assert (await cluster.sign(bound_claims(issuer))).status_code == 201


@pytest.mark.attack("T13")
async def test_t13_bound_tokens_need_an_audience_and_an_end(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    cluster = await make_cluster({})
    api_server = ["https://kubernetes.default.svc.cluster.local"]
    for changes, cause in (
        ({"aud": None}, "for another audience"),
        ({"aud": []}, "for another audience"),
        ({"aud": api_server}, "for another audience"),
        ({"aud": f"{CA}/1.0/revoke"}, "for another audience"),
        ({"aud": "https://other.example/1.0/sign"}, "for another audience"),
        ({"exp": None}, "never expires"),
        ({"exp": int(EPOCH.timestamp()) + 366 * 86400}, "expires too late"),
        ({"exp": int(EPOCH.timestamp()) - 61}, "expired"),
        ({"sub": "system:serviceaccount:payments:root"}, "subject is not its service account"),
        ({"sub": None}, "subject cannot be empty"),
        ({"kubernetes.io": None}, "names no service account"),
    ):
        assert cause in await cluster.refuse(bound_claims(issuer, **changes))
    assert (
        await cluster.sign(bound_claims(issuer, aud=[f"{CA}/sign", *api_server]))
    ).status_code == 201
    named = await cluster.sign(bound_claims(issuer, jti="2", aud=[f"{CA}/1.0/sign#k8ssa/cluster"]))
    assert named.status_code == 201
    own = await make_cluster({"audiences": ["newel", "step-ca"]})
    assert (await own.sign(bound_claims(issuer, aud=["x", "newel"]))).status_code == 201
    assert "for another audience" in await own.refuse(bound_claims(issuer, jti="2"))


@pytest.mark.attack("T13")
async def test_t13_a_legacy_token_is_refused_where_bound_ones_are_asked_for(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    cluster = await make_cluster({})
    assert "no provisioner" in await cluster.refuse(legacy_claims())
    # without an issuer of its own a provisioner takes no bound token either
    legacy = await make_cluster(publicKeys=public_keys(issuer))
    assert "no provisioner" in await legacy.refuse(bound_claims(issuer, aud="x"))


async def test_one_provisioner_takes_both_with_the_same_keys(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    cluster = await make_cluster({}, publicKeys=public_keys(issuer))
    assert (await cluster.sign(legacy_claims())).status_code == 201
    assert (await cluster.sign(bound_claims(issuer))).status_code == 201
    assert issuer.fetched == []


async def test_the_keys_of_a_cluster_are_rolled_over(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    cluster = await make_cluster({"jwksURL": f"{issuer.url}/jwks"})
    assert (await cluster.sign(bound_claims(issuer))).status_code == 201
    issuer.keys = [make_key("two", "RS256")]
    cluster.ra.clock.advance(dt.timedelta(seconds=FETCH_INTERVAL))
    assert (await cluster.sign(bound_claims(issuer, jti="2"))).status_code == 201
    assert issuer.fetched == ["/jwks", "/jwks"]
    issuer.down = True
    cluster.ra.clock.advance(dt.timedelta(seconds=FETCH_INTERVAL))
    issuer.keys.append(make_key("three"))
    unavailable = await cluster.sign(bound_claims(issuer, jti="3"))
    assert unavailable.status_code == 503
    assert (
        await cluster.ra.sign(
            issuer.sign(bound_claims(issuer, jti="4"), key=issuer.keys[0]),
            request_for("a.internal"),
        )
    ).status_code == 201


async def test_a_credential_goes_to_the_configured_server_alone(
    make_cluster: Any, issuer: TokenIssuer, pki: InternalPki, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("S3CRET\n")
    with TokenIssuer(pki.files("localhost"), *issuer.keys) as elsewhere:
        issuer.discovery = {"jwks_uri": f"{elsewhere.url}/jwks"}
        cluster = await make_cluster({"tokenFile": str(tmp_path / "token")})
        assert (await cluster.sign(bound_claims(issuer))).status_code == 201
        assert issuer.authorizations == ["Bearer S3CRET"]
        assert elsewhere.authorizations == [""]


def accept(issuer: TokenIssuer, **changes: Any) -> None:
    """The API server's verdict from now on."""
    status = TokenReviewStatus(
        authenticated=True,
        user=UserInfo(
            username=SUBJECT,
            uid="0d6e2c0c",
            groups=["system:serviceaccounts"],
            extra={"authentication.kubernetes.io/pod-name": ["api-7c5ddbdf54-x2x9k"]},
        ),
        audiences=[f"{CA}/1.0/sign"],
    )
    issuer.verdict = status.to_dict() | changes


async def test_a_token_is_reviewed_by_the_api_server(
    make_cluster: Any, issuer: TokenIssuer, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("S3CRET")
    issuer.bearer = "S3CRET"
    accept(issuer)
    cluster = await make_cluster(
        {"tokenReviewURL": issuer.url, "tokenFile": str(tmp_path / "token")}
    )
    token = issuer.sign(bound_claims(issuer))
    answer = await cluster.ra.sign(token, request_for("db.internal"))
    assert answer.status_code == 201, answer.text
    (review,) = issuer.reviewed
    assert review == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token, "audiences": [f"{CA}/1.0/sign"]},
    }
    assert issuer.fetched == []


@pytest.mark.attack("T13")
@pytest.mark.parametrize(
    ("verdict", "cause"),
    [
        (
            {"authenticated": False, "error": "pod deleted"},
            "does not accept the token: pod deleted",
        ),
        ({"authenticated": False}, "does not accept the token: no reason"),
        ({"user": {"username": "system:serviceaccount:payments:root"}}, "reviewed account"),
        ({"user": {}}, "reviewed account"),
        ({"audiences": ["https://kubernetes.default.svc"]}, "another audience"),
        ({"audiences": None}, "another audience"),
        ({"audiences": []}, "another audience"),
    ],
)
async def test_t13_what_the_api_server_does_not_confirm_is_refused(
    make_cluster: Any, issuer: TokenIssuer, verdict: dict[str, Any], cause: str
) -> None:
    accept(issuer, **verdict)
    cluster = await make_cluster({"tokenReviewURL": issuer.url})
    assert cause in await cluster.refuse(bound_claims(issuer))


@pytest.mark.parametrize("fault", ["down", "bearer", "document"])
async def test_an_api_server_that_says_nothing_is_unavailable_and_never_a_refusal(
    make_cluster: Any, issuer: TokenIssuer, fault: str
) -> None:
    accept(issuer)
    cluster = await make_cluster({"tokenReviewURL": issuer.url})
    if fault == "down":
        issuer.down = True
    elif fault == "bearer":
        issuer.bearer = "another"
    else:
        issuer.verdict = {"authenticated": "yes"}
    answer = await cluster.sign(bound_claims(issuer))
    assert answer.status_code == 503
    assert read_message(answer) == "the Kubernetes API server cannot review the token"
    issuer.down, issuer.bearer = False, ""
    accept(issuer)
    assert (await cluster.sign(bound_claims(issuer))).status_code == 201


async def test_a_token_that_is_not_the_clusters_does_not_reach_the_api_server(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    accept(issuer)
    cluster = await make_cluster({"tokenReviewURL": issuer.url, "jwksURL": f"{issuer.url}/jwks"})
    forged = issuer.sign(bound_claims(issuer), key=make_key("one"))
    assert (await cluster.ra.sign(forged, request_for("a.internal"))).json() == GENERAL_401
    assert issuer.reviewed == []
    assert (await cluster.sign(bound_claims(issuer))).status_code == 201
    assert len(issuer.reviewed) == 1


async def test_verdicts_of_requests_that_are_refused_are_not_kept(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    accept(issuer, authenticated=False)
    cluster = await make_cluster({"tokenReviewURL": issuer.url})
    key = base64.b64encode(wire_of(keys.generate())).decode()
    for jti in map(str, range(5)):
        token = issuer.sign(bound_claims(issuer, jti=jti))
        answer = await cluster.ra.post("/ssh/sign", publicKey=key, ott=token)
        assert answer.json() == GENERAL_401  # SSH is off
    assert len(issuer.reviewed) == 5
    assert sum(isinstance(each, Verdict) for each in gc.get_objects()) <= 1


POD = """{
  "subject": {"commonName": {{ toJson .Kubernetes.Pod.Name }}},
  "dnsNames": ["{{ .Kubernetes.ServiceAccount.Name }}.{{ .Kubernetes.Namespace }}.svc"],
  "keyUsage": ["digitalSignature"], "extKeyUsage": ["serverAuth"]
}"""


async def test_a_template_sees_pod_and_account(make_cluster: Any, issuer: TokenIssuer) -> None:
    cluster = await make_cluster({}, options={"x509": {"template": POD}})
    answer = await cluster.sign(bound_claims(issuer), "whatever.internal")
    assert answer.status_code == 201, answer.text
    assert cluster.request() == (["api-7c5ddbdf54-x2x9k"], ["api.payments.svc"])


async def test_no_service_account_revokes(make_cluster: Any, issuer: TokenIssuer) -> None:
    cluster = await make_cluster({})
    token = issuer.sign(bound_claims(issuer))
    answer = await cluster.ra.post("/revoke", serial="1", ott=token, passive=True)
    assert answer.json() == GENERAL_401
    assert cluster.ra.audit.lines[-1][2]["cause"] == "service account tokens revoke no certificates"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "cannot be initialized without pub keys"),
        ({"publicKeys": "!"}, "it is not base64"),
        ({"publicKeys": base64.b64encode(b"no PEM").decode()}, "there is no PEM block"),
        (
            {
                "publicKeys": base64.b64encode(
                    b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
                ).decode()
            },
            "not a usable public key",
        ),
        ({"newel": {"issuer": "http://x"}}, "newel.issuer: it is not an https address"),
        ({"newel": {"jwksURL": "http://x"}}, "newel.jwksURL: it is not an https address"),
        ({"newel": {"tokenReviewURL": "http://x"}}, "newel.tokenReviewURL: it is not an https"),
    ],
)
async def test_a_record_that_can_verify_nothing_is_off(
    make_cluster: Any, members: dict[str, Any], reason: str
) -> None:
    cluster = await make_cluster(**members)
    (listed,) = (await cluster.ra.call("GET", "/provisioners")).json()["provisioners"]
    assert reason in listed["stateReason"]


@pytest.mark.attack("T13")
async def test_t13_an_issuer_with_the_name_of_legacy_tokens_lets_no_unsigned_token_in(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    """API servers may be told ``--service-account-issuer=kubernetes/serviceaccount``."""
    urls = {"jwksURL": f"{issuer.url}/keys", "issuer": LEGACY}
    cluster = await make_cluster(newel=urls)
    forger = make_key("forged")
    claims = bound_claims(issuer, iss=LEGACY)
    answer = await cluster.ra.sign(issuer.sign(claims, key=forger), request_for("a.internal"))
    assert answer.json() == GENERAL_401
    assert [each.subject_of_proof for each in cluster.ra.issuing.requests] == ["registration"]
    listed = await cluster.ra.call("GET", "/provisioners")
    (shown,) = listed.json()["provisioners"]
    assert "the issuer of legacy tokens" in shown["stateReason"]


@pytest.mark.attack("T13")
async def test_t13_a_legacy_issuers_token_for_another_audience_is_refused(
    make_cluster: Any, issuer: TokenIssuer
) -> None:
    cluster = await make_cluster(publicKeys=public_keys(issuer))
    claims = bound_claims(issuer, iss=LEGACY)
    assert "another audience" in await cluster.refuse(claims | {"aud": ["vault"]})
    assert (await cluster.sign(claims)).status_code == 201
