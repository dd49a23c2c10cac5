"""Keys of a PKCS #11 token in the command line: by way of a plugin, which the original drives as well as we do."""

import os
import subprocess
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from fixtures.processes import free_port
from fixtures.running import BIN, NEWEL, others, serve_newel
from fixtures.servers import SoftHsm

PLAIN = "--no-password --insecure"
KEYS = {"p256": "EC:secp256r1", "p384": "EC:secp384r1", "rsa": "rsa:2048"}

Done = subprocess.CompletedProcess[str]


class Desk:
    """A directory, a token with keys, and a STEPPATH with the plugin in it."""

    def __init__(self, home: Path, softhsm: SoftHsm) -> None:
        self.home = home
        self.softhsm = softhsm
        self.service = (
            f"pkcs11:module-path={softhsm.module};token={softhsm.token}?pin-value={softhsm.pin}"
        )

    def key(self, label: str) -> str:
        """The URI that says everything: token, PIN and key."""
        return self.service.replace("?", f";object={label}?")

    def run(self, program: str, *words: str | Path) -> Done:
        return subprocess.run(
            [program, *words],
            cwd=self.home,
            env=os.environ | {"STEPPATH": str(self.home / "step")},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    def make(self, program: str, line: str) -> Done:
        """A line that must succeed; {s} is the service, {p256} … the keys."""
        uris = {name: self.key(name) for name in KEYS}
        done = self.run(program, *(word.format(s=self.service, **uris) for word in line.split()))
        assert done.returncode == 0, (line, done.stderr)
        return done

    def token(self, *words: str | Path) -> None:
        """pkcs11-tool, logged in."""
        login = [
            "--module",
            self.softhsm.module,
            "--token-label",
            self.softhsm.token,
            "--login",
            "--pin",
            self.softhsm.pin,
        ]
        done = self.run("pkcs11-tool", *login, *words)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, softhsm: SoftHsm) -> Desk:
    home = tmp_path_factory.mktemp("desk")
    made = Desk(home, softhsm)
    (home / "step/plugins").mkdir(parents=True)
    (home / "step/plugins/step-kms-plugin").symlink_to(BIN / "newel-kms-plugin")
    for number, (label, kind) in enumerate(KEYS.items(), 1):
        made.token(
            "--keypairgen",
            "--key-type",
            kind,
            "--label",
            label,
            "--id",
            f"{number:02x}",
            "--usage-sign",
        )
    return made


needed = pytest.mark.needs("step", "pkcs11-tool", "openssl")


@needed
@pytest.mark.parametrize("label", KEYS)
@pytest.mark.parametrize("program", [NEWEL, others("step")], ids=["ours", "original"])
def test_an_authority_whose_keys_are_in_a_token(desk: Desk, program: str, label: str) -> None:
    """openssl judges what both programs make with the same plugin."""
    uri = f"{{{label}}}"
    for line in (
        f"certificate create Root root.crt --profile root-ca --key pkcs11:object={label} --kms {{s}} -f",
        f"certificate create leaf leaf.crt leaf.key --ca root.crt --ca-key {uri} {PLAIN} -f",
        (
            "certificate create Mid mid.crt --key {p256} --profile intermediate-ca -f "
            f"--ca root.crt --ca-key pkcs11:object={label} --ca-kms {{s}}"
        ),
        f"certificate create asker ask.csr --csr --key {uri} --san a.example -f",
    ):
        desk.make(program, line)
    signed = desk.make(program, f"certificate sign ask.csr root.crt {uri}").stdout
    (desk.home / "signed.crt").write_text(signed)
    for name in ("leaf.crt", "mid.crt", "signed.crt"):
        judged = desk.run("openssl", "verify", "-CAfile", "root.crt", name)
        assert judged.stdout == f"{name}: OK\n", judged.stderr


@needed
def test_an_issuers_certificate_may_be_in_the_token(desk: Desk) -> None:
    desk.make(NEWEL, "certificate create Root kept.crt --profile root-ca --key {p256} -f")
    desk.make(NEWEL, f"certificate create asker own.csr own.key --csr {PLAIN} -f")
    assert (
        desk.run(
            "openssl", "x509", "-in", "kept.crt", "-outform", "DER", "-out", "kept.der"
        ).returncode
        == 0
    )
    desk.token("--write-object", "kept.der", "--type", "cert", "--label", "p256", "--id", "01")
    outcomes = [
        desk.make(program, line).stdout
        for program, line in (
            (NEWEL, "certificate sign own.csr {p256} {p256}"),
            (NEWEL, "certificate sign own.csr pkcs11:object=p256 pkcs11:id=01 --kms {s}"),
            (others("step"), "certificate sign own.csr {p256} {p256}"),
        )
    ]
    for pem in outcomes:
        (desk.home / "out.crt").write_text(pem)
        assert (
            desk.run("openssl", "verify", "-CAfile", "kept.crt", "out.crt").stdout
            == "out.crt: OK\n"
        )


@needed
@pytest.mark.parametrize("label", KEYS)
def test_files_are_signed_in_the_token(desk: Desk, label: str) -> None:
    """The signature verifies by the certificate, and not for another file."""
    desk.make(NEWEL, f"certificate create Signer s.crt --profile root-ca --key {{{label}}} -f")
    desk.make(NEWEL, f"sign s.crt --key pkcs11:object={label} --kms {{s}} --out s.jws -f")
    desk.make(NEWEL, "verify s.crt --signature s.jws --key s.crt")
    assert desk.run(NEWEL, "verify", "s.jws", "--signature", "s.jws", "--key", "s.crt").returncode


