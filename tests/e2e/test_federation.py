"""Two authorities, one federation: services of each side let clients of the other in, and of no third."""

import json
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.drills import obtain_certificate
from fixtures.processes import free_port
from fixtures.running import Authority, serve_newel
from fixtures.step_ca import run_step_ca, step_ca
from fixtures.tls_services import hello

pytestmark = pytest.mark.needs("step", "step-ca", "curl")

Sides = tuple[Authority, Authority]


def federate(authority: Authority, root: Path) -> None:
    """What an operator does: the other root into ca.json."""
    copy = authority.state / "certs/other_root.crt"
    shutil.copy(root, copy)
    file = authority.state / "config/ca.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "federatedRoots": [str(copy)]}))


@pytest.fixture(scope="module", params=["newel", "step-ca"])
def sides(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Sides]:
    """Our authority, federated with a second one and with the original."""
    home = tmp_path_factory.mktemp("federation")
    ports, others = (free_port(), free_port()), (free_port(), free_port())
    with serve_newel(home / "aws", *ports) as (aws, _):
        pass
    if request.param == "newel":
        with serve_newel(home / "gcp", *others) as (gcp, _):
            pass
        federate(gcp, aws.root)
        peer = serve_newel(gcp.state, *others)
    else:
        with step_ca(home / "gcp") as gcp:
            pass
        federate(gcp, aws.root)
        peer = run_step_ca(gcp.state, gcp.port, gcp.password_file)
    federate(aws, gcp.root)
    with serve_newel(aws.state, *ports), peer:
        yield aws, gcp


def read_roots(path: Path) -> set[x509.Certificate]:
    return set(x509.load_pem_x509_certificates(path.read_bytes()))


def ask(url: str, bundle: Path, certificate: Path) -> str:
    """What the service says to a client with this certificate; "" when it is not let in."""
    done = subprocess.run(
        ["curl", "-s", "--cacert", bundle, "--cert", certificate, "--key",
         certificate.with_suffix(".key"), url],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    return done.stdout


def fetch(authority: Authority, command: str, path: Path) -> set[x509.Certificate]:
    done = authority.step("ca", command, str(path), "--force")
    assert done.returncode == 0, done.stderr
    return read_roots(path)


def test_each_side_hands_out_both_roots(sides: Sides, tmp_path: Path) -> None:
    own = [read_roots(each.root) for each in sides]
    for each, root in zip(sides, own, strict=True):
        assert fetch(each, "federation", tmp_path / "federated.pem") == own[0] | own[1]
        assert fetch(each, "roots", tmp_path / "roots.pem") == root


@pytest.mark.attack("P04")
def test_each_side_lets_the_other_in_and_no_third(sides: Sides, tmp_path: Path) -> None:
    """Neither authority is reachable from the other side's services."""
    bundle = tmp_path / "federated.pem"
    fetch(sides[0], "federation", bundle)
    with serve_newel(tmp_path / "third", free_port(), free_port()) as (third, _):
        stranger = obtain_certificate(third, tmp_path, "stranger")
    for service, client in (sides, sides[::-1]):
        for authority, name in ((service, "localhost"), (client, "foo")):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            who = ["--provisioner", "admin", "--password-file", str(authority.password_file)]
            files = [str(folder / f"{name}.crt"), str(folder / f"{name}.key")]
            done = authority.step("ca", "certificate", name, *files, "--force", *who)
            assert done.returncode == 0, done.stderr
        with hello(tmp_path / "localhost", "localhost", clients=bundle) as url:
            assert ask(url, bundle, tmp_path / "foo/foo.crt") == "Hello, world!\n"
            assert ask(url, bundle, stranger) == ""
        with hello(tmp_path, "stranger") as url:
            assert ask(url, bundle, tmp_path / "foo/foo.crt") == ""


def test_a_federated_root_admits_nothing_at_the_authority(sides: Sides, tmp_path: Path) -> None:
    """The other side's certificate is not renewed here."""
    ours, theirs = sides
    certificate = obtain_certificate(theirs, tmp_path, "foo")
    files = [str(certificate), str(certificate.with_suffix(".key"))]
    bundle = tmp_path / "federated.pem"
    fetch(ours, "federation", bundle)
    where = ["--ca-url", ours.url, "--root", str(bundle), "--force"]
    before = certificate.read_bytes()
    assert ours.step("ca", "renew", *files, *where).returncode != 0
    assert certificate.read_bytes() == before
