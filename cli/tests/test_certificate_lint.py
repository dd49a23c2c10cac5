"""certificate lint: the shape of zlint's report, and its verdicts where both linters have the rule."""

import datetime as dt
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fixtures.offline import NEWEL, STEP
from newel.cli.commands.certificate.lint import findings
from newel.crypto import keys

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


@pytest.mark.needs("openssl")
def test_a_pointer_to_this_machine_breaks_no_rule(home: Path) -> None:
    """And one that is no URI is not reported as an alternative name."""
    extensions = "crlDistributionPoints = URI:{}\nauthorityInfoAccess = OCSP;URI:{}\n"
    rules: dict[str, set[str]] = {}
    for name, uri in {"local": "http://localhost:9080/crl/a.crl", "odd": "http://a b/"}.items():
        (home / f"{name}.cnf").write_text(
            CONFIG.partition("[bad]")[0] + "[x]\n" + extensions.format(uri, uri)
        )
        words = [
            "openssl",
            "req",
            "-x509",
            "-new",
            "-key",
            "good.key",
            "-config",
            f"{name}.cnf",
            "-extensions",
            "x",
        ]
        subprocess.run(
            [*words, "-subj", "/CN=a", "-out", f"{name}.crt"],
            cwd=home,
            check=True,
            capture_output=True,
        )
        lints = lint(NEWEL, f"{name}.crt", home)["lints"]
        rules[name] = {rule for rule, verdict in lints.items() if verdict["result"] == "error"}
        assert lints["e_ext_san_uri_format_invalid"]["result"] == "pass"
    assert "pkix.invalid_uri_syntax" not in rules["local"]
    assert "pkix.invalid_uri_syntax" in rules["odd"]


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("localhost", set()),
        ("*.lan", set()),
        ("DB1.rack-7.k8s2", set()),
        ("a b.example", {"e_dnsname_bad_character_in_label"}),
        ("-a.example", {"e_dnsname_bad_character_in_label"}),
        ("a.*.example", {"e_dnsname_bad_character_in_label"}),
    ],
)
def test_names_of_private_networks_break_no_rule(name: str, rules: set[str]) -> None:
    key, now = keys.generate(), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    subject = x509.Name([])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .sign(keys.generate(), hashes.SHA256())
    )
    found = findings(made.public_bytes(Encoding.DER))
    assert {
        rule for rule, severity, _ in found if "dnsname" in rule and severity == "ERROR"
    } == rules


def test_only_what_is_broken_is_listed_on_demand(home: Path) -> None:
    words = [NEWEL, "certificate", "lint", "bad.crt", "--failed-only"]
    done = subprocess.run(words, cwd=home, capture_output=True, text=True, check=True)
    shown, whole = json.loads(done.stdout), lint(NEWEL, "bad.crt", home)
    assert shown["errors_present"]
    broken = {"fatal", "error", "warn", "info"}
    assert shown["lints"] == {
        rule: verdict for rule, verdict in whole["lints"].items() if verdict["result"] in broken
    }
    assert 0 < len(shown["lints"]) < 10 < len(whole["lints"])


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
