"""crl inspect beside the original, on lists made by openssl."""

import json
import subprocess
from pathlib import Path

import pytest

from fixtures.offline import NEWEL, STEP
from fixtures.offline import run_line as run

CONFIG = """
[ca]
default_ca = here
[here]
database = index.txt
default_md = sha256
default_crl_days = 3
crlnumber = crlnumber
crl_extensions = extensions
[extensions]
authorityKeyIdentifier = keyid:always
issuingDistributionPoint = critical,@point
[point]
fullname = URI:http://crl.example.com/a.crl
onlyuser = TRUE
[bare]
database = index.txt
default_md = sha256
default_crl_days = 3
"""
ROWS = "".join(
    f"R\t360101000000Z\t260101000000Z,{reason}\t{number:02X}\tunknown\t/CN=x{number}\n"
    for number, reason in enumerate(("keyCompromise", "superseded", "CACompromise"), 17)
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities; a full list, an empty one, one without a number."""
    cwd = tmp_path_factory.mktemp("crl")
    (cwd / "ca.cnf").write_text(CONFIG)
    (cwd / "crlnumber").write_text("1000\n")
    for name, kind in (("ca", ""), ("other", "--kty RSA")):
        line = f"certificate create {name} {name}.crt {name}.key --profile root-ca {kind}"
        assert run(NEWEL, f"{line} --no-password --insecure", cwd).returncode == 0
    for name, rows, section in (
        ("full", ROWS, "here"),
        ("empty", "", "here"),
        ("bare", ROWS, "bare"),
    ):
        (cwd / "index.txt").write_text(rows)
        words = f"openssl ca -gencrl -config ca.cnf -name {section} -cert ca.crt -keyfile ca.key"
        subprocess.run(
            [*words.split(), "-out", f"{name}.pem"], cwd=cwd, check=True, capture_output=True
        )
        words = f"openssl crl -in {name}.pem -outform DER -out {name}.crl"
        subprocess.run(words.split(), cwd=cwd, check=True, capture_output=True)
    return cwd


@pytest.mark.needs("step", "openssl")
@pytest.mark.parametrize("form", ["text", "json", "pem"])
@pytest.mark.parametrize(
    "line",
    [
        "full.pem --ca ca.crt",
        "full.crl --insecure",
        "empty.crl --ca ca.crt",
        "full.crl --ca other.crt",
    ],
)
def test_lists_are_shown_as_by_the_original(home: Path, line: str, form: str) -> None:
    if form == "pem":
        line = line.replace("full.pem", "full.crl")
    ours, theirs = (run(p, f"crl inspect {line} --format {form}", home) for p in (NEWEL, STEP))
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr) == (0, "")
    if form == "json":
        assert json.loads(ours.stdout) == json.loads(theirs.stdout)
    else:  # docs/divergences.md: the issuer is blank there
        assert ours.stdout.replace("Issuer: CN=ca\n", "Issuer: \n") == theirs.stdout


@pytest.mark.needs("step", "openssl")
def test_a_list_comes_by_stdin_too(home: Path) -> None:
    data = (home / "full.pem").read_text()
    ours, theirs = (
        run(p, "crl inspect --insecure --format json", home, data) for p in (NEWEL, STEP)
    )
    assert json.loads(ours.stdout) == json.loads(theirs.stdout)


@pytest.mark.needs("step", "openssl")
@pytest.mark.parametrize("line", ["full.crl", "ca.crt --from"])
def test_refusals_equal_the_originals(home: Path, line: str) -> None:
    ours, theirs = (run(p, f"crl inspect {line}", home) for p in (NEWEL, STEP))
    assert (ours.returncode, ours.stdout, ours.stderr) == (1, "", theirs.stderr)


@pytest.mark.needs("openssl")
def test_a_list_without_a_number_is_shown(home: Path) -> None:
    done = run(NEWEL, "crl inspect bare.crl --insecure", home)
    assert done.returncode == 0
    assert "Key Compromise" in done.stdout


@pytest.mark.needs("openssl")
def test_what_is_no_list_is_refused(home: Path) -> None:
    for name in ("ca.crt", "ca.key", "missing"):
        done = run(NEWEL, f"crl inspect {name} --insecure", home)
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1
