"""Pods get certificates by their service account tokens: legacy ones, and bound ones of a rotating key."""

import base64
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from lightkube.models.authentication_v1 import TokenReviewStatus, UserInfo

from fakes.token_issuer import TokenIssuer, make_key
from fixtures.pki import InternalPki
from fixtures.running import Authority, serve_newel, wait_until
from fixtures.scenarios import Shell, make_stopped_authority
from fixtures.split import PROGRAMS, Split
from fixtures.step_ca import change
from newel.client.clock import now

SUBJECT = "system:serviceaccount:payments:api"
LEGACY = {
    "iss": "kubernetes/serviceaccount",
    "kubernetes.io/serviceaccount/namespace": "payments",
    "kubernetes.io/serviceaccount/secret.name": "api-token-8xq2b",
    "kubernetes.io/serviceaccount/service-account.name": "api",
    "kubernetes.io/serviceaccount/service-account.uid": "0d6e2c0c",
    "sub": SUBJECT,
}


@pytest.fixture(scope="module")
def cluster(pki: InternalPki) -> Generator[TokenIssuer]:
    """The API server of a cluster: it publishes keys and reviews tokens."""
    with TokenIssuer(pki.files("localhost"), make_key("one", "RS256")) as running:
        yield running


@pytest.fixture(
    scope="module", params=["up", pytest.param("split", marks=pytest.mark.needs(*PROGRAMS))]
)
def authority(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    pki: InternalPki,
    cluster: TokenIssuer,
) -> Generator[Authority]:
    """An authority that admits the pods of the cluster, in both shapes."""
    pem = b"".join(each.as_pem(private=False) for each in cluster.keys)
    record: dict[str, Any] = {
        "type": "K8sSA", "name": "cluster", "publicKeys": base64.b64encode(pem).decode(),
        "newel": {
            "issuer": cluster.url, "jwksURL": f"{cluster.url}/jwks", "tokenReviewURL": cluster.url,
            "caFile": str(pki.roots), "audiences": ["newel"],
        },
    }  # fmt: skip # a table
    if request.param == "split":
        split: Split = request.getfixturevalue("split")
        split.add_provisioners([record])
        yield split
        return
    stopped = make_stopped_authority("newel_authority", tmp_path_factory.mktemp("pods"))
    change(
        stopped.state / "config/ca.json", lambda ca: ca["authority"].update(provisioners=[record])
    )
    with serve_newel(stopped.state, stopped.port, stopped.http_port) as (running, _):
        yield running


def bound_token(cluster: TokenIssuer) -> str:
    """What the kubelet writes into the volume."""
    issued = int(now().timestamp())
    return cluster.sign({
        "iss": cluster.url, "sub": SUBJECT, "aud": ["newel"], "iat": issued, "nbf": issued,
        "exp": issued + 600, "jti": str(uuid.uuid4()),
        "kubernetes.io": {
            "namespace": "payments", "serviceaccount": {"name": "api", "uid": "0d6e2c0c"},
            "pod": {"name": "api-7c5ddbdf54-x2x9k", "uid": "3b1f6a1c"},
        },
    })  # fmt: skip # a table


@pytest.mark.parametrize("program", ["ours", pytest.param("step", marks=pytest.mark.needs("step"))])
def test_a_pod_gets_a_certificate(
    program: str, tmp_path: Path, cluster: TokenIssuer, authority: Authority
) -> None:
    pod = Shell(tmp_path, program, authority).bootstrap()
    file = tmp_path / "token"
    obtain = "step ca certificate api.payments.svc api.crt api.key --force"
    for _ in range(2):
        file.write_text(cluster.sign(LEGACY, key=cluster.keys[0]))
        pod.type_line(f"{obtain} --k8ssa-token-path {file}")
    user = UserInfo(username=SUBJECT, uid="0d6e2c0c")
    status = TokenReviewStatus(authenticated=True, user=user, audiences=["newel"])
    cluster.verdict = status.to_dict()
    for _ in range(2):
        cluster.keys.append(make_key(str(uuid.uuid4())))  # the cluster rotates its key
        file.write_text(bound_token(cluster))
        # a new key is fetched by its first token, but not at once after another fetch
        wait_until(lambda: "CA" in pod.read_messages(f"{obtain} --k8ssa-token-path {file}"))
        said = pod.read_messages(f"{obtain} --k8ssa-token-path {file}", code=1)
        assert "lacked necessary authorization" in said
    leaf = x509.load_pem_x509_certificates((tmp_path / "api.crt").read_bytes())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["api.payments.svc"]
    # the pod is deleted: its token still verifies, and the API server knows better
    cluster.verdict = TokenReviewStatus(authenticated=False, error="pod not found").to_dict()
    file.write_text(bound_token(cluster))
    assert pod.read_messages(f"{obtain} --k8ssa-token-path {file}", code=1)
    decided = [each for each in authority.audit() if each["service"] == "registration"]
    assert decided[-1]["cause"].endswith("does not accept the token: pod not found")
