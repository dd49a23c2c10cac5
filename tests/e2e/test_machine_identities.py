"""Machines that prove an identity without a secret: the real step-ca judges the proof.

AWS: its document and signature under a root of our own. GCP and Azure: their keys come from the public
addresses the real step-ca asks, by a proxy on this machine that stands for them.
"""

import datetime as dt
from base64 import b64encode
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import ECKey

from fakes.clouds import HOSTS, TENANT, Cloud, Internet, MetadataService
from fixtures.pki import InternalPki
from fixtures.processes import free_port
from fixtures.running import Authority
from fixtures.scenarios import Shell
from fixtures.step_ca import step_ca
from newel.client.clock import now

pytestmark = pytest.mark.needs("step", "step-ca", "jq")
SERVICE_ACCOUNT = ECKey.generate_key("P-256")
VARIABLES = {
    "AWS": "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "Google Cloud": "GCE_METADATA_HOST",
    "Azure": "AZURE_POD_IDENTITY_AUTHORITY_HOST",
}
ASKED = {
    "AWS": [
        "/latest/api/token",
        "/latest/dynamic/instance-identity/document",
        "/latest/dynamic/instance-identity/signature",
    ],
    "Google Cloud": ["/computeMetadata/v1/instance/service-accounts/default/identity"],
    "Azure": ["/metadata/identity/oauth2/token"],
}


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> InternalPki:
    return InternalPki(tmp_path_factory.mktemp("machines"))


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


def self_signed(cloud: Cloud) -> bytes:
    """The certificate AWS's signatures are verified with, PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "instance identity")])
    made = x509.CertificateBuilder(name, name, cloud.key.public_key()).serial_number(1)
    made = made.not_valid_before(now()).not_valid_after(now() + dt.timedelta(days=1))
    return made.sign(cloud.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


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
    tmp_path_factory: pytest.TempPathFactory, pki: InternalPki, cloud: Cloud
) -> Generator[Authority]:
    """A step-ca that knows the clouds, a cluster and a foreign root."""
    folder = tmp_path_factory.mktemp("clouds")
    own_root(folder)
    (folder / "iid.crt").write_bytes(self_signed(cloud))

    def provisioners(ca: dict[str, Any]) -> None:
        ca["authority"]["provisioners"] += [
            {
                "type": "AWS",
                "name": "AWS",
                "iidRoots": str(folder / "iid.crt"),
                "accounts": ["123456789012"],
            },
            {
                "type": "GCP",
                "name": "Google Cloud",
                "projectIDs": ["p"],
                "serviceAccounts": ["robot@p.iam.gserviceaccount.com"],
            },
            {"type": "Azure", "name": "Azure", "tenantID": TENANT, "subscriptionIDs": ["s"]},
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

    sites = pki.files(*HOSTS)
    with Internet(sites.certificate, sites.key, cloud.public()) as internet:
        env = {
            "SSL_CERT_FILE": str(pki.roots),
            "HTTPS_PROXY": f"http://{internet.address}",
            "NO_PROXY": "localhost,127.0.0.1",
        }
        with step_ca(folder / "state", edit=provisioners, env=env) as running:
            yield running


@pytest.fixture
def foo(tmp_path: Path, authority: Authority) -> Shell:
    return Shell(tmp_path, "ours", authority).bootstrap()


def names(shell: Shell) -> list[str]:
    leaf = x509.load_pem_x509_certificates((shell.home / "foo.crt").read_bytes())[0]
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(each.value) for each in found]


@pytest.mark.parametrize("provisioner", VARIABLES)
def test_a_cloud_vm_needs_no_secret(foo: Shell, cloud: Cloud, provisioner: str) -> None:
    line = f'step ca certificate foo.internal foo.crt foo.key --issuer "{provisioner}"'
    with MetadataService(cloud) as service:
        vm = Shell(foo.home, "ours", foo.authority, {VARIABLES[provisioner]: service.address})
        said = vm.read_messages(line)
        for part in (
            f"CA: {foo.required_authority.url}",
            "Certificate: foo.crt",
            "Private Key: foo.key",
        ):
            assert part in said
        assert service.asked == ASKED[provisioner]
    assert names(foo) == ["foo.internal"]
    assert f"Provisioner: {provisioner} [ID: " in foo.type_line(
        "step certificate inspect --short foo.crt"
    )
    if provisioner == "AWS":  # trust on first use: an instance gets its first certificate so
        with MetadataService(cloud) as service:
            again = {VARIABLES[provisioner]: service.address}
            Shell(foo.home, "ours", foo.authority, again).type_line(f"{line} --force", code=1)


@pytest.mark.parametrize("provisioner", VARIABLES)
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1:{port}", "the cloud's metadata service cannot be asked"),
        ("203.0.113.7", "is not an http address of this machine or its own link"),
        ("https://127.0.0.1", "is not an http address of this machine or its own link"),
        ("metadata.example", "is not an http address of this machine or its own link"),
        ("http://127.0.0.1:no", "is not an http address of this machine or its own link"),
    ],
)
def test_outside_the_cloud(foo: Shell, provisioner: str, address: str, reason: str) -> None:
    """There is no one to ask, or a variable names an address that is not allowed."""
    extra = {VARIABLES[provisioner]: address.format(port=free_port())}
    laptop = Shell(foo.home, "ours", foo.authority, extra)
    line = f'step ca certificate foo.internal foo.crt foo.key --issuer "{provisioner}"'
    assert reason in laptop.read_messages(line, code=1)
    assert not list(foo.home.glob("foo.*"))


def test_a_foreign_certificate_vouches(foo: Shell) -> None:
    """X5C: for a certificate, a request and a revocation; one of another root does not."""
    folder = foo.required_authority.state.parent
    by = f"--issuer elsewhere --x5c-cert {folder}/theirs.crt --x5c-key {folder}/theirs.key"
    foo.type_line(f"step ca certificate foo.internal foo.crt foo.key {by}")
    assert names(foo) == ["foo.internal"]
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
    assert names(foo) == ["foo.internal"]
    token.write_text(jwt.encode({"alg": "ES256"}, claims, ECKey.generate_key("P-256")))
    before = foo.read("foo.crt")
    foo.type_line(f"{line} --force", code=1)
    assert foo.read("foo.crt") == before
