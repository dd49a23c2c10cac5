"""`ca init`: what it writes, that the original starts from it, and that it takes over what exists."""

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

from fixtures.processes import free_port
from fixtures.running import others, wait_until
from newel.cli.operations.ca_init import material
from newel.crypto import keys
from newel.jose import jwe

NEWEL = str(Path(sys.executable).with_name("step"))

TEN_YEARS = dt.timedelta(days=3650)
USAGE_OF_AUTHORITIES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "pw").write_text("p4ss\n")
    (tmp_path / "pw2").write_text("other\n")
    return tmp_path


def newel(home: Path, *words: str, program: str = NEWEL) -> subprocess.CompletedProcess[str]:
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


def init(
    home: Path, *more: str, port: int = 8443, good: bool = True
) -> subprocess.CompletedProcess[str]:
    done = newel(
        home, "ca", "init", "--name", "Smallstep", "--dns", "localhost,127.0.0.1",
        "--address", f"127.0.0.1:{port}", "--provisioner", "admin", "--password-file", "pw", *more,
    )  # fmt: skip # a command line
    assert (done.returncode == 0) is good, done.stderr
    assert "Traceback" not in done.stderr
    return done


def files(home: Path) -> set[str]:
    return {str(p.relative_to(home / "step")) for p in (home / "step").rglob("*") if p.is_file()}


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_six_files_and_what_is_said(home: Path) -> None:
    """The output names the files, and each holds what its name says."""
    said = init(home, "--provisioner-password-file", "pw2").stderr.splitlines()
    assert files(home) == {
        "certs/intermediate_ca.crt", "certs/root_ca.crt", "config/ca.json", "config/defaults.json",
        "secrets/intermediate_ca_key", "secrets/root_ca_key",
    }  # fmt: skip # words in rows
    base = home / "step"
    root, intermediate = load(base / "certs/root_ca.crt"), load(base / "certs/intermediate_ca.crt")
    defaults = json.loads((base / "config/defaults.json").read_text())
    shown = newel(home, "certificate", "fingerprint", str(base / "certs/root_ca.crt"))
    assert (shown.returncode, shown.stdout.strip()) == (0, defaults["fingerprint"])
    assert said == [
        "",
        "Generating root certificate... done!",
        "Generating intermediate certificate... done!",
        "",
        f"✔ Root certificate: {base}/certs/root_ca.crt",
        f"✔ Root private key: {base}/secrets/root_ca_key",
        f"✔ Root fingerprint: {defaults['fingerprint']}",
        f"✔ Intermediate certificate: {base}/certs/intermediate_ca.crt",
        f"✔ Intermediate private key: {base}/secrets/intermediate_ca_key",
        f"✔ Database folder: {base}/db",
        f"✔ Default configuration: {base}/config/defaults.json",
        f"✔ Certificate Authority configuration: {base}/config/ca.json",
        "",
        "Your PKI is ready to go. To generate certificates for individual services see 'step help ca'.",
    ]
    for name, certificate in (("root_ca_key", root), ("intermediate_ca_key", intermediate)):
        pem = (base / "secrets" / name).read_bytes()
        assert b"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC," in pem
        assert load_pem_private_key(pem, b"p4ss").public_key() == certificate.public_key()
    ca = json.loads((base / "config/ca.json").read_text())
    (provisioner,) = ca["authority"]["provisioners"]
    assert json.loads(jwe.decrypt_with_password(provisioner["encryptedKey"], b"other"))["d"]
    assert (
        provisioner["key"]["kid"]
        == json.loads(jwe.decrypt_with_password(provisioner["encryptedKey"], b"other"))["kid"]
    )


def test_root_and_intermediate_have_the_fields_of_authorities_and_no_others(home: Path) -> None:
    """Names, P-256 with SHA-256, ten years, path lengths, key usage and key identifiers."""
    init(home)
    base = home / "step/certs"
    root, intermediate = load(base / "root_ca.crt"), load(base / "intermediate_ca.crt")
    assert root.subject.rfc4514_string() == "CN=Smallstep Root CA,O=Smallstep"
    assert intermediate.subject.rfc4514_string() == "CN=Smallstep Intermediate CA,O=Smallstep"
    assert root.issuer == root.subject == intermediate.issuer
    intermediate.verify_directly_issued_by(root)
    for certificate, room in ((root, 1), (intermediate, 0)):
        limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (limits.critical, limits.value.ca, limits.value.path_length) == (True, True, room)
        assert 120 < certificate.serial_number.bit_length() <= 159
        assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == TEN_YEARS
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256R1)
        assert certificate.signature_algorithm_oid == SignatureAlgorithmOID.ECDSA_WITH_SHA256
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        assert usage.value == USAGE_OF_AUTHORITIES
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        assert own == x509.SubjectKeyIdentifier.from_public_key(key)
    expected = {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }
    assert {each.oid for each in root.extensions} == expected
    assert {each.oid for each in intermediate.extensions} == expected | {
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER
    }
    issuer = intermediate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert issuer.key_identifier == own.digest


