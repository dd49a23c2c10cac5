"""Machines that prove an identity by a certificate or a cluster's token: the real step-ca judges it."""

from base64 import b64encode
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from fixtures.leaves import read_names
from fixtures.running import Authority
from fixtures.scenarios import Shell
from fixtures.step_ca import step_ca

pytestmark = pytest.mark.needs("step", "step-ca", "jq")
SERVICE_ACCOUNT = ECKey.generate_key("P-256")
CLEAR = "--no-password --insecure"


def own_root(folder: Path) -> None:
    """``root.crt``, and ``theirs.crt`` by it, with their keys."""
    shell = Shell(folder, "ours")
    shell.type_line(f"step certificate create --profile root-ca {CLEAR} Root root.crt root.key")
    shell.type_line(
        f"step certificate create {CLEAR} foo.internal theirs.crt theirs.key --ca root.crt --ca-key root.key"
    )


@pytest.fixture(scope="module")
def authority(
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Authority]:
    """A step-ca that knows a cluster and a foreign root."""
    folder = tmp_path_factory.mktemp("machines")
    own_root(folder)

    def provisioners(ca: dict[str, Any]) -> None:
        ca["authority"]["provisioners"] += [
            {
                "type": "K8sSA",
                "name": "cluster",
                "publicKeys": b64encode(SERVICE_ACCOUNT.as_pem(private=False)).decode(),
            },
            {
                "type": "X5C",
                "name": "elsewhere",
                "roots": b64encode((folder / "root.crt").read_bytes()).decode(),
            },
        ]

    with step_ca(folder / "state", edit=provisioners) as running:
        yield running


@pytest.fixture
def foo(tmp_path: Path, authority: Authority) -> Shell:
    return Shell(tmp_path, "ours", authority).bootstrap()


def test_a_foreign_certificate_vouches(foo: Shell) -> None:
    """X5C: for a certificate, a request and a revocation; one of another root does not."""
    folder = foo.required_authority.state.parent
    by = f"--issuer elsewhere --x5c-cert {folder}/theirs.crt --x5c-key {folder}/theirs.key"
    foo.type_line(f"step ca certificate foo.internal foo.crt foo.key {by}")
    assert read_names(foo.home / "foo.crt") == ["foo.internal"]
    foo.type_line(f"step certificate create --csr {CLEAR} foo.internal foo.csr own.key")
    foo.type_line(f"step ca sign foo.csr foo.crt --force {by}")
    serial = "$(step certificate inspect foo.crt --format json | jq -r .serial_number)"
    said = foo.read_messages(
        f"step ca revoke {serial} --token $(step ca token {serial} --revoke {by})"
    )
    assert "has been revoked" in said
    own_root(foo.home / "strange")
    by = "--issuer elsewhere --x5c-cert strange/theirs.crt --x5c-key"
    foo.type_line(f"step ca certificate foo.internal x.crt x.key {by} strange/theirs.key", code=1)
    said = foo.read_messages(
        f"step ca certificate foo.internal x.crt x.key {by} {folder}/theirs.key", code=1
    )
    assert "is not the key of the certificate" in said
    assert not (foo.home / "x.crt").exists()


def test_a_cluster_vouches_for_a_workload(foo: Shell) -> None:
    """K8sSA: the token a pod finds in a file, as it is."""
    prefix = "kubernetes.io/serviceaccount"
    claims = {
        "iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:web:server",
        f"{prefix}/namespace": "web", f"{prefix}/service-account.name": "server",
        f"{prefix}/service-account.uid": "1", f"{prefix}/secret.name": "s",
    }  # fmt: skip # a table
    token = foo.home / "token"
    token.write_text(jwt.encode({"alg": "ES256"}, claims, SERVICE_ACCOUNT) + "\n")
    line = "step ca certificate foo.internal foo.crt foo.key --k8ssa-token-path token"
    assert "Provisioner: cluster (K8sSA)" in foo.read_messages(line)
    assert read_names(foo.home / "foo.crt") == ["foo.internal"]
    token.write_text(jwt.encode({"alg": "ES256"}, claims, ECKey.generate_key("P-256")))
    before = foo.read("foo.crt")
    foo.type_line(f"{line} --force", code=1)
    assert foo.read("foo.crt") == before
