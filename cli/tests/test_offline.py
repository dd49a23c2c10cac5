"""--offline: certificates by an authority's own files, as the original makes them; nothing is running."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures.running import OUR_STEP as NEWEL
from fixtures.running import others
from newel.cli.operations.offline.ssh_certificates import new_serial
from newel.cli.operations.ssh.certificate_files import read_certificate

pytestmark = pytest.mark.needs("step", "ssh-keygen", "openssl")

CLEAR = ("--no-password", "--insecure")
EACH_ITS_OWN = re.compile(r"Public key: .*|Serial: \d+|Valid: .*|\S+-cert\.pub:")


def test_serial_numbers_of_ssh_have_sixty_four_random_bits() -> None:
    drawn = [new_serial() for _ in range(400)]
    assert len(set(drawn)) == 400
    every, common = 0, 2**64 - 1
    for serial in drawn:
        every |= serial
        common &= serial
    assert (every, common) == (2**64 - 1, 0)


@pytest.fixture(scope="module")
def authority_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new authority for hosts and users that was never started; ca.json has its password."""
    home = tmp_path_factory.mktemp("offline")
    (home / "pw").write_text("secret-password\n")
    words = [
        "ca", "init", "--ssh", "--no-db", "--name", "Offline", "--dns", "localhost",
        "--address", "127.0.0.1:9", "--provisioner", "admin", "--deployment-type", "standalone",
        "--password-file", "pw",
    ]  # fmt: skip # a command line
    command(home, others("step"), *words)
    edit(home, lambda ca: ca.update(password="secret-password"))
    return home


@pytest.fixture
def home(authority_folder: Path, tmp_path: Path) -> Path:
    """A copy of it whose files a test may change."""
    shutil.copytree(authority_folder, tmp_path / "home")
    for name in ("ca.json", "defaults.json"):
        file = tmp_path / "home/step/config" / name
        file.write_text(file.read_text().replace(str(authority_folder), str(tmp_path / "home")))
    return tmp_path / "home"


