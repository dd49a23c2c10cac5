"""certificate create and sign: what comes out has the shape of the original's, and openssl believes it."""

import re
import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from fixtures.offline import NEWEL, PLAIN, STEP, create
from fixtures.offline import certificate as run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root, an intermediate and requests, by our own hand."""
    cwd = tmp_path_factory.mktemp("create")
    (cwd / "password").write_text("pass\n")
    (cwd / "plain.json").write_text("{}")
    authority = "--ca root.crt --ca-key root.key"
    create(
        cwd,
        "Root root.crt root.key --profile root-ca",
        f"Middle middle.crt middle.key --profile intermediate-ca {authority}",
        f"leaf leaf.crt leaf.key {authority}",
        "locked locked.crt locked.key --profile root-ca --password-file password",
        "asker.example.com ask.csr ask.key --csr --san a.example.com --san 10.0.0.1",
        "rsa.example.com rsa.csr rsa.key --csr --kty RSA",
        "sub sub.csr sub.key --csr",
    )
    pem = (cwd / "ask.csr").read_text().splitlines()
    octets = bytearray(b64decode("".join(pem[1:-1])))
    octets[-1] ^= 1
    (cwd / "bad.csr").write_text("\n".join((pem[0], b64encode(octets).decode(), pem[-1], "")))
    return cwd


def shape(text: str) -> str:
    """A certificate's text without what is random in it."""
    text = re.sub(
        r"([0-9A-Fa-f]{2}:)+[0-9A-Fa-f]{0,2}|^ +[0-9a-f]{2}$", "…", text, flags=re.MULTILINE
    )
    text = re.sub(r"(Serial Number:|Not (Before|After) ?:).*", r"\1", text)
    return re.sub(r"(\n? *…)+", " …", text)


CREATED = [
    "--profile root-ca",
    "--profile root-ca --kty RSA",
    "--profile root-ca --kty OKP",
    "--profile root-ca --kty EC --crv P-384 --not-after 1000h",
    "--profile intermediate-ca --ca root.crt --ca-key root.key",
    "--ca middle.crt --ca-key middle.key",
    "--ca middle.crt --ca-key middle.key --kty RSA --bundle",
    "--ca middle.crt --ca-key middle.key --san a.b.c --san 10.0.0.1 --san ::1 --san me@x.org --san https://x.org/",
    "--ca locked.crt --ca-key locked.key --ca-password-file password --kty EC --crv P-521",
    "--profile self-signed --subtle",
    "--csr",
    "--csr --kty RSA --san x.example.com --san 10.0.0.1",
]  # fmt: skip # a command line


@pytest.mark.needs("step", "openssl")
@pytest.mark.parametrize("flags", CREATED)
def test_what_create_makes_has_the_originals_shape(home: Path, flags: str) -> None:
    found: list[str] = []
    for program, name in ((NEWEL, "ours"), (STEP, "theirs")):
        done = run(program, f"create some.example.com new.crt new.key -f {flags} {PLAIN}", home)
        assert done.returncode == 0, done.stderr
        shown = run(STEP, "inspect new.crt --bundle", home)
        found += [shape(shown.stdout).replace(name, ""), done.stdout + done.stderr]
        assert (home / "new.key").stat().st_mode & 0o777 == 0o600
        assert (home / "new.crt").stat().st_mode & 0o777 == 0o600
    assert found[:2] == found[2:]


@pytest.mark.needs("step", "openssl")
def test_openssl_believes_the_chain(home: Path) -> None:
    line = f"create end.example.com end.crt end.key --ca middle.crt --ca-key middle.key -f {PLAIN}"
    assert run(NEWEL, line, home).returncode == 0
    judged = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", "root.crt", "-untrusted", "middle.crt", "end.crt"],
        cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    assert judged.stdout == "end.crt: OK\n", judged.stderr


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    "line",
    [
        "sign ask.csr root.crt root.key",
        "sign rsa.csr root.crt root.key --bundle",
        "sign ask.csr root.crt root.key --profile csr",
        "sign sub.csr root.crt root.key --profile intermediate-ca",
        "sign sub.csr root.crt root.key --omit-cn-san",
        "sign ask.csr locked.crt locked.key --password-file password --not-after 1h",
    ],
)
def test_what_sign_makes_has_the_originals_shape(home: Path, line: str) -> None:
    found: list[str] = []
    for program in (NEWEL, STEP):
        done = run(program, line, home)
        assert done.returncode == 0, done.stderr
        (home / "signed.crt").write_text(done.stdout)
        found.append(shape(run(STEP, "inspect signed.crt --bundle", home).stdout))
    assert found[0] == found[1]


