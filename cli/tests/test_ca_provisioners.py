"""`ca provisioner add, update, remove` on ca.json: the same records as the original's, nothing else touched."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.meshes import mesh
from fixtures.running import others
from fixtures.terminal import at_a_terminal
from newel.jose import jwe
from newel.step import ca_json

NEWEL = str(Path(sys.executable).with_name("step"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "pw").write_text("p4ss\n")
    words = [
        "ca", "init", "--name", "P", "--dns", "localhost", "--address", ":8443", "--provisioner", "admin",
        "--password-file", "pw",
    ]  # fmt: skip # a command line
    assert run(tmp_path, *words).returncode == 0
    (tmp_path / "step/ca.json").write_bytes((tmp_path / "step/config/ca.json").read_bytes())
    return tmp_path


def run(home: Path, *words: str, program: str = NEWEL) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *words],
        cwd=home,
        env={**os.environ, "STEPPATH": str(home / "step")},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def change(home: Path, *words: str, good: bool = True) -> str:
    before = (home / "step/config/ca.json").read_bytes()
    done = run(home, "ca", "provisioner", *words)
    assert (done.returncode == 0) is good, done.stderr
    if not good:
        assert (home / "step/config/ca.json").read_bytes() == before
    return done.stderr


def records(home: Path, name: str = "config/ca.json") -> dict[str, dict[str, Any]]:
    found = json.loads((home / "step" / name).read_text())["authority"]["provisioners"]
    return {record["name"]: record for record in found}


KINDS = [
    [
        "--type",
        "ACME",
        "--challenge",
        "http-01",
        "--force-cn",
        "--x509-default-dur",
        "20m",
        "--require-eab",
    ],
    ["--type", "x5c", "--x5c-roots", "step/certs/root_ca.crt", "--disable-renewal"],
    [
        "--type",
        "AWS",
        "--aws-account",
        "1",
        "--aws-account",
        "2",
        "--instance-age",
        "1h",
        "--disable-tofu",
    ],
    ["--type", "SSHPOP", "--ssh-host-max-dur", "48h"],
    ["--type", "nebula", "--nebula-root", "mesh.crt", "--x509-min-dur", "10m"],
    [
        "--public-key",
        "pub.json",
        "--private-key",
        "priv.json",
        "--allow-renewal-after-expiry",
        "--ssh=false",
    ],
]


@pytest.mark.needs("step", "nebula-cert")
@pytest.mark.parametrize("flags", KINDS, ids=lambda flags: flags[1])
def test_the_originals_record(home: Path, flags: list[str]) -> None:
    """The original writes the same member for member; its kinds are in capitals."""
    made = run(home, "crypto", "jwk", "create", "pub.json", "priv.json", "--password-file", "pw",
               program=others("step"))  # fmt: skip # a command line
    assert made.returncode == 0, made.stderr
    mesh(home)
    said = change(home, "add", "new", *flags)
    assert said.startswith(f"✔ CA Configuration: {home}/step/config/ca.json\n\nSuccess!")
    ours = records(home)["new"]
    words = ["ca", "provisioner", "add", "new", *flags, "--ca-config", "step/ca.json"]
    done = run(home, *words, program=others("step"))
    assert done.returncode == 0, done.stderr
    theirs = records(home, "ca.json")["new"]
    assert ours | {"type": ours["type"].upper()} == theirs


NEBULA_V2 = {
    True: "MIGBoBuACU1lc2ggQ0EgMoQB/4UEawHPn4YFASb57Z+CIN5AsG9+fR1+CqF7dB5FtoOGlem8CkM5rSLstNbfrZ8Jg0B9WkOhunhY"
    "lVFn/APjGKoEmw4mGeHBwwik+0MUKkSW87u7EktQTzaeH2riVGsvIVdohFvMNGIoutvPuMiluHUE",
    False: "MIGkoD6ABGhvc3ShBwQFCgEAARCFBGsBz5+GBQEm+e2ehyCChm1fVcpZQ4WP5aes0NcE6yf/3/VXOJG94gB6YwwAd4Ig5sf+os"
    "Hg0huK6qdd9CS5tRY7xJfP8nwuu24C5w30hlyDQAAWKXzxy1koiTK/c+xO9PGRW7OrJWaPMwmU4uMhcePtucAJY8SGPfen9Np/w9luYM"
    "gXfm2XOZXtf882E8jwuwk=",
}
"""An authority's certificate of version 2, and a host's, by nebula-cert 1.10.3."""


@pytest.mark.parametrize("authority", [True, False])
def test_nebula_certificates_of_version_2(home: Path, authority: bool) -> None:
    label = "NEBULA CERTIFICATE V2"
    (home / "v2.crt").write_text(
        f"-----BEGIN {label}-----\n{NEBULA_V2[authority]}\n-----END {label}-----\n"
    )
    flags = ["--type", "Nebula", "--nebula-root", "v2.crt"]
    said = change(home, "add", "new", *flags, good=authority)
    assert authority or "there is no certificate of an authority in it" in said


@pytest.mark.needs("nebula-cert")
def test_files_that_would_keep_the_authority_from_starting(home: Path) -> None:
    mesh(home)
    half = (home / "ca.crt").read_text().splitlines()
    (home / "half.crt").write_text("\n".join([half[0], half[1][:20], half[-1]]))
    leaf = ["certificate", "create", "x", "leaf.crt", "leaf.key", "--profile", "self-signed", "--subtle",
            "--no-password", "--insecure"]  # fmt: skip # a command line
    assert run(home, *leaf).returncode == 0
    cases = [
        (["Nebula", "--nebula-root", "host.crt"], "no certificate of an authority"),
        (["Nebula", "--nebula-root", "half.crt"], "ends early"),
        (["Nebula", "--nebula-root", "leaf.crt"], "something else than Nebula certificates"),
        (["X5C", "--x5c-roots", "ca.crt"], "something else than certificates"),
        (["X5C", "--x5c-roots", "leaf.crt"], "the certificate of 'x' may not sign certificates"),
        (["X5C", "--x5c-roots", "pw"], "there is nothing in PEM in it"),
        (["K8sSA", "--public-key", "leaf.crt"], "something else than public keys"),
        (["ACME", "--attestation-roots", "leaf.crt"], "may not sign certificates"),
        (["SCEP", "--scep-decrypter-key-file", "leaf.crt"], "it holds no private key"),
    ]
    for (kind, *flags), expected in cases:
        assert expected in change(home, "add", "new", "--type", kind, *flags, good=False)


def test_nothing_else_is_touched(home: Path) -> None:
    path = home / "step/config/ca.json"
    config = json.loads(path.read_text()) | {"newel": {"own": True}, "unknown": [1, None]}
    path.write_text(json.dumps(config))
    change(home, "add", "more", "--type", "ACME")
    after = json.loads(path.read_text())
    assert after["authority"]["provisioners"].pop()["name"] == "more"
    assert after == config
    change(home, "remove", "more")
    assert json.loads(path.read_text()) == config


def test_a_key_is_made_and_kept_encrypted(home: Path) -> None:
    change(home, "add", "ops", "--create", "--password-file", "pw")
    record = records(home)["ops"]
    private = json.loads(jwe.decrypt_with_password(record["encryptedKey"], b"p4ss"))
    assert private["kid"] == record["key"]["kid"]
    assert "d" not in record["key"]
    token = run(
        home, "ca", "token", "x", "--offline", "--provisioner", "ops", "--password-file", "pw"
    )
    assert token.stdout.count(".") == 2


def test_updates(home: Path) -> None:
    """Lists grow and shrink, names change, what no flag names stays."""
    change(
        home, "add", "sso", "--type", "OIDC", "--client-id", "c", "--configuration-endpoint", "https://i",
        "--admin", "a@x", "--domain", "x", "--domain", "y",
    )  # fmt: skip # a command line
    change(
        home, "update", "sso", "--name", "login", "--remove-domain", "x", "--domain", "z",
        "--remove-admin", "a@x", "--x509-max-dur", "48h",
    )  # fmt: skip # a command line
    record = records(home)["login"]
    assert record["claims"]["disableRenewal"] is True  # people log in again
    assert record["domains"] == ["y", "z"]
    assert "admins" not in record
    assert record["clientID"] == "c"
    assert record["claims"]["maxTLSCertDuration"] == "48h0m0s"
    parsed = ca_json.read((home / "step/config/ca.json").read_bytes()).authority
    assert parsed is not None
    assert len(parsed.parse_provisioners()) == 2


def test_a_password_is_made_where_none_is_chosen(home: Path) -> None:
    """It is shown once, and opens the key."""
    words = [NEWEL, "ca", "provisioner", "add", "made", "--create"]
    environment = {**os.environ, "STEPPATH": str(home / "step")}
    answers = [("[leave empty and we'll generate one]:", "")]
    code, shown = at_a_terminal(words, answers, cwd=home, env=environment)
    assert code == 0, shown
    password = shown.split("Password: ")[1].split()[0]
    assert len(password) == 32
    assert jwe.decrypt_with_password(records(home)["made"]["encryptedKey"], password.encode())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["add", "admin", "--create", "--password-file", "pw"], "with name admin already exists"),
        (["add", "x"], "'--create false' requires the '--public-key' flag"),
        (
            ["add", "x", "--type", "Foo"],
            "options are JWK, ACME, OIDC, X5C, SSHPOP, K8SSA, NEBULA, MTLS, SCEP, AWS, GCP, AZURE",
        ),
        (["add", "x", "--type", "X5C"], "requires the '--x5c-roots' flag"),
        (
            ["add", "x", "--type", "ACME", "--challenge", "y"],
            "invalid value 'y' for flag '--challenge'",
        ),
        (
            ["add", "x", "--create", "--public-key", "p"],
            "flag '--create' is incompatible with '--public-key'",
        ),
        (
            ["add", "x", "--type", "X5C", "--x5c-roots", "absent"],
            "open absent failed: no such file",
        ),
        (["add", "x", "--type", "ACME", "--x509-max-dur", "soon"], "for flag '--x509-max-dur'"),
        (["update", "x"], "provisioner x not found"),
        (["remove", "x"], "provisioner x not found"),
        (["remove", "admin", "--ca-config", "absent.json"], "open absent.json"),
    ],
)
def test_refusals_change_nothing(home: Path, words: list[str], expected: str) -> None:
    assert expected in change(home, *words, good=False)