@needed
@pytest.mark.parametrize(
    ("label", "kind", "algorithm"), [("p384", ECKey, "ES384"), ("rsa", RSAKey, "RS256")]
)
def test_tokens_are_signed_in_the_token(
    desk: Desk, label: str, kind: type[ECKey | RSAKey], algorithm: str
) -> None:
    """A library of others verifies them."""
    desk.make(NEWEL, f"certificate create Root t.crt --profile root-ca --key {{{label}}} -f")
    said = desk.make(
        NEWEL,
        f"ca token foo --offline --key {{{label}}} --kid k --provisioner p --root t.crt "
        "--ca-url https://ca.internal",
    ).stdout
    public = desk.run("openssl", "x509", "-in", "t.crt", "-noout", "-pubkey").stdout
    claims = jwt.decode(said.strip(), kind.import_key(public), [algorithm]).claims
    assert (claims["sub"], claims["iss"]) == ("foo", "p")


@needed
def test_a_certificate_whose_key_is_in_the_token_is_renewed(desk: Desk) -> None:
    """Such a key signs no TLS handshake here, so a token stands for the certificate."""
    with serve_newel(desk.home / "authority", free_port(), free_port()) as (authority, _):
        finger = desk.make(NEWEL, f"certificate fingerprint {authority.root}").stdout.strip()
        desk.make(NEWEL, f"ca bootstrap --ca-url {authority.url} --fingerprint {finger} -f")
        desk.make(NEWEL, "certificate create svc svc.csr --csr --key {p256} --san svc.internal -f")
        desk.make(
            NEWEL,
            "ca sign svc.csr svc.crt -f --provisioner admin "
            f"--provisioner-password-file {authority.password_file}",
        )
        before = (desk.home / "svc.crt").read_text()
        desk.make(NEWEL, "ca renew svc.crt {p256} -f")
        renewed = (desk.home / "svc.crt").read_text()
        assert renewed != before
        desk.make(others("step"), "ca renew svc.crt {p256} -f")
        assert (desk.home / "svc.crt").read_text() not in {before, renewed}
        rekey = ("ca", "rekey", "svc.crt", desk.key("p256"), "-f")
        unnamed = desk.run(NEWEL, *rekey)
        assert (unnamed.returncode, unnamed.stderr) == (
            1,
            "flag '--kms' requires the '--private-key' flag\n",
        )
        refused = desk.run(NEWEL, *rekey, "--private-key", desk.key("p384"))
        assert (refused.returncode, refused.stderr.partition(";object=p256 ")[2]) == (
            1,
            "signs tokens and certificates, but no TLS handshake\n",
        )


@pytest.mark.needs("pkcs11-tool")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("", ""), ""),
        (("=p256", "=missing"), "no PUBLIC_KEY matches"),
        (("pin-value=", "pin-value=9"), "the token answers PinIncorrect"),
        (("token=newel", "token=other"), "the token answers NoSuchToken"),
        ((";object=p256", ""), "the URI names no key: it has neither object nor id"),
        (("object=p256", "label=p256"), "'label' is no attribute of pkcs11: URIs; they are"),
        (
            ("pkcs11:module", "awskms:module"),
            "only keys of PKCS #11 tokens are supported: pkcs11:…",
        ),
    ],
)
def test_what_the_token_refuses_is_said_without_the_pin(
    desk: Desk, change: tuple[str, str], said: str
) -> None:
    uri = desk.key("p256").replace(*change) if change[0] else desk.key("p256")
    done = desk.run(NEWEL, "certificate", "create", "a", "a.csr", "--csr", "--key", uri, "-f")
    assert done.returncode == bool(said)
    if said:
        assert said in done.stderr
        assert done.stderr.startswith("step-kms-plugin key failed for ")
        assert len(done.stderr.splitlines()) == 1
        assert desk.softhsm.pin not in done.stderr


@pytest.mark.needs("pkcs11-tool")
def test_a_uri_is_read_as_rfc_7512_and_the_step_programs_write_it(desk: Desk) -> None:
    (desk.home / "pin.txt").write_text(desk.softhsm.pin + "\n")
    token = f"pkcs11:token={desk.softhsm.token};module-path={desk.softhsm.module}"
    path = str(desk.softhsm.module).replace("/", "%2F")
    found = {
        desk.run(str(BIN / "newel-kms-plugin"), "key", *words).stdout
        for words in (
            (desk.key("p384"),),
            ("pkcs11:object=p384", "--kms", desk.service),
            (f"{token};id=02?pin-source=file:pin.txt",),
            (f"{token};id=%02;object=p384?pin-value={desk.softhsm.pin}",),
            (f"pkcs11:token=newel;id=02?pin-source=pin.txt&module-path={path}",),
        )
    }
    assert len(found) == 1
    assert found.pop().startswith("-----BEGIN PUBLIC KEY-----")


def test_without_the_plugin_the_program_is_named_and_a_file_of_that_name_is_a_file(
    tmp_path: Path,
) -> None:
    def create(*words: str) -> Done:
        return subprocess.run(
            [NEWEL, "certificate", "create", "a", "a.csr", "--csr", "--force", *words],
            cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
            capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
        )  # fmt: skip # a command line

    for words in (("--key", "yubikey:slot-id=9c"), ("--key", "any", "--kms", "awskms:region=us")):
        done = create(*words)
        assert done.returncode == 1
        assert done.stderr.startswith(
            "the program step-kms-plugin, which uses such keys, is neither in "
        )
    assert create("yubikey:slot-id=9c", *PLAIN.split()).returncode == 0
    assert create("--key", "yubikey:slot-id=9c").returncode == 0
