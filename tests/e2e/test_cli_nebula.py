"""Hosts of a Nebula network get certificates by what Nebula gave them, by both command lines."""

import base64
import json
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fixtures.admissions import SHAPES, Client, authority_with, read_from_subject, show_in_subject
from fixtures.meshes import mesh
from fixtures.running import Authority
from fixtures.split import Split
from newel.crypto.nebula.certificates import parse_pem

pytestmark = pytest.mark.needs("step", "nebula-cert")
DATA_TEMPLATE = show_in_subject((".Name", ".Groups", ".Networks", ".IsCA", ".NotAfter.Unix"))
NETWORKS = [(1, "25519"), (2, "25519"), (1, "P256"), (2, "P256")]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[int, str], Path]:
    """An authority and its host for each version and curve."""
    made: dict[tuple[int, str], Path] = {}
    for version, curve in NETWORKS:
        made[version, curve] = tmp_path_factory.mktemp(f"network-{version}-{curve}")
        mesh(made[version, curve], version, curve)
    return made


@pytest.fixture(scope="module", params=SHAPES)
def authority(
    request: pytest.FixtureRequest,
    networks: dict[tuple[int, str], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Authority]:
    """An authority that trusts the networks' authorities, ours in both shapes and the original."""
    text = b"".join((home / "ca.crt").read_bytes() for home in networks.values())
    row: dict[str, Any] = {"type": "Nebula", "name": "mesh", "claims": {"enableSSHCA": True}}
    row["roots"] = base64.b64encode(text).decode()
    data = {**row, "name": "data", "options": {"x509": {"template": DATA_TEMPLATE}}}
    with authority_with(request, tmp_path_factory.mktemp("ca"), [row, data], "--ssh") as running:
        yield running


@pytest.fixture(params=["ours", "step"])
def client(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> Client:
    """Either command line."""
    return Client(authority, tmp_path, request.param)


@pytest.fixture
def network(networks: dict[tuple[int, str], Path]) -> Path:
    """The network most hosts are in."""
    return networks[NETWORKS[0]]


def by_host(network: Path, key: str = "host.key") -> list[str]:
    return ["--provisioner", "mesh", "--nebula-cert", str(network / "host.crt"),
            "--nebula-key", str(network / key)]  # fmt: skip # a command line


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_host_gets_a_certificate(
    client: Client, networks: dict[tuple[int, str], Path], kind: tuple[int, str]
) -> None:
    names = ["--san", "host", "--san", "10.1.0.1"]
    key = "host.pem" if kind[1] == "P256" and client.program == "step" else "host.key"
    who = by_host(networks[kind], key)
    client.run("ca", "certificate", "host", "h.crt", "h.key", *names, *who)
    assert client.leaf("h.crt").subject.rfc4514_string() == "CN=host"
    assert client.names("h.crt") == ["host", "10.1.0.1"]


@pytest.mark.parametrize("kind", NETWORKS[:2])
def test_templates_see_of_it_what_the_original_s_see(
    authority: Authority,
    networks: dict[tuple[int, str], Path],
    kind: tuple[int, str],
    tmp_path: Path,
) -> None:
    client = Client(authority, tmp_path)
    who = by_host(networks[kind])
    who[1] = "data"
    client.run("ca", "certificate", "host", "d.crt", "d.key", *who)
    (host,) = parse_pem((networks[kind] / "host.crt").read_text())
    end = str(int(host.not_after.timestamp()))
    expected = ["host", "[servers laptops]", "[10.1.0.1/16]", "false", end]
    assert read_from_subject(client.leaf("d.crt")) == expected


def test_a_host_s_own_names_are_its_certificate_s(client: Client, network: Path) -> None:
    """Nothing else, though the host signs its token itself."""
    words = ["ca", "certificate", "admin", "x.crt", "x.key", *by_host(network)]
    if is_original(client.authority):
        assert "got [admin], want [host]" in client.run(*words, code=1)
        return
    assert "The request was forbidden" in client.run(*words, code=1)
    words = ["ca", "certificate", "host", "x.crt", "x.key", "--san", "10.1.0.2", *by_host(network)]
    assert "10.1.0.2" in client.run(*words, code=1)
    assert not (client.home / "x.crt").exists()


def test_a_host_gets_an_ssh_certificate(client: Client, network: Path) -> None:
    words = ["ssh", "certificate", "--host", "--no-password", "--insecure", *by_host(network)]
    if isinstance(client.authority, Split):  # which has no keys for SSH
        client.run(*words, "host", "ssh", code=1)
        return
    client.run(*words, "host", "ssh")
    done = subprocess.run(
        ["ssh-keygen", "-L", "-f", "ssh-cert.pub"],
        cwd=client.home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "host certificate" in done.stdout


def test_tokens_are_those_of_the_original(
    authority: Authority, network: Path, tmp_path: Path
) -> None:
    theirs, own = (
        parts_of(Client(authority, tmp_path, program).run("ca", "token", "host", *by_host(network)))
        for program in ("step", "ours")
    )
    assert theirs == own


def parts_of(token: str) -> list[dict[str, Any]]:
    """Header and claims, without times and number."""
    parts = [json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in token.split(".")[:2]]
    return [
        {k: v for k, v in part.items() if k not in {"iat", "nbf", "exp", "jti"}} for part in parts
    ]


def test_what_is_not_the_host_s_is_refused(
    authority: Authority, network: Path, tmp_path: Path
) -> None:
    """Another's key and what is no certificate here, another's name by the authority."""
    (tmp_path / "other").mkdir()
    mesh(tmp_path / "other")
    key, crt = "--nebula-key", "--nebula-cert"
    cases = [
        (
            [crt, str(network / "host.crt"), key, "other/host.key"],
            "is not the key of the certificate",
        ),
        ([crt, "other/host.key", key, "other/host.key"], "not a proper nebula certificate"),
        (
            [crt, "other/host.crt", key, "other/host.key"],
            "token is not valid: failed to verify certificate against configured CA",
        ),
    ]
    client = Client(authority, tmp_path)
    for flags, expected in cases:
        words = ["ca", "certificate", "host", "x.crt", "x.key", "--provisioner", "mesh"]
        assert expected in client.run(*words, *flags, code=1)
        assert not (tmp_path / "x.crt").exists()


def is_original(authority: Authority) -> bool:
    """Whether it is step-ca, which has no plain HTTP here."""
    return authority.http_port == 0
