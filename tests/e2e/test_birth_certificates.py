"""A birth certificate of one authority becomes a workload certificate of another, by both command lines."""

import base64
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from fixtures.admissions import SHAPES, Client, authority_with, read_from_subject, show_in_subject
from fixtures.processes import free_port
from fixtures.running import Authority, serve_newel
from newel.step import extension

pytestmark = pytest.mark.needs("step")
TEMPLATE = """{"subject": {{ toJson .AuthorizationCrt.Subject.CommonName }}, "sans": {{ toJson .SANs }},
"keyUsage": ["digitalSignature"], "extKeyUsage": ["clientAuth", "serverAuth"]}"""

FIELDS = (
    ".Subject.CommonName", ".SerialNumber", ".Version", ".IsCA", ".MaxPathLen", ".BasicConstraintsValid",
    ".NotAfter.Unix", "(index .DNSNames 0)", "(len .IPAddresses)", "(len .Extensions)",
    ".PublicKeyAlgorithm", '(printf "%d" .KeyUsage)', '(printf "%d" (index .ExtKeyUsage 1))',
    '(printf "%x" .SubjectKeyId)', '(printf "%x" .AuthorityKeyId)', ".Issuer.CommonName",
    "(len .Subject.Names)", '(typeIs "*ecdsa.PublicKey" .PublicKey)', "(len .Raw)", "(len .URIs)",
)  # fmt: skip # a table
DATA_TEMPLATE = show_in_subject(FIELDS)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Generator[Authority]:
    """The authority that gave the device its first certificate."""
    state = tmp_path_factory.mktemp("maker") / "state"
    with serve_newel(state, free_port(), free_port()) as (authority, _):
        yield authority


@pytest.fixture(scope="module")
def device(maker: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The device's folder, with birth.crt and birth.key."""
    home = tmp_path_factory.mktemp("device")
    who = ["--provisioner", "admin", "--password-file", str(maker.password_file)]
    Client(maker, home).run(
        "ca", "certificate", "device-1", "birth.crt", "birth.key", "--not-after", "1h", *who
    )
    return home


@pytest.fixture(scope="module", params=SHAPES)
def authority(
    request: pytest.FixtureRequest, maker: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Authority]:
    """The authority of the workloads, ours in both shapes and the original."""
    roots = base64.b64encode(maker.root.read_bytes()).decode()
    records = [
        {"type": "X5C", "name": "devices", "roots": roots},
        {"type": "X5C", "name": "own-name", "roots": roots, "options": {"x509": {"template": TEMPLATE}}},
        {"type": "X5C", "name": "data", "roots": roots, "options": {"x509": {"template": DATA_TEMPLATE}}},
    ]  # fmt: skip # a table
    with authority_with(request, tmp_path_factory.mktemp("workloads"), records) as running:
        yield running


@pytest.fixture(params=["ours", "step"])
def client(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> Client:
    """Either command line."""
    return Client(authority, tmp_path, request.param)


def by(device: Path, provisioner: str = "devices") -> list[str]:
    """The flags that show the birth certificate."""
    return ["--provisioner", provisioner, "--x5c-cert", str(device / "birth.crt"),
            "--x5c-key", str(device / "birth.key")]  # fmt: skip # a command line


def test_it_becomes_a_workload_certificate(client: Client, device: Path) -> None:
    names = ["--san", "web.internal", "--san", "10.0.0.1"]
    client.run("ca", "certificate", "web.internal", "w.crt", "w.key", *names, *by(device))
    leaf, birth = client.leaf("w.crt"), Client(client.authority, device).leaf("birth.crt")
    assert client.names("w.crt") == ["web.internal", "10.0.0.1"]
    assert leaf.not_valid_after_utc == birth.not_valid_after_utc
    value = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(extension.OID)).value
    assert isinstance(value, x509.UnrecognizedExtension)
    said = extension.ProvisionerExtension.decode(value.value)
    assert (said.type.name, said.name, said.credential_id) == ("X5C", "devices", "")


def test_a_request_made_elsewhere_is_signed(client: Client, device: Path) -> None:
    clear = ["--no-password", "--insecure"]
    client.run_offline("certificate", "create", "--csr", *clear, "csr.internal", "c.csr", "c.key")
    client.run("ca", "sign", "c.csr", "c.crt", *by(device))
    assert client.names("c.crt") == ["csr.internal"]


def test_a_template_takes_the_device_s_name(client: Client, device: Path) -> None:
    client.run("ca", "certificate", "web.internal", "t.crt", "t.key", *by(device, "own-name"))
    (name,) = client.leaf("t.crt").subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "device-1"


def test_templates_see_of_it_what_the_original_s_see(
    authority: Authority, device: Path, tmp_path: Path
) -> None:
    client = Client(authority, tmp_path)
    client.run("ca", "certificate", "web.internal", "d.crt", "d.key", *by(device, "data"))
    birth = Client(authority, device).leaf("birth.crt")
    issuer = birth.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
    basic = [each for each in birth.extensions if each.oid == ExtensionOID.BASIC_CONSTRAINTS]
    own = birth.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    above = birth.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    expected = [
        "device-1", str(birth.serial_number), "3", "false", "-1" if basic else "0",
        str(bool(basic)).lower(), str(int(birth.not_valid_after_utc.timestamp())), "device-1", "0",
        str(len(birth.extensions)), "ECDSA", "1", "2", own.hex(), (above.key_identifier or b"").hex(),
        str(issuer), "1", "true", str(len(birth.public_bytes(Encoding.DER))), "0",
    ]  # fmt: skip # a table
    assert read_from_subject(client.leaf("d.crt")) == expected


def test_what_it_may_not_have_is_refused(client: Client, device: Path) -> None:
    words = ["ca", "certificate", "web.internal", "x.crt", "x.key"]
    said = client.run(*words, "--not-after", "2h", *by(device), code=1)
    assert "is after the expiration of the provisioning credential (" in said
    token = client.run("ca", "token", "web.internal", *by(device)).strip()
    client.run("ca", "certificate", "web.internal", "x.crt", "x.key", "--token", token)
    said = client.run(
        "ca", "certificate", "web.internal", "y.crt", "y.key", "--token", token, code=1
    )
    assert "The request lacked necessary authorization to be completed." in said
    insecure = client.run("ca", "token", "web.internal", "--x5c-insecure", *by(device)).strip()
    client.run("ca", "certificate", "web.internal", "y.crt", "y.key", "--token", insecure, code=1)
    assert not (client.home / "y.crt").exists()


def test_it_revokes_what_it_got(client: Client, device: Path) -> None:
    client.run("ca", "certificate", "web.internal", "r.crt", "r.key", *by(device))
    serial = str(client.leaf("r.crt").serial_number)
    token = client.run("ca", "token", serial, "--revoke", *by(device)).strip()
    client.run("ca", "revoke", serial, "--token", token)
    said = client.run("ca", "renew", "r.crt", "r.key", "--force", code=1)
    assert "The request lacked necessary authorization to be completed." in said


def test_the_workload_renews_it(client: Client, device: Path) -> None:
    client.run("ca", "certificate", "web.internal", "n.crt", "n.key", *by(device))
    before = client.leaf("n.crt")
    client.run("ca", "renew", "n.crt", "n.key", "--force")
    assert client.leaf("n.crt").serial_number != before.serial_number