def test_serial_numbers_are_random_and_never_sequential(home: Path) -> None:
    """The numbers of two authorities made one after the other have nothing in common."""
    init(home)
    first = {load(path).serial_number for path in (home / "step/certs").glob("*_ca.crt")}
    shutil.rmtree(home / "step")
    init(home)
    numbers = [
        *first,
        *(load(path).serial_number for path in (home / "step/certs").glob("*_ca.crt")),
    ]
    assert len({number >> 96 for number in numbers}) == 4


@pytest.mark.needs("step")
@pytest.mark.parametrize("flags", [[], ["--ssh", "--acme"], ["--no-db"], ["--ssh", "--no-db"]])
def test_the_configuration_is_the_originals(home: Path, flags: list[str]) -> None:
    """Member for member, in the same order, apart from what is random."""
    init(home, *flags)
    ours = (home / "step/config/ca.json").read_text()
    ours_defaults = (home / "step/config/defaults.json").read_text()
    ours_files = files(home)
    (home / "step").rename(home / "ours")
    done = newel(
        home, "ca", "init", "--name", "Smallstep", "--dns", "localhost,127.0.0.1",
        "--address", "127.0.0.1:8443", "--provisioner", "admin", "--password-file", "pw", *flags,
        program=others("step"),
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr
    theirs = (home / "step/config/ca.json").read_text()
    assert blank_secrets(json.loads(ours)) == blank_secrets(json.loads(theirs))
    assert [line.split('": "')[0] for line in ours.splitlines()] == [
        line.split('": "')[0] for line in theirs.splitlines()
    ]
    theirs_defaults = (home / "step/config/defaults.json").read_text()
    assert list(json.loads(ours_defaults)) == list(json.loads(theirs_defaults))
    assert ours_files == files(home)


def blank_secrets(config: dict[str, object]) -> str:
    """Without keys, which differ every time."""
    text = json.dumps(config)
    authority = config["authority"]
    assert isinstance(authority, dict)
    for provisioner in authority["provisioners"]:
        for secret in (provisioner.get("encryptedKey"), *provisioner.get("key", {}).values()):
            if secret and len(secret) > 20:
                text = text.replace(secret, "")
    return text


@pytest.mark.needs("step", "step-ca")
@pytest.mark.parametrize("flags", [["--ssh", "--acme"], ["--remote-management"]])
def test_the_original_starts_from_it(home: Path, flags: list[str]) -> None:
    """With the root's key moved out, step-ca serves and our command line gets a certificate."""
    port = free_port()
    init(home, *flags, port=port)
    (home / "step/secrets/root_ca_key").rename(home / "offline")
    log = home / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [others("step-ca"), "step/config/ca.json", "--password-file", "pw"],
            cwd=home, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL,
            env={**os.environ, "STEPPATH": str(home / "step")},
        )  # fmt: skip # a command line
    try:
        wait_until(lambda: newel(home, "ca", "health").stdout == "ok\n", process=process, log=log)
        words = ["a.crt", "a.key", "--provisioner", "admin", "--password-file", "pw"]
        done = newel(home, "ca", "certificate", "a.internal", *words)
        assert done.returncode == 0, done.stderr
        if "--ssh" in flags:
            done = newel(
                home, "ssh", "config", "--set", "User=u", "--dry-run", program=others("step")
            )
            assert done.returncode == 0, done.stderr
            said = done.stdout + done.stderr
            assert 'Match exec "step ssh check-host %h"\n\tUser u\n' in said
            assert f'Include "{home}/step/ssh/config"' in said
            assert "@cert-authority * ecdsa-sha2-nistp256 AAAA" in said
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_federated_with_another_authority(home: Path) -> None:
    """Its root is copied, so that the file that was given can go."""
    init(home)
    other = (home / "step").rename(home / "other") / "certs/root_ca.crt"
    init(home, "--federated-root", "other/certs/root_ca.crt")
    config = json.loads((home / "step/config/ca.json").read_text())
    assert config["federatedRoots"] == [str(home / "step/certs/federated_root_1.crt")]
    assert Path(config["federatedRoots"][0]).read_bytes() == other.read_bytes()


def test_a_leaf_is_no_root_to_federate_with(home: Path) -> None:
    said = newel(
        home, "certificate", "create", "a.example", "a.crt", "a.key", "--profile", "self-signed",
        "--subtle", "--no-password", "--insecure",
    )  # fmt: skip # a command line
    assert said.returncode == 0, said.stderr
    done = init(home, "--federated-root", "a.crt", good=False)
    assert "a.crt is no certificate of an authority" in done.stderr
    assert not (home / "step/config/ca.json").exists()
    done = init(home, "--federated-root", "a.crt", "--pki", good=False)
    assert "'--federated-root' is incompatible with '--pki'" in done.stderr


def test_below_a_root_that_exists(home: Path) -> None:
    """The root and its key are copied, and the intermediate is signed by it."""
    init(home)
    old = load(home / "step/certs/root_ca.crt")
    (home / "step").rename(home / "old")
    said = init(
        home, "--root", "old/certs/root_ca.crt", "--key", "old/secrets/root_ca_key",
        "--key-password-file", "pw", "--context", "sub",
    ).stderr  # fmt: skip # a command line
    assert "Copying root certificate... done!" in said
    base = home / "step/authorities/sub"
    assert load(base / "certs/root_ca.crt") == old
    load(base / "certs/intermediate_ca.crt").verify_directly_issued_by(old)
    assert (home / "step/profiles/sub/config/defaults.json").read_text() == "{}"


