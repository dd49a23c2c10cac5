"""certificate create and sign by --template: octet for octet what the original makes of the same template."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509

from newel.cli.errors import CliError
from newel.cli.main import dispatch

HERE = Path(__file__).parent
MADE = HERE.joinpath("certificate_templates.txt").read_text().splitlines()
REFUSED = HERE.joinpath("certificate_templates_refused.txt").read_text().splitlines()
OURS = str(Path(sys.executable).parent)
OTHERS = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if p != OURS)
STEP = shutil.which("step", path=OTHERS) or "step"
PLAIN = ["--no-password", "--insecure"]
TIMES = ["--not-before", "2026-01-01T00:00:00Z", "--not-after", "2027-01-01T00:00:00Z"]
SANS = ["--san", "a.example", "--san", "10.0.0.1", "--san", "me@x.example", "--san", "https://u/v"]
DATA = ["--set", "a=b", "--set", "n=5", "--set-file", "data.json"]
ISSUER = ["--ca", "root.crt", "--ca-key", "root.key"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Ed25519 authority, whose signatures depend on nothing but what is signed, and keys to certify."""
    cwd = tmp_path_factory.mktemp("templates")
    here = Path.cwd()
    os.chdir(cwd)
    try:
        curve = ["--kty", "OKP", "--crv", "Ed25519"]
        dispatch(
            [
                "certificate",
                "create",
                "Root",
                "root.crt",
                "root.key",
                "--profile",
                "root-ca",
                *curve,
                *PLAIN,
            ]
        )
        for name, kind in (("ec", ["--kty", "EC"]), ("rsa", ["--kty", "RSA"]), ("ed", curve)):
            dispatch(["crypto", "keypair", f"{name}.pub", f"{name}.key", *kind, *PLAIN])
        (cwd / "data.json").write_text('{"a": 1, "list": ["x", {"y": null}], "big": 1000000}')
        sans = ["--san", "q.example", "--san", "10.1.1.1"]
        dispatch(["certificate", "create", "asker", "asked.csr", "--csr", "--key", "ec.key", *sans])
    finally:
        os.chdir(here)
    return cwd


