"""certificate inspect on certificates of every kind: equal to the original's, octet for octet."""

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fixtures.offline import NEWEL, STEP
from newel.cli.operations.certificates import sources
from newel.cli.render.certificates.json_certificate import certificate_json
from newel.cli.render.certificates.json_request import request_json
from newel.cli.render.certificates.text import certificate_text, request_text
from newel.crypto import der
from newel.crypto.reader import certificates as reader

SECTIONS = Path(__file__).with_name("certificate_corpus.cnf")
LONG = (
    "/C=DE/ST=Berlin/L=Berlin/street=Weg 1/postalCode=10115/O=Example, Ltd/OU=One/OU=Two"
    "/CN=long.example.com/emailAddress=me@x.org/serialNumber=42/DC=example/UID=u1/GN=Given/SN=Sur"
)
CERTIFICATES = {
    "rsa": ("rsa:2048", LONG, "plain", []),
    "p256": ("p256", "/CN=ec.example.com", "plain", []),
    "p384": ("p384", "/CN=ec.example.com", "everything", ["-sha384"]),
    "p521": ("p521", "/CN=ec/O=<a&b>", "plain", ["-sha512"]),
    "ed25519": ("ed25519", "/CN=root\\/x", "everything", []),
    "pss": (
        "rsa:2048",
        "/CN=pss",
        "plain",
        ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"],
    ),
    "not-critical": ("p256", "/O=no common name", "notcritical", []),
    "private": ("p256", "/CN=private", "private", []),
    "negative": ("p256", "/CN=n", "plain", ["-set_serial", "0x1"]),
    "unicode": ("p256", "/CN=Zürich Ä/O=Ü", "plain", ["-utf8"]),
    "multi": ("p256", "/CN=a+O=b/OU=c", "plain", []),
}
CURVES = {"p256": "P-256", "p384": "P-384", "p521": "P-521"}


def openssl(*arguments: str, cwd: Path) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=cwd, check=False, capture_output=True)
    assert done.returncode == 0, (arguments, done.stderr)


def key(kind: str, cwd: Path) -> str:
    """A key file of the kind, made when it is first asked for."""
    name = f"{kind.replace(':', '')}.key"
    if not (cwd / name).exists():
        if kind.startswith("rsa"):
            openssl("genrsa", "-out", name, kind[4:], cwd=cwd)
        elif kind == "ed25519":
            openssl("genpkey", "-algorithm", "ed25519", "-out", name, cwd=cwd)
        else:
            openssl("ecparam", "-genkey", "-noout", "-name", CURVES[kind], "-out", name, cwd=cwd)
    return name


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates, requests and bundles of every kind, by openssl."""
    home = tmp_path_factory.mktemp("corpus")
    (home / "c.cnf").write_bytes(SECTIONS.read_bytes())
    for name, (kind, subject, section, options) in CERTIFICATES.items():
        made = ["req", "-new", "-config", "c.cnf", "-key", key(kind, home), "-subj", subject]
        named = [*options, "-multivalue-rdn"] if name == "multi" else options
        openssl(*made, "-x509", "-extensions", section, *named, "-out", f"{name}.crt", cwd=home)
        wanted = [option for option in options if option not in {"-set_serial", "0x1"}]
        asked = {"everything": "requested", "notcritical": "few"}.get(section, section)
        openssl(*made, "-reqexts", asked, *wanted, "-out", f"{name}.csr", cwd=home)
    openssl(
        "req",
        "-new",
        "-config",
        "c.cnf",
        "-key",
        "p256.key",
        "-subj",
        "/CN=bare",
        "-out",
        "bare.csr",
        cwd=home,
    )
    openssl("x509", "-req", "-in", "bare.csr", "-signkey", "p256.key", "-out", "v1.crt", cwd=home)
    openssl("x509", "-in", "rsa.crt", "-outform", "DER", "-out", "rsa.der", cwd=home)
    openssl("req", "-in", "rsa.csr", "-outform", "DER", "-out", "csr.der", cwd=home)
    both = [(home / name).read_text() for name in ("rsa.crt", "p384.crt")]
    (home / "bundle.crt").write_text("a line before\n" + "\nbetween\n".join(both))
    return home


FILES = [
    *(f"{name}.crt" for name in CERTIFICATES),
    *(f"{name}.csr" for name in CERTIFICATES),
    "v1.crt", "bare.csr", "rsa.der", "csr.der", "bundle.crt", "rsa2048.key", "missing.crt", "c.cnf",
]  # fmt: skip # words in rows


def run(
    program: str, *arguments: str, cwd: Path, data: str = ""
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"STEPPATH": str(cwd / "steppath")}
    return subprocess.run(
        [program, "certificate", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment,
        input=data,
    )


@pytest.mark.needs("step", "openssl")
@pytest.mark.parametrize("options", [(), ("--short",), ("--format", "pem"), ("--bundle",)])
@pytest.mark.parametrize("name", FILES)
def test_text_equals_the_originals(corpus: Path, name: str, options: tuple[str, ...]) -> None:
    ours, theirs = (
        run(program, "inspect", name, *options, cwd=corpus) for program in (NEWEL, STEP)
    )
    assert ours.stdout == theirs.stdout
    assert (ours.returncode, bool(ours.stderr)) == (theirs.returncode, bool(theirs.stderr))


@pytest.mark.needs("step", "openssl")
@pytest.mark.parametrize("name", FILES)
def test_json_equals_the_originals(corpus: Path, name: str) -> None:
    ours, theirs = (
        run(program, "inspect", name, "--bundle", "--format", "json", cwd=corpus).stdout
        for program in (NEWEL, STEP)
    )
    if not theirs:
        assert not ours
        return
    mine, other = json.loads(ours), json.loads(theirs)
    for one in (mine, other):
        for each in one if isinstance(one, list) else [one]:
            without_meant_differences(each)
    assert mine == other
    assert [line.split(":")[0] for line in ours.splitlines() if line.startswith('  "')] == [
        line.split(":")[0] for line in theirs.splitlines() if line.startswith('  "')
    ]


def without_meant_differences(each: dict[str, Any]) -> None:
    """docs/divergences.md: names in no order and without IPv6, constraints never critical, v1 re-encoded."""
    each["names"] = sorted(name for name in each.get("names", []) if "::" not in name)
    each.get("extensions", {}).get("name_constraints", {}).pop("critical", None)
    if each.get("version") == 1:
        each.pop("tbs_noct_fingerprint")


@pytest.mark.needs("openssl")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", ["ed25519", "private", "rsa"])
def test_damaged_octets_are_refused_or_shown_but_never_a_crash(corpus: Path, name: str) -> None:
    """Every octet of a certificate and of a request, each changed in two ways."""
    certificate = sources.from_file(str(corpus / f"{name}.crt"))[0].der
    request = sources.blocks((corpus / f"{name}.csr").read_bytes())[0].data
    for mask in (0xFF, 0x01):
        for at in range(len(certificate)):
            damaged = certificate[:at] + bytes((certificate[at] ^ mask,)) + certificate[at + 1 :]
            with contextlib.suppress(der.DERError):
                found = reader.parse_certificate(damaged)
                certificate_text(found)
                certificate_json(found)
        for at in range(len(request)):
            damaged = request[:at] + bytes((request[at] ^ mask,)) + request[at + 1 :]
            with contextlib.suppress(der.DERError):
                asked = reader.parse_request(damaged)
                request_text(asked)
                request_json(asked)