@pytest.mark.needs("step")
@pytest.mark.parametrize(
    "line",
    [
        "create a b.crt",
        "create a b.crt b.crt",
        "create a b.crt b.key",
        f"create a b.crt b.key {PLAIN} --ca root.crt",
        f"create a b.crt b.key {PLAIN} --profile root-ca --ca root.crt",
        f"create a b.crt b.key {PLAIN} --profile self-signed",
        f"create a b.crt b.key {PLAIN} --profile bogus",
        f"create a b.crt b.key {PLAIN} --profile root-ca --bundle",
        f"create a b.crt b.key {PLAIN} --csr --bundle",
        f"create a b.crt b.key {PLAIN} --csr --profile root-ca",
        f"create a b.crt b.key {PLAIN} --csr --ca root.crt",
        f"create a b.crt b.key {PLAIN} --not-after soon",
        f"create a b.crt b.key {PLAIN} --not-before 2h --not-after 1h",
        f"create a b.crt b.key {PLAIN} --profile root-ca --not-after -1h",
        f"create a b.crt b.key {PLAIN} --profile root-ca --crv P-256",
        f"create a b.crt b.key {PLAIN} --profile root-ca --kty RSA --size 1024 --key root.key",
        f"create a b.crt b.key {PLAIN} --profile root-ca --template plain.json",
        "create a b.crt b.key --no-password --profile root-ca",
        "sign ask.csr leaf.crt leaf.key", "sign ask.csr root.crt middle.key",
        "sign ask.csr root.crt rsa.key", "sign bad.csr root.crt root.key", "sign ask.csr root.crt",
        "sign sub.csr middle.crt middle.key --profile intermediate-ca",
        "sign sub.csr root.crt root.key --profile intermediate-ca --path-len 1",
        "sign sub.csr root.crt root.key --profile intermediate-ca --path-len -2",
        "sign sub.csr root.crt root.key --profile bogus",
        "sign sub.csr root.crt root.key --not-after yesterday",
    ],
)  # fmt: skip # words in rows
def test_refusals_equal_the_originals_and_write_nothing(home: Path, line: str) -> None:
    before = sorted(home.iterdir())
    ours, theirs = run(NEWEL, line, home), run(STEP, line, home)
    assert (ours.returncode, ours.stdout, ours.stderr) == (1, "", theirs.stderr)
    assert sorted(home.iterdir()) == before


@pytest.mark.needs("openssl")
def test_a_key_is_encrypted_unless_that_was_declined(home: Path) -> None:
    assert "ENCRYPTED" in (home / "locked.key").read_text()
    refused = run(NEWEL, "create a b.crt b.key --profile root-ca", home)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error allocating terminal: ")
    assert not (home / "b.crt").exists()


def test_a_request_whose_signature_does_not_verify_is_refused(home: Path) -> None:
    assert run(NEWEL, "sign bad.csr root.crt root.key", home).stdout == ""


def test_a_subject_that_is_no_name_gets_no_alternative_name(home: Path) -> None:
    words = [
        NEWEL,
        "certificate",
        "create",
        "Alice Smith",
        "alice.crt",
        "alice.key",
        *PLAIN.split(),
    ]
    words += ["--ca", "root.crt", "--ca-key", "root.key", "-f"]
    assert subprocess.run(words, cwd=home, check=False, capture_output=True).returncode == 0
    assert "Alternative" not in run(NEWEL, "inspect alice.crt", home).stdout
