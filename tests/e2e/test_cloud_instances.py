"""Instances of AWS, GCP and Azure obtain certificates without a secret, from step-ca and from ours.

AWS: its document and signature under a root of the test. GCP and Azure: step-ca asks their public addresses
through a proxy on this machine that stands for them, ours is configured with an address of this machine.
"""

import contextlib
import re
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fakes.clouds import HOSTS, TENANT, Cloud, Internet, KeyServer, MetadataService
from fixtures.admissions import add_records, up_with
from fixtures.leaves import read_names
from fixtures.pki import InternalPki
from fixtures.processes import free_port
from fixtures.running import Authority
from fixtures.scenarios import Shell
from fixtures.split import PROGRAMS, fresh_split
from fixtures.step_ca import step_ca

pytestmark = pytest.mark.needs("step", "step-ca", "ssh-keygen")
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
CREDENTIALS = {"AWS": "123456789012", "Google Cloud": "1234567890", "Azure": TENANT}
CHOSEN = {
    "AWS": "✔ Provisioner: AWS (AWS)\n",
    "Google Cloud": "✔ Provisioner: Google Cloud (GCP)\n",
    "Azure": f"✔ Provisioner: Azure (Azure) [tenant: {TENANT}]\n",
}
WRITTEN = "✔ Certificate: foo.crt\n✔ Private Key: foo.key\n"
REFUSED = (
    "The request lacked necessary authorization to be completed. Please see the certificate authority"
    " logs for more info.\n"
)
AGAIN = "Re-run with STEPDEBUG=1 for more info.\n"

Records = list[dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clouds")


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


def records(folder: Path, google: dict[str, Any], azure: dict[str, Any]) -> Records:
    """The provisioners of an authority; the last two of each cloud's are those of its own names."""
    ssh = {"claims": {"enableSSHCA": True}}
    aws = {"type": "AWS", "iidRoots": str(folder / "iid.crt"), "accounts": ["123456789012"]}
    gcp = {"type": "GCP", "projectIDs": ["p"], "instanceAge": "1h", **google}
    own = {"disableCustomSANs": True, "disableTrustOnFirstUse": True}
    return [
        {**aws, "name": "AWS"},
        {**aws, "name": "AWS own", **own},
        {**gcp, "name": "Google Cloud", "serviceAccounts": ["robot@p.iam.gserviceaccount.com"]},
        {**gcp, "name": "Google own", **own},
        {**gcp, "name": "Google hosts", **ssh},
        {**gcp, "name": "Google users", **ssh, "disableSSHCAUser": False},
        {"type": "Azure", "name": "Azure", "tenantID": TENANT, "subscriptionIDs": ["s"], **azure},
    ]


@contextlib.contextmanager
def serve_original(folder: Path, pki: InternalPki, cloud: Cloud) -> Generator[Authority]:
    sites = pki.files(*HOSTS)
    with Internet(sites.certificate, sites.key, cloud.public()) as internet:
        env = {
            "SSL_CERT_FILE": str(pki.roots),
            "HTTPS_PROXY": f"http://{internet.address}",
            "NO_PROXY": "localhost,127.0.0.1",
        }
        edit = partial(add_records, records(folder, {}, {}))
        with step_ca(folder / "original", "--ssh", edit=edit, env=env) as running:
            yield running


@contextlib.contextmanager
def serve_split(added: Records) -> Generator[Authority]:
    with fresh_split({}, "--ssh") as running:
        running.add_provisioners(added)
        yield running


@pytest.fixture(
    scope="module",
    params=["step-ca", "up", pytest.param("split", marks=pytest.mark.needs(*PROGRAMS))],
)
def authority(
    request: pytest.FixtureRequest, folder: Path, pki: InternalPki, cloud: Cloud
) -> Generator[Authority]:
    """An authority that knows the clouds."""
    (folder / "iid.crt").write_bytes(cloud.certificate())
    if request.param == "step-ca":
        with serve_original(folder, pki, cloud) as running:
            yield running
        return
    site = pki.files("localhost")
    with KeyServer(cloud, site.certificate, site.key) as keys:
        trust = {"caFile": str(pki.roots)}
        added = records(
            folder,
            {"newel": {"keysURL": keys.google_keys, **trust}},
            {"newel": {"discoveryURL": keys.azure_discovery, **trust}},
        )
        serve = (
            up_with(folder / "up", added, "--ssh") if request.param == "up" else serve_split(added)
        )
        with serve as running:
            yield running


@pytest.fixture(params=["ours", "step"])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, authority: Authority, cloud: Cloud
) -> Generator[tuple[Shell, MetadataService]]:
    """A shell on a new instance of every cloud, and the metadata service it asks."""
    cloud.launch()
    Shell(tmp_path, request.param, authority).bootstrap()
    with MetadataService(cloud) as service:
        extra = dict.fromkeys(VARIABLES.values(), service.address)
        if request.param == "step":
            extra = {"HTTP_PROXY": f"http://{service.address}"}
        yield Shell(tmp_path, request.param, authority, extra), service