@pytest.fixture
def cwd(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(home)
    monkeypatch.setenv("STEPPATH", str(home / "steppath"))
    return home


def original(arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [STEP, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def create(target: str, template: str, *more: str) -> list[str]:
    Path("given.tpl").write_text(template)
    return ["certificate", "create", "leaf.example", target, "--template", "given.tpl", "-f", *more]


@pytest.mark.needs("step")
@pytest.mark.parametrize("template", MADE, ids=lambda text: text[:50])
def test_the_certificate_is_the_original_s(cwd: Path, template: str) -> None:
    """CERT: both programs sign with the same key: one differing octet would show."""
    more = ["--key", "ec.key", *DATA, *SANS, *ISSUER, *TIMES]
    dispatch(create("ours.crt", template, *more))
    done = original(create("theirs.crt", template, *more))
    assert done.returncode == 0, done.stderr
    assert Path("ours.crt").read_bytes() == Path("theirs.crt").read_bytes()


@pytest.mark.needs("step")
@pytest.mark.parametrize("template", REFUSED, ids=lambda text: text[:50])
def test_the_refusal_is_the_original_s(cwd: Path, template: str) -> None:
    more = ["--key", "ec.key", *DATA, *SANS, *ISSUER, *TIMES]
    with pytest.raises(CliError) as caught:
        dispatch(create("never.crt", template, *more))
    done = original(create("never.crt", template, *more))
    assert (done.returncode, done.stderr.strip()) == (1, str(caught.value))
    assert not Path("never.crt").exists()


KEYS = (
    '{"serialNumber": 9, "subject": "k", "keyUsage": [{{ if typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey }}'
    '"keyEncipherment", {{ end }}"digitalSignature"], "subject": {"commonName": "k", "organization": '
    '{{ .Insecure.CR.PublicKeyAlgorithm | printf "%v" | toJson }}}}'
)


@pytest.mark.needs("step")
@pytest.mark.parametrize("key", ["ec", "rsa", "ed"])
def test_a_template_sees_what_key_is_certified(cwd: Path, key: str) -> None:
    more = ["--key", f"{key}.key", *ISSUER, *TIMES]
    dispatch(create("ours.crt", KEYS, *more))
    assert original(create("theirs.crt", KEYS, *more)).returncode == 0
    assert Path("ours.crt").read_bytes() == Path("theirs.crt").read_bytes()


@pytest.mark.needs("step")
def test_a_certificate_of_its_own_key_and_one_for_a_public_key(cwd: Path) -> None:
    template = (
        '{"serialNumber": 7, "subject": {{ toJson .Subject }}, "keyUsage": ["certSign"], '
        '"basicConstraints": {"isCA": true}}'
    )
    for more in (
        ["--key", "ed.key", *TIMES],
        ["--key", "ec.pub", "--skip-csr-signature", *ISSUER, *TIMES],
    ):
        dispatch(create("ours.crt", template, *more))
        assert original(create("theirs.crt", template, *more)).returncode == 0
        assert Path("ours.crt").read_bytes() == Path("theirs.crt").read_bytes()


REQUESTS = [
    '{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}}',
    (
        '{"subject": "x", "keyUsage": ["digitalSignature", "keyAgreement"], "extKeyUsage": "clientAuth", '
        '"basicConstraints": {"isCA": true, "maxPathLen": 2}, "extensions": [{"id": "1.2.3", "value": "BQA="}]}'
    ),
    '{"dnsNames": ["a.example"], "sans": [{"type": "userPrincipalName", "value": {{ toJson .Insecure.User.a }}}]}',
    "{}",
]


@pytest.mark.needs("step")
@pytest.mark.parametrize("template", REQUESTS)
def test_the_request_is_the_original_s(cwd: Path, template: str) -> None:
    more = ["--csr", "--key", "ed.key", *DATA, *SANS]
    dispatch(create("ours.csr", template, *more))
    done = original(create("theirs.csr", template, *more))
    assert done.returncode == 0, done.stderr
    assert Path("ours.csr").read_bytes() == Path("theirs.csr").read_bytes()
    checked = subprocess.run(
        ["openssl", "req", "-in", "ours.csr", "-noout", "-verify"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip # a command line
    assert "self-signature verify OK" in checked.stderr


SIGNED = [
    '{"serialNumber": 3, "subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}}',
    (
        '{"serialNumber": 3, "subject": {"commonName": {{ toJson .Insecure.CR.Subject.CommonName }}, '
        '"organization": {{ toJson .Insecure.User.a }}}, "dnsNames": {{ toJson .Insecure.CR.DNSNames }}, '
        '"basicConstraints": {"isCA": {{ ge .MaxPathLen 0 }}, "maxPathLen": {{ .MaxPathLen }}}}'
    ),
    '{{ $cr := .Insecure.CR }}{{ $_ := unset (fromJson (toJson $cr)) "version" }}{{ toJson $cr }}',
]


@pytest.mark.needs("step")
@pytest.mark.parametrize("template", SIGNED[:2])
def test_a_request_is_signed_as_the_original_signs_it(
    cwd: Path, capsys: pytest.CaptureFixture[str], template: str
) -> None:
    Path("sign.tpl").write_text(template)
    line = [
        "certificate",
        "sign",
        "asked.csr",
        "root.crt",
        "root.key",
        "--template",
        "sign.tpl",
        *DATA,
        *TIMES,
    ]
    dispatch(line)
    done = original(line)
    assert done.returncode == 0, done.stderr
    assert capsys.readouterr().out == done.stdout


def test_everything_a_request_says_can_be_taken_over(
    cwd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("sign.tpl").write_text(SIGNED[2])
    dispatch(["certificate", "sign", "asked.csr", "root.crt", "root.key", "--template", "sign.tpl"])
    made = x509.load_pem_x509_certificate(capsys.readouterr().out.encode())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["q.example"]
    assert made.subject.rfc4514_string() == "CN=asker"


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(
    ("key", "algorithm", "said"),
    [
        ("rsa", "SHA256-RSAPSS", "rsassaPss"),
        ("rsa", "SHA512-RSAPSS", "rsassaPss"),
        ("rsa", "SHA384-RSA", "sha384WithRSAEncryption"),
        ("ec", "ECDSA-SHA512", "ecdsa-with-SHA512"),
        ("ed", "Ed25519", "ED25519"),
    ],
)
def test_openssl_believes_the_algorithm_that_was_chosen(
    cwd: Path, key: str, algorithm: str, said: str
) -> None:
    template = (
        f'{{"subject": "own", "signatureAlgorithm": "{algorithm}", "keyUsage": "certSign", '
        '"basicConstraints": {"isCA": true}}'
    )
    dispatch(create("own.crt", template, "--key", f"{key}.key"))
    for line in (
        ["verify", "-CAfile", "own.crt", "own.crt"],
        ["x509", "-in", "own.crt", "-noout", "-text"],
    ):
        done = subprocess.run(
            ["openssl", *line], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
    assert f"Signature Algorithm: {said}" in done.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--ca", "root.crt"], "requires the '--ca-key' flag"),
        (["--ca-key", "root.key"], "requires the '--ca' flag"),
        (["--profile", "leaf"], "flag '--profile' is incompatible with '--template'"),
        (["--bundle"], "flag '--bundle' requires the '--ca' flag"),
    ],
)
def test_flags_that_do_not_go_together(cwd: Path, more: list[str], said: str) -> None:
    with pytest.raises(CliError, match=said):
        dispatch(create("never.crt", '{"subject": "x"}', "--key", "ec.key", *more))


def test_a_serial_number_is_positive(cwd: Path) -> None:
    """RFC 5280 §4.1.2.2; the original makes a certificate of number zero."""
    with pytest.raises(CliError, match="serial number must be positive"):
        dispatch(create("never.crt", '{"serialNumber": 0}', "--key", "ec.key"))