def test_below_a_root_that_is_kept_offline(home: Path) -> None:
    """A request out, a certificate in: the root's key never comes here."""
    init(home)
    (home / "step").rename(home / "offline")
    init(home, "--intermediate-csr", "sub.csr")
    assert files(home) == {"secrets/intermediate_ca_key"}
    (home / "ext").write_text(
        "basicConstraints=critical,CA:true,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
    )
    done = subprocess.run(
        ["openssl", "x509", "-req", "-in", "sub.csr", "-CA", "offline/certs/root_ca.crt",
         "-CAkey", "offline/secrets/root_ca_key", "-passin", "file:pw", "-days", "365", "-out", "sub.crt",
         "-extfile", "ext"],
        cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr
    # the key is already where it belongs: writing it again in its place would be asked about
    (home / "step/secrets/intermediate_ca_key").rename(home / "sub.key")
    init(
        home, "--root", "offline/certs/root_ca.crt", "--intermediate", "sub.crt",
        "--intermediate-key", "sub.key",
    )  # fmt: skip # a command line
    assert "secrets/root_ca_key" not in files(home)
    assert load(home / "step/certs/intermediate_ca.crt") == load(home / "sub.crt")


def test_below_another_intermediate(home: Path) -> None:
    """Of a chain of two, all that clients need on the way to the root is taken along."""
    made: dict[str, tuple[x509.Certificate, keys.PrivateKey]] = {}
    issuer = None
    for name, room in (("root", 2), ("upper", 1), ("lower", 0)):
        key = keys.generate()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = issuer or material.Issuer(subject, key, None)
        certificate = material.authority(subject, key.public_key(), room, signer)
        made[name], issuer = (certificate, key), material.Issuer(subject, key, certificate)
    pem = {name: each[0].public_bytes(Encoding.PEM) for name, each in made.items()}
    for name, text in {
        "root.crt": pem["root"],
        "chain.crt": pem["lower"] + pem["upper"],
        "lower.crt": pem["lower"],
        "lower.key": keys.plain_private_key(made["lower"][1]),
    }.items():
        (home / name).write_bytes(text)
    flags = ("--root", "root.crt", "--intermediate-key", "lower.key", "--intermediate")
    alone = init(home, *flags, "lower.crt", good=False)
    assert "lower.crt does not lead to the root: CN=lower was not issued by any" in alone.stderr
    assert files(home) == set()
    init(home, *flags, "chain.crt")
    assert (home / "step/certs/intermediate_ca.crt").read_bytes() == pem["lower"] + pem["upper"]


def test_only_the_pki(home: Path) -> None:
    done = newel(home, "ca", "init", "--pki", "--name", "X", "--password-file", "pw")
    assert done.returncode == 0, done.stderr
    assert not any(name.startswith("config/") for name in files(home))


def test_values_for_helm(home: Path) -> None:
    done = init(home, "--helm", "--ssh")
    values = yaml.safe_load(done.stdout)["inject"]
    assert values["config"]["files"]["ca.json"]["root"] == "/home/step/certs/root_ca.crt"
    assert values["config"]["files"]["defaults.json"]["ca-url"] == "https://localhost"
    pem = values["secrets"]["x509"]["intermediate_ca_key"].encode()
    assert load_pem_private_key(pem, b"p4ss")
    assert "BEGIN CERTIFICATE" in values["certificates"]["root_ca"]
    assert not (home / "step").exists()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--root", "x"], "flag '--root' requires the '--key' flag"),
        (["--pki", "--no-db"], "flag '--pki' is incompatible with '--no-db'"),
        (["--acme", "--no-db"], "flag '--acme' is incompatible with '--no-db'"),
        (["--admin-subject", "q"], "only supported when '--remote-management' is enabled"),
        (["--deployment-type", "odd"], "invalid value 'odd' for flag '--deployment-type'"),
        (["--address", "4"], "4' is not a TCP address"),
        (["--dns", "a b"], "neither a DNS name nor an IP address"),
        (["--password-file", "absent"], "open absent: no such file or directory"),
    ],
)
def test_refusals_leave_nothing(home: Path, flags: list[str], expected: str) -> None:
    assert expected in init(home, *flags, good=False).stderr
    assert not (home / "step").exists()


def test_no_terminal_and_no_name(home: Path) -> None:
    done = newel(home, "ca", "init", "--password-file", "pw")
    assert done.returncode == 1
    assert "error allocating terminal" in done.stderr
    assert not (home / "step").exists()


def test_what_exists_is_not_overwritten(home: Path) -> None:
    init(home)
    before = {name: (home / "step" / name).read_bytes() for name in files(home)}
    assert "error allocating terminal" in init(home, good=False).stderr
    assert {name: (home / "step" / name).read_bytes() for name in files(home)} == before