@pytest.mark.parametrize("provisioner", VARIABLES)
def test_an_instance_needs_no_secret_and_is_trusted_once(
    instance: tuple[Shell, MetadataService], provisioner: str
) -> None:
    shell, service = instance
    words = f'foo.internal foo.crt foo.key --san foo.internal --issuer "{provisioner}"'
    line = f"step ca certificate {words}"
    begin = f"{CHOSEN[provisioner]}✔ CA: {shell.required_authority.url}\n"
    assert shell.read_messages(line).lstrip() == begin + WRITTEN
    if shell.ours:
        assert service.asked == ASKED[provisioner]
    assert read_names(shell.home / "foo.crt") == ["foo.internal"]
    inspected = shell.type_line("step certificate inspect --short foo.crt")
    assert f"Provisioner: {provisioner} [ID: {CREDENTIALS[provisioner][:4]}" in inspected
    shell.type_line("step ca renew foo.crt foo.key --force")
    refused = shell.read_messages(f"{line} --force", code=1).lstrip()
    assert refused == begin + REFUSED + AGAIN


@pytest.mark.parametrize(
    ("provisioner", "subject", "own_names"),
    [
        (
            "AWS own",
            "ip-10-0-0-7.eu-central-1.compute.internal",
            ["ip-10-0-0-7.eu-central-1.compute.internal", "10.0.0.7"],
        ),
        ("Google own", "{name}", ["{name}.c.p.internal", "{name}.z.c.p.internal"]),
    ],
)
def test_an_instance_gets_the_names_of_its_cloud_and_no_others(
    instance: tuple[Shell, MetadataService],
    cloud: Cloud,
    provisioner: str,
    subject: str,
    own_names: list[str],
) -> None:
    shell, _ = instance
    subject = subject.format(name=cloud.name)
    line = f'step ca certificate {subject} foo.crt foo.key --issuer "{provisioner}" --force'
    shell.type_line(line)
    expected = [each.format(name=cloud.name) for each in own_names]
    assert read_names(shell.home / "foo.crt") == expected
    foreign = line.replace(f"certificate {subject}", "certificate foo.internal")
    assert shell.read_messages(foreign, code=1)


def test_an_instance_becomes_a_host_and_its_service_account_a_user(
    instance: tuple[Shell, MetadataService],
) -> None:
    """An instance enrols itself for SSH by the identity of its cloud, once."""
    shell, _ = instance
    options = "--no-password --insecure --no-agent --force --issuer"
    host = f'step ssh certificate --host {options} "Google hosts" foo.internal host'
    shell.type_line(host)
    shown = shell.type_line("ssh-keygen -L -f host-cert.pub")
    assert "host certificate" in shown
    assert re.search(r"Principals: *\n +foo.internal\n +Critical", shown)
    assert "foo.internal" in shell.type_line("step ssh hosts")
    assert shell.read_messages(host, code=1).endswith(REFUSED + AGAIN)
    account = "--principal sa_1234567890 --principal robot@p.iam.gserviceaccount.com"
    user = f'step ssh certificate {account} {options} "Google users" robot robot'
    shell.type_line(user)
    shown = shell.type_line("ssh-keygen -L -f robot-cert.pub")
    assert "user certificate" in shown
    assert 'Key ID: "robot@p.iam.gserviceaccount.com"' in shown
    assert re.search(r"Principals: *\n +sa_1234567890\n +robot@p\S+\n +Critical", shown)


@pytest.mark.parametrize("authority", ["up"], indirect=True)  # our command line alone decides
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
def test_outside_the_cloud(
    tmp_path: Path, authority: Authority, provisioner: str, address: str, reason: str
) -> None:
    """There is no one to ask, or a variable names an address that is not allowed."""
    extra = {VARIABLES[provisioner]: address.format(port=free_port())}
    laptop = Shell(tmp_path, "ours", authority, extra).bootstrap()
    line = f'step ca certificate foo.internal foo.crt foo.key --issuer "{provisioner}"'
    assert reason in laptop.read_messages(line, code=1)
    assert not list(laptop.home.glob("foo.*"))