def command(home: Path, *words: str, code: int = 0) -> str:
    """Runs a program without a terminal; what it says on either stream."""
    done = subprocess.run(
        words, cwd=home, capture_output=True, text=True, check=False, timeout=60,
        stdin=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "HOME": str(home), "STEPPATH": str(home / "step"), "SSH_AUTH_SOCK": ""},
    )  # fmt: skip # a command line
    assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def edit(home: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes ca.json."""
    file = home / "step/config/ca.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def both(home: Path, *words: str) -> None:
    """Runs a command with both programs; ``{who}`` in its words becomes the program's letter."""
    for who, program in (("a", others("step")), ("b", NEWEL)):
        command(home, program, *(word.format(who=who) for word in words), "--offline")


BY_ADMIN = ("--provisioner", "admin", "--provisioner-password-file", "pw")


def list_names(home: Path, name: str) -> str:
    """What ssh-keygen says of a certificate, without what differs between any two."""
    done = subprocess.run(
        ["ssh-keygen", "-L", "-f", name], cwd=home, capture_output=True, text=True, check=True
    )
    return EACH_ITS_OWN.sub("-", done.stdout)


def ends(home: Path, name: str) -> int:
    """How many seconds a certificate is valid in all."""
    certificate = read_certificate((home / name).read_bytes())
    return certificate.valid_before - certificate.valid_after


@pytest.mark.parametrize(
    "flags",
    [
        ["Joe.Doe@example.com"],
        ["joe", "--kty", "OKP", "--not-after", "1h", "--principal", "joe", "--principal", "root"],
        ["joe", "--kty", "RSA", "--not-before", "1h", "--not-after", "3h"],
        ["joe", "--not-before", "2030-01-01T00:00:00Z", "--not-after", "2030-01-01T01:00:00Z"],
        ["host.example", "--host", "--kty", "EC", "--curve", "P-384"],
    ],
    ids=["usual", "names", "later", "moments", "host"],
)
def test_ssh_certificates_are_those_of_the_original(home: Path, flags: list[str]) -> None:
    both(home, "ssh", "certificate", flags[0], "{who}", *flags[1:], *BY_ADMIN, *CLEAR, "--no-agent")
    assert list_names(home, "a-cert.pub") == list_names(home, "b-cert.pub")
    assert ends(home, "a-cert.pub") == ends(home, "b-cert.pub")
    kind = "host" if "--host" in flags else "user"
    signer = (home / f"step/certs/ssh_{kind}_ca_key.pub").read_text()
    assert command(home, NEWEL, "ssh", "config", "--roots", "--offline",
                   *(["--host"] if kind == "host" else [])) == signer  # fmt: skip # a command line


@pytest.mark.parametrize("first", ["step", "newel"])
def test_either_program_renews_and_rekeys_what_the_other_has_issued(home: Path, first: str) -> None:
    """The original verifies our signature, and we verify its."""
    ours, theirs = (NEWEL, others("step")) if first == "newel" else (others("step"), NEWEL)
    command(
        home, ours, "ssh", "certificate", "h.example", "h", "--host", "--offline", *BY_ADMIN, *CLEAR
    )
    sshpop = ["--offline", "--provisioner", "sshpop"]
    command(home, theirs, "ssh", "renew", "h-cert.pub", "h", "--out", "next-cert.pub", *sshpop)
    command(home, theirs, "ssh", "rekey", "next-cert.pub", "h", "--out", "new", *CLEAR, *sshpop)
    command(home, ours, "ssh", "renew", "new-cert.pub", "new", "--force", *sshpop)
    assert (
        list_names(home, "h-cert.pub")
        == list_names(home, "next-cert.pub")
        == list_names(home, "new-cert.pub")
    )
    assert ends(home, "h-cert.pub") == ends(home, "new-cert.pub")


def test_a_public_key_in_hardware_is_certified(home: Path) -> None:
    """Its type, sk-ssh-ed25519@openssh.com, stays in the certificate: no such key signs here."""
    key = (
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIEX/dQ0v4127bEo8eeG1"
        "EV0ApO2lWbSnN6RWusn/NjqIAAAABHNzaDo= joe\n"
    )
    for name in "ab":
        (home / f"{name}.pub").write_text(key)
    both(home, "ssh", "certificate", "joe", "{who}.pub", "--sign", *BY_ADMIN, "--no-agent")
    assert "sk-ssh-ed25519-cert-v01@openssh.com user certificate" in list_names(home, "b-cert.pub")
    assert list_names(home, "a-cert.pub") == list_names(home, "b-cert.pub")


def test_x509_certificates_are_those_of_the_original(home: Path) -> None:
    """New, renewed for the same key, and for a new one."""
    both(
        home,
        "ca",
        "certificate",
        "x.internal",
        "{who}.crt",
        "{who}.key",
        "--not-after",
        "2h",
        *BY_ADMIN,
    )
    both(home, "ca", "renew", "{who}.crt", "{who}.key", "--out", "{who}2.crt")
    both(
        home,
        "ca",
        "rekey",
        "{who}.crt",
        "{who}.key",
        "--out-cert",
        "{who}3.crt",
        "--out-key",
        "{who}3.key",
    )
    for name in ("{}.crt", "{}2.crt", "{}3.crt"):
        theirs, own = (
            x509.load_pem_x509_certificates((home / name.format(who)).read_bytes()) for who in "ab"
        )
        assert theirs[1] == own[1]
        assert message_of(theirs[0]) == message_of(own[0])
        command(home, "openssl", "verify", "-CAfile", "step/certs/root_ca.crt",
                "-untrusted", "step/certs/intermediate_ca.crt", name.format("b"))  # fmt: skip # a command line
    before, after = (
        x509.load_pem_x509_certificate((home / name).read_bytes()) for name in ("b.crt", "b3.crt")
    )
    assert before.public_key() != after.public_key()
    assert command(home, "openssl", "pkey", "-in", "b3.key", "-pubout") == command(
        home, "openssl", "x509", "-in", "b3.crt", "-noout", "-pubkey"
    )


def message_of(leaf: x509.Certificate) -> object:
    """What two certificates of one request have in common."""
    own = (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier)
    extensions = {
        each.oid.dotted_string: (each.critical, each.value.public_bytes())
        for each in leaf.extensions
        if not isinstance(each.value, own[0])
    }
    ski = leaf.extensions.get_extension_for_class(own[0]).value
    assert ski == x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return leaf.subject, leaf.issuer, lifetime, extensions


TEMPLATE = """{
  "type": {{ toJson .Type }}, "keyId": {{ printf "%s of %s" .Token.sub .Insecure.User.team | toJson }},
  "principals": {{ append .Principals .group | toJson }},
  "extensions": {{ set .Extensions "login@github.com" .KeyID | toJson }},
  "criticalOptions": {"source-address": "10.0.0.0/8"}
}"""


def test_a_template_makes_what_it_makes_for_the_original(home: Path) -> None:
    own = {"ssh": {"template": TEMPLATE, "templateData": {"group": "ops"}}}
    edit(home, lambda ca: of_admin(ca).update(options=own))
    both(
        home,
        "ssh",
        "certificate",
        "joe",
        "{who}",
        *CLEAR,
        "--set",
        "team=blue",
        *BY_ADMIN,
        "--no-agent",
    )
    assert list_names(home, "a-cert.pub") == list_names(home, "b-cert.pub")
    for said in ('Key ID: "joe of blue"', "login@github.com", "source-address 10.0.0.0/8", "ops"):
        assert said in list_names(home, "b-cert.pub")


HOST = ("--provisioner", "sshpop", "--sshpop-cert", "h-cert.pub", "--sshpop-key", "h", "--ssh")


@pytest.mark.parametrize(
    "words",
    [
        ["x.internal", *BY_ADMIN],
        ["x.internal", "--san", "a.internal", "--san", "10.0.0.1", *BY_ADMIN],
        ["123", "--revoke", *BY_ADMIN],
        ["123", "--ssh", "--revoke", *BY_ADMIN],
        ["123", "--renew", *HOST],
        ["123", "--rekey", *HOST],
        ["123", "--revoke", *HOST],
    ],
    ids=" ".join,
)
def test_tokens_are_those_of_the_original(home: Path, words: list[str]) -> None:
    """No network request is made; only what differs between any two tokens differs."""
    if "--sshpop-cert" in words:
        command(
            home, NEWEL, "ssh", "certificate", "h", "h", "--host", "--offline", *BY_ADMIN, *CLEAR
        )
    both(home, "ca", "token", *words, "--output-file", "{who}")
    theirs, own = (parts_of((home / who).read_text()) for who in "ab")
    assert theirs == own


def parts_of(token: str) -> list[dict[str, Any]]:
    """Header and claims, without times and number."""
    parts = [json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in token.split(".")[:2]]
    return [
        {k: v for k, v in part.items() if k not in {"iat", "nbf", "exp", "jti"}} for part in parts
    ]


def of_admin(ca: dict[str, Any]) -> dict[str, Any]:
    return ca["authority"]["provisioners"][0]


REFUSALS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "on record": (lambda ca: ca.update(newel={}), "records every certificate"),
    "ssh is off": (lambda ca: of_admin(ca).pop("claims"), "SSH is not enabled for the provisioner 'admin'"),
    "no key": (lambda ca: ca["ssh"].pop("userKey"), "names no key for SSH certificates of a user"),
    "webhooks": (
        lambda ca: of_admin(ca).update(options={"webhooks": [{"name": "x"}]}),
        "has webhooks for these certificates",
    ),
    "a template of nothing": (
        lambda ca: of_admin(ca).update(options={"ssh": {"template": "{}"}}),
        "makes no certificate of a user or a host",
    ),
    "a template that fails": (
        lambda ca: of_admin(ca).update(options={"ssh": {"template": '{{ fail "not you" }}'}}),
        "not you",
    ),
    "a policy": (
        lambda ca: ca["authority"].update(policy={"ssh": {"user": {"allow": {"principal": ["x"]}}}}),
        "has a policy for these certificates",
    ),
    "a policy of the provisioner": (
        lambda ca: of_admin(ca).update(policy={"ssh": {"host": {"deny": {"dns": ["x"]}}}}),
        "has a policy for these certificates",
    ),
    "too long": (
        lambda ca: of_admin(ca)["claims"].update(defaultUserSSHCertDuration="99h"),
        "requested duration of 99h1m0s is outside of what is allowed",
    ),
}  # fmt: skip # a table


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_authority_would_not_issue_is_refused(home: Path, case: str) -> None:
    change, expected = REFUSALS[case]
    edit(home, change)
    said = command(
        home, NEWEL, "ssh", "certificate", "joe", "id", "--offline", *BY_ADMIN, *CLEAR, code=1
    )
    assert expected in said
    assert not list(home.glob("id*"))


