"""certificate lint: the shape of zlint's report, and its verdicts where both linters have the rule."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fixtures.offline import NEWEL, STEP

CONFIG = """
[req]
distinguished_name = dn
[dn]
[bad]
2.5.29.15 = DER:03:01:00
nameConstraints = permitted;DNS:example.com
subjectKeyIdentifier = hash
"""


def lint(program: str, name: str, cwd: Path) -> dict[str, Any]:
    done = subprocess.run(
        [program, "certificate", "lint", name], cwd=cwd, capture_output=True, text=True, check=True
    )
    assert not done.stdout.endswith("\n")
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that is as it should be and one that is not."""
    cwd = tmp_path_factory.mktemp("lint")
    (cwd / "bad.cnf").write_text(CONFIG)
    words = [NEWEL, "certificate", "create"]
    words += ["Root", "good.crt", "good.key", "--profile", "root-ca"]
    subprocess.run(
        [*words, "--no-password", "--insecure"], cwd=cwd, check=True, capture_output=True
    )
    words = [
        "openssl",
        "req",
        "-x509",
        "-new",
        "-key",
        "good.key",
        "-config",
        "bad.cnf",
        "-extensions",
        "bad",
        "-subj",
        "/CN=bad",
    ]
    subprocess.run([*words, "-out", "bad.crt"], cwd=cwd, check=True, capture_output=True)
    return cwd


@pytest.mark.needs("step", "openssl")
def test_the_report_has_the_shape_of_the_originals(home: Path) -> None:
    ours, theirs = lint(NEWEL, "good.crt", home), lint(STEP, "good.crt", home)
    assert set(ours) == set(theirs)
    assert set(theirs["lints"]) <= set(ours["lints"])
    assert not ours["errors_present"]


@pytest.mark.needs("step", "openssl")
def test_what_is_wrong_is_found_under_the_originals_names(home: Path) -> None:
    ours, theirs = (lint(program, "bad.crt", home)["lints"] for program in (NEWEL, STEP))
    for rule in (
        "e_ext_key_usage_without_bits",
        "e_ext_name_constraints_not_in_ca",
        "e_ext_name_constraints_not_critical",
    ):
        assert ours[rule]["result"] == theirs[rule]["result"] == "error"
    assert lint(NEWEL, "bad.crt", home)["errors_present"]


def test_what_cannot_be_read_is_refused(home: Path) -> None:
    for name in ("missing", "good.key"):
        done = subprocess.run(
            [NEWEL, "certificate", "lint", name],
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1
