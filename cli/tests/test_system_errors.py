"""What the system refuses is told in one line, without numbers of errors and without Python's words."""

import hashlib
import os
import re
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.running import NEWEL
from newel.cli.errors import UsageError
from newel.cli.operations.certificate_requests import general_name
from newel.cli.store import steppath
from newel.crypto import der
from newel.crypto.reader import certificates as reader

PYTHON = re.compile(r"Traceback|\[Errno|Error\b|codec|invalid literal|object has no|(?:^|[ :(])b'")


def refuse(home: Path, line: str, **environment: str) -> str:
    done = subprocess.run(
        [NEWEL, *line.split()], env={"STEPPATH": str(home / "step"), "HOME": str(home), **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=home,
        start_new_session=True,
    )  # fmt: skip # a command line
    assert done.returncode != 0, done.stdout
    return done.stderr


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "crypto keypair a.pub file/a.key --no-password --insecure",
            "open file/a.key: no such file or directory",
        ),
        ("crypto keypair a.pub folder --no-password --insecure", "open folder: is a directory"),
        ("crypto key inspect folder", "read folder: is a directory"),
        ("crypto key inspect file/x", "file/x: not a directory"),
        ("crypto key inspect folder/" + "x" * 300, "file name too long"),
        ("certificate inspect file/x", "file/x: not a directory"),
        ("certificate bundle file file file/out", "file"),
        (
            "ca health --ca-url https://[::1]:1 --root root.crt",
            "root.crt: no such file or directory",
        ),
        ("ca health --ca-url https://localhost:1 --root file", "there is no certificate in it"),
        (
            "ca bootstrap --ca-url https://localhost:1 --fingerprint " + "0" * 64,
            "connection refused",
        ),
        (
            "ca bootstrap --ca-url https://no-such.invalid --fingerprint " + "0" * 64,
            "https://no-such.invalid/root/",
        ),
        ("ca bootstrap --ca-url localhost:x --fingerprint " + "0" * 64, "it is not a URL"),
        ("ca health --config file/x", "open file/x: no such file or directory"),
        ("ca health --config folder", "open folder: is a directory"),
        ("certificate create x --san a..b x.c x.k --profile self-signed --subtle", "'a..b'"),
        (
            "certificate create x --san é..b x.c x.k --profile self-signed --subtle",
            "not a domain name: 'é..b'",
        ),
        (
            "certificate create x --san a.example:9000 x.crt x.key --csr",
            "'a.example:9000' is a host with a port",
        ),
        ("certificate inspect https://localhost:1", "connection refused"),
        ("certificate inspect https://localhost:99999", "error parsing URL"),
        ("crypto rand --format x", "x"),
        ("crypto jwk create a b --kty RSA --size x", 'invalid value "x" for flag -size'),
        (
            "crypto otp generate --issuer a --account b --period 1x",
            'invalid value "1x" for flag -period',
        ),
        ("fileserver folder --address nonsense", "nonsense"),
        (
            "oauth --client-id a --client-secret b --listen nonsense --provider https://localhost:1",
            "localhost:1",
        ),
    ],
)
def test_the_reason_is_one_line(line: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    stderr = refuse(tmp_path, line)
    assert said in stderr
    assert not PYTHON.search(stderr), stderr


@pytest.mark.parametrize(
    "address", [":1x", "nonsense", "127.0.0.1:99999", "[::1", "192.0.2.1:5002"]
)
def test_where_it_cannot_be_listened_says_what_else_there_is(address: str, tmp_path: Path) -> None:
    line = "ca certificate a.example a.crt a.key --acme https://localhost:1/directory --http-listen"
    stderr = refuse(tmp_path, f"{line} {address}")
    assert stderr.startswith(f"error listening on {address}: ")
    assert "--webroot FOLDER" in stderr
    assert not PYTHON.search(stderr), stderr


def test_a_state_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "step").write_text("a file")
    assert "step is not a directory" in refuse(tmp_path, "path")
    assert "is not a directory" in refuse(tmp_path, "ca init --name x")


def test_an_empty_home_is_that_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEPPATH", raising=False)
    monkeypatch.delenv("HOME")
    expected = steppath.base_name()
    monkeypatch.setenv("HOME", "")
    assert steppath.base_name() == expected
    assert os.path.dirname(expected) != "/" or os.getuid() != 0  # noqa: PTH120 - it is text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mailto:ada@example.com", x509.UniformResourceIdentifier),
        ("spiffe://a.example/b", x509.UniformResourceIdentifier),
        ("urn:uuid:0", x509.UniformResourceIdentifier),
        ("tel:+1-201-555-0123", x509.UniformResourceIdentifier),
        ("foo:bar", x509.UniformResourceIdentifier),
        ("ada@example.com", x509.RFC822Name),
        ("a.example", x509.DNSName),
        ("fd00::1", x509.IPAddress),
        ("[fd00::1]", x509.IPAddress),
        ("1.2.3.4", x509.IPAddress),
    ],
)
def test_the_kind_of_a_name_is_told_by_its_looks(text: str, kind: type[x509.GeneralName]) -> None:
    assert type(general_name(text)) is kind


def test_a_host_with_a_port_is_no_name() -> None:
    with pytest.raises(UsageError, match="is a host with a port"):
        general_name("localhost:8080")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("9912312359Z", "1999-12-31T23:59:00"),
        ("4912312359Z", "2049-12-31T23:59:00"),
        ("991231235958Z", "1999-12-31T23:59:58"),
        ("9912312359+0130", "1999-12-31T22:29:00"),
        ("991231235930-0100", "2000-01-01T00:59:30"),
    ],
)
def test_old_times_are_read(text: str, shown: str) -> None:
    (element,) = [der.Reader(der.tlv(der.UTC_TIME, text.encode())).read()]
    assert reader.parse_time(element).isoformat() == f"{shown}+00:00"


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("text", ["9912312359Z", "9912312359+0130"])
def test_a_certificate_with_an_old_time_is_shown_and_fingerprinted(
    text: str, tmp_path: Path
) -> None:
    line = (
        "openssl req -x509 -newkey ed25519 -nodes -keyout k -out c.der -outform DER -subj /CN=old"
    )
    subprocess.run(line.split(), cwd=tmp_path, check=True, capture_output=True)
    whole = der.Reader(der.only((tmp_path / "c.der").read_bytes()).content)
    tbs, rest = whole.read(der.SEQUENCE), [whole.read().raw, whole.read().raw]
    members = der.split(tbs.content)
    (at,) = [n for n, each in enumerate(members) if each[2] == der.UTC_TIME]
    begin, end = der.tlv(der.UTC_TIME, text.encode()), der.split(der.only(members[at]).content)[1]
    members[at] = der.sequence(begin, end)
    odd = der.sequence(der.sequence(*members), *rest)
    (tmp_path / "odd.der").write_bytes(odd)
    for verb, shown in [
        ("fingerprint", hashlib.sha256(odd).hexdigest()),
        ("inspect", "Not Before: "),
    ]:
        words = [NEWEL, "certificate", verb, "odd.der"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert shown in done.stdout


@pytest.mark.parametrize(
    "text", ["9912312359", "99123123Z", "991231235960+01", "9913312359Z", "²912312359Z"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    (element,) = [der.Reader(der.tlv(der.UTC_TIME, text.encode())).read()]
    with pytest.raises(der.DERError):
        reader.parse_time(element)