@pytest.mark.parametrize("line", ["ca renew h.crt h.key", "ssh renew h-cert.pub h"])
def test_what_the_provisioner_does_not_renew_is_not_renewed(home: Path, line: str) -> None:
    command(home, NEWEL, "ca", "certificate", "h", "h.crt", "h.key", "--offline", *BY_ADMIN)
    command(home, NEWEL, "ssh", "certificate", "h", "h", "--host", "--offline", *BY_ADMIN, *CLEAR)
    before = [(home / name).read_bytes() for name in ("h.crt", "h-cert.pub")]
    edit(home, lambda ca: ca["authority"].update(claims={"disableRenewal": True}))
    words = [*line.split(), "--offline", "--force"]
    said = command(home, NEWEL, *words, code=1)
    assert "renewal is disabled for the provisioner" in said
    command(home, others("step"), *words, code=1)
    assert before == [(home / name).read_bytes() for name in ("h.crt", "h-cert.pub")]


@pytest.mark.parametrize("words", [["ca", "revoke", "123"], ["ssh", "revoke", "123", *BY_ADMIN]])
def test_revocations_are_on_record_with_the_running_authority(home: Path, words: list[str]) -> None:
    """The original fails too for an authority without a database."""
    assert "start it and ask without" in command(home, NEWEL, *words, "--offline", code=1)
    command(home, others("step"), *words, "--offline", code=1)


def test_a_stranger_s_certificate_is_not_renewed(home: Path) -> None:
    for name in ("ca", "h"):
        command(home, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name)
    command(home, "ssh-keygen", "-q", "-s", "ca", "-I", "h", "-h", "-n", "h", "-V", "+1h", "h.pub")
    said = command(home, NEWEL, "ssh", "renew", "h-cert.pub", "h", "--offline", "--force", code=1)
    assert "was not issued by this authority" in said
