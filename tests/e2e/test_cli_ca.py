"""Our command line against the real step-ca and against our own authority: bootstrap and issuance."""

import contextlib
import functools
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fixtures.machine import Machine, authority, machine, root_fingerprint, stranger
from fixtures.processes import free_port
from fixtures.running import NEWEL, run

__all__ = ["authority", "machine", "stranger"]


def test_bootstrap_stores_root_and_defaults(stranger: Machine) -> None:
    """What was in defaults.json stays."""
    defaults = stranger.home / "step/config/defaults.json"
    defaults.parent.mkdir(parents=True)
    defaults.write_text('{"provisioner": "admin"}')
    words = ["--ca-url", stranger.authority.url, "--fingerprint"]
    sha = root_fingerprint(stranger.authority)
    said = stranger.newel("ca", "bootstrap", *words, sha, "-f").stderr
    root = stranger.home / "step/certs/root_ca.crt"
    assert f"The root certificate has been saved in {root}." in said
    assert f"The authority configuration has been saved in {defaults}." in said
    assert json.loads(defaults.read_text()) == {
        "provisioner": "admin",
        "ca-url": stranger.authority.url,
        "fingerprint": sha,
        "root": str(root),
    }
    assert root.stat().st_mode & 0o777 == 0o600
    assert stranger.newel("ca", "health").stdout == "ok\n"


def test_bootstrap_into_contexts(stranger: Machine) -> None:
    words = [
        "--ca-url",
        stranger.authority.url,
        "--fingerprint",
        root_fingerprint(stranger.authority),
    ]
    stranger.newel("ca", "bootstrap", *words, "--context", "ours", "--profile", "me")
    stranger.newel("ca", "bootstrap", *words, "--context", "other")
    assert stranger.newel("context", "list").stdout == "▶ other\nours\n"
    assert stranger.newel("ca", "health", "--context", "ours").stdout == "ok\n"
    assert (stranger.home / "step/authorities/ours/certs/root_ca.crt").is_file()
    assert (stranger.home / "step/profiles/me/config/defaults.json").is_file()


@pytest.mark.attack("P14")
def test_bootstrap_with_a_wrong_fingerprint_leaves_nothing(stranger: Machine) -> None:
    words = ["ca", "bootstrap", "--ca-url", stranger.authority.url, "--fingerprint", "00" * 32]
    assert "was not found" in stranger.fail(*words)
    assert not (stranger.home / "step").exists()


class Rogue(BaseHTTPRequestHandler):
    """Serves a root that is not its own: roots are public."""

    root = ""

    def do_GET(self) -> None:
        body = json.dumps({"ca": self.root}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
        pass


@contextlib.contextmanager
def rogue(root: str, work: Path) -> Generator[str]:
    """Serve another authority's root under a certificate that the server made itself."""
    run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", work / "rogue.key", "-out", work / "rogue.crt", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
    )  # fmt: skip # a command line
    handler = type("Handler", (Rogue,), {"root": root})
    server = HTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(work / "rogue.crt", work / "rogue.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.attack("P14")
@pytest.mark.parametrize("command", ["bootstrap", "root"])
def test_a_rogue_server_with_the_right_root_is_found_out(
    stranger: Machine, tmp_path_factory: pytest.TempPathFactory, command: str
) -> None:
    """The second request proves that the server holds no certificate below the root."""
    work = tmp_path_factory.mktemp("rogue")
    with rogue(stranger.authority.root.read_text(), work) as url:
        words = ["--ca-url", url, "--fingerprint", root_fingerprint(stranger.authority)]
        said = stranger.fail("ca", command, *words)
    assert "failed to verify certificate" in said
    assert not (stranger.home / "step").exists()


def test_what_anybody_may_ask(machine: Machine) -> None:
    root = machine.authority.root.read_text().strip()
    assert machine.newel("ca", "roots").stdout.strip() == root
    for name in ("federation", "federate"):
        assert machine.newel("ca", name).stdout.strip() == root
    said = machine.newel("ca", "root", "r.crt").stderr
    assert said == "The root certificate has been saved in r.crt.\n"
    assert (machine.home / "r.crt").read_text().strip() == root
    listed = json.loads(machine.newel("ca", "provisioner", "list").stdout)
    assert [each["name"] for each in listed] == ["admin", "acme"]
    key = machine.newel("ca", "provisioner", "jwe-key", listed[0]["key"]["kid"]).stdout.strip()
    assert key.count(".") == 4


def test_a_certificate_in_one_command(machine: Machine) -> None:
    """A name and a password give a key and a certificate chain."""
    words = ["ca", "certificate", "foo.internal", "foo.crt", "foo.key", *machine.provisioner]
    said = machine.newel(
        *words, "--not-after", "10m", "--san", "foo.internal", "--san", "10.0.0.1"
    ).stderr
    lines = said.splitlines()
    assert lines[0].startswith("✔ Provisioner: admin (JWK) [kid: ")
    assert lines[1:] == [
        f"✔ CA: {machine.authority.url}",
        "✔ Certificate: foo.crt",
        "✔ Private Key: foo.key",
    ]
    chain = machine.chain("foo")
    assert len(chain) == 2
    lifetime = chain[0].not_valid_after_utc - chain[0].not_valid_before_utc
    assert lifetime.total_seconds() == pytest.approx(660, abs=2)
    names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["foo.internal"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    pem = (machine.home / "foo.key").read_bytes()
    assert pem.startswith(b"-----BEGIN EC PRIVATE KEY-----")
    assert load_pem_private_key(pem, None).public_key() == chain[0].public_key()
    assert (machine.home / "foo.key").stat().st_mode & 0o777 == 0o600
    run(["openssl", "verify", "-CAfile", machine.authority.root, "-untrusted", "foo.crt", "foo.crt"],
        cwd=machine.home)  # fmt: skip # a command line


@pytest.mark.parametrize(
    "flags",
    [["--kty", "RSA"], ["--kty", "OKP"], ["--kty", "EC", "--crv", "P-384"]],
    ids=lambda f: f[1],
)
def test_kinds_of_keys(machine: Machine, flags: list[str]) -> None:
    leaf = machine.certificate("foo.internal", *flags)
    key = load_pem_private_key((machine.home / "foo.internal.key").read_bytes(), None)
    assert key.public_key() == leaf.public_key()


def test_a_token_alone_is_enough_once(machine: Machine, tmp_path: Path) -> None:
    """The token names authority and root, and it works once."""
    token = machine.token("bar.internal")
    assert token.count(".") == 2
    (tmp_path / "host").mkdir()
    host = Machine(machine.authority, tmp_path / "host")
    words = ["ca", "certificate", "bar.internal", "bar.crt", "bar.key", "--token", token]
    host.newel(*words)
    said = host.fail(*words, "--force")
    assert "The request lacked necessary authorization to be completed." in said
    assert "Re-run with STEPDEBUG=1 for more info." in said


def test_a_token_without_the_network(machine: Machine) -> None:
    """The token is made from flags and a key file, without a request to the authority."""
    listed = json.loads(machine.newel("ca", "provisioner", "list").stdout)
    from newel.jose import jwe

    password = machine.authority.password_file.read_bytes().strip()
    (machine.home / "clear.json").write_bytes(
        jwe.decrypt_with_password(listed[0]["encryptedKey"], password)
    )
    token = machine.newel(
        "ca", "token", "x.internal", "--offline", "--kid", listed[0]["key"]["kid"], "--issuer", "admin",
        "--key", "clear.json", "--ca-url", machine.authority.url,
    ).stdout.strip()  # fmt: skip # a command line
    machine.newel("ca", "certificate", "x.internal", "x.crt", "x.key", "--token", token)


def test_a_token_for_one_request_only(machine: Machine) -> None:
    run(
        ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "r.key", "-out", "r.csr",
         "-subj", "/CN=r.internal", "-addext", "subjectAltName=DNS:r.internal"],
        cwd=machine.home,
    )  # fmt: skip # a command line
    token = machine.token("r.internal", "--cnf-file", "r.csr")
    machine.newel("ca", "sign", "r.csr", "r.crt", "--token", token)
    assert machine.read("r").subject.rfc4514_string() == "CN=r.internal"
    token = machine.token("r.internal", "--cnf-file", "r.csr")
    machine.fail("ca", "certificate", "r.internal", "y.crt", "y.key", "--token", token)


def test_bad_input_changes_nothing(machine: Machine) -> None:
    """Each refusal is one clear line and leaves every file as it was."""
    machine.certificate("foo.internal")
    (machine.home / "wrong").write_text("not the password")
    (machine.home / "half.crt").write_bytes((machine.home / "foo.internal.crt").read_bytes()[:300])
    (machine.home / "half.key").write_bytes((machine.home / "foo.internal.key").read_bytes()[:60])
    (machine.home / "ca.txt").write_text("not a certificate")
    wrong = ["--provisioner", "admin", "--password-file", "wrong"]
    files = ["foo.internal.crt", "foo.internal.key"]
    cases = [
        (["ca", "certificate", "x", "x.crt", "x.key", *wrong], "failed to decrypt JWE: invalid password"),
        (["ca", "certificate", "x", *files, *machine.provisioner], "error allocating terminal"),
        (["ca", "certificate", "x", "x.crt", "x.key", "--provisioner", "admin"], "error allocating terminal"),
        (["ca", "certificate", "x", "no/x.crt", "x.key", *machine.provisioner], "no such file"),
        (["ca", "certificate", "x", "x.crt", "x.crt", *machine.provisioner], "cannot be equal"),
        (["ca", "certificate", "x", "x.crt", "x.key", "--token", "abc"], "error parsing token"),
        (["ca", "certificate", "x", "x.crt", "x.key", "--not-after", "soon"], "'--not-after'"),
        (["ca", "token", "x", "--provisioner", "missing"], "invalid value 'missing' for flag '--provisioner'"),
        (["ca", "token", "x", "--provisioner", "acme"], "do not support token auth flows"),
        (["ca", "health", "--root", "absent.crt"], "error reading absent.crt"),
        (["ca", "health", "--root", "ca.txt"], "no certificate"),
        (["ca", "health", "--ca-url", "http://localhost"], "must have https scheme"),
        (["ca", "health", "--ca-url", f"https://localhost:{free_port()}"], "connection refused"),
        (["ca", "renew", "absent.crt", "foo.internal.key", "-f"], "open absent.crt"),
        (["ca", "renew", "half.crt", "foo.internal.key", "-f"], "error parsing half.crt"),
        (["ca", "renew", "foo.internal.crt", "half.key", "-f"], "error loading X509 key pair"),
        (["ca", "renew", "foo.internal.crt", "foo.internal.key"], "error allocating terminal"),
        (["ca", "renew", *files, "--daemon", "--renew-period", "48h"], "must be within"),
        (["ca", "revoke", "abc"], "'abc' is not a valid serial number"),
        (["ca", "sign", "foo.internal.crt", "y.crt"], "error parsing foo.internal.crt"),
    ]  # fmt: skip # a command line
    for words, expected in cases:
        said = machine.fail(*words)
        assert expected in said, f"{words}: {said}"


@pytest.mark.parametrize(
    "words",
    [
        ["renew", "foo.internal.crt", "foo.internal.key"],
        ["rekey", "foo.internal.crt", "foo.internal.key"],
        ["renew", "foo.internal.crt", "foo.internal.key", "--out", "/dev/full"],
    ],
)
def test_a_full_disk_takes_nothing_away(machine: Machine, words: list[str]) -> None:
    """The process may write no octet into any file."""
    machine.certificate("foo.internal")
    before = machine.files()
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$0" "$@"', NEWEL, "ca", *words, "--force"],
        cwd=machine.home, env={**os.environ, "STEPPATH": str(machine.home / "step")},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip # a command line
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert machine.files() == before


@pytest.mark.parametrize("authority", ["up"], indirect=True)
@pytest.mark.parametrize("how", ["standalone", "webroot", "provisioner"])
def test_acme(machine: Machine, http01_port: int, how: str) -> None:
    """Our client proves a name to an authority that asks at a port of the test's choosing.

    The original asks at port 80 only.
    """
    words = ["ca", "certificate", "localhost", "a.crt", "a.key"]
    if how == "provisioner":
        words += ["--provisioner", "acme"]
    else:
        words += ["--acme", machine.authority.directory]
    if how != "webroot":
        said = machine.newel(*words, "--http-listen", f"127.0.0.1:{http01_port}").stderr
        assert "Using Standalone Mode HTTP challenge to validate localhost .. done!" in said
    else:
        root = machine.home / "www"
        root.mkdir()
        handler = functools.partial(SimpleHTTPRequestHandler, directory=str(root))
        with HTTPServer(("127.0.0.1", http01_port), handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            said = machine.newel(*words, "--webroot", str(root)).stderr
            server.shutdown()
        assert "Using Webroot Mode HTTP challenge to validate localhost .. done!" in said
        assert not [path for path in root.rglob("*") if path.is_file()]
    assert "Finalizing Order .. done!\n✔ Certificate: a.crt\n✔ Private Key: a.key\n" in said
    assert len(machine.chain("a")) == 2


def test_machine_readable_answers(machine: Machine) -> None:
    assert json.loads(machine.newel("ca", "health", "--output", "json").stdout) == {"status": "ok"}
    made = machine.newel(
        "ca", "certificate", "j", "j.crt", "j.key", *machine.provisioner, "--output", "json"
    )
    assert json.loads(made.stdout) == {"certificate": "j.crt", "privateKey": "j.key"}
    token = machine.newel("ca", "token", "j", *machine.provisioner, "--output", "json").stdout
    assert json.loads(token)["token"].count(".") == 2


def test_start_up_imports_nothing_heavy(machine: Machine) -> None:
    """`ca health` and `ca renew` are whole processes of a tenth of a second: this is what keeps them so."""
    machine.certificate("foo.internal")
    for words in (["ca", "health"], ["ca", "renew", "foo.internal.crt", "foo.internal.key", "-f"]):
        program = (
            "import sys; from newel.cli.main import dispatch; code = dispatch(sys.argv[1:]);"
            "print(sorted({'httpx', 'cryptography', 'msgspec', 'click'} & set(sys.modules))); sys.exit(code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            cwd=machine.home, env={**os.environ, "STEPPATH": str(machine.home / "step")},
            capture_output=True, text=True, check=True,
        )  # fmt: skip # a command line
        assert done.stdout.endswith("[]\n")


EXAMPLES = Path(__file__).parents[2] / "libs/client/examples"


def test_the_examples_of_the_library(machine: Machine) -> None:
    """The small client starts from a token, the full one from a fingerprint and a password."""
    small = [sys.executable, EXAMPLES / "small.py", machine.token("localhost")]
    assert run(small, cwd=machine.home).stdout == "Hello, world!\n"
    full = run(
        [
            sys.executable,
            EXAMPLES / "full.py",
            machine.authority.url,
            root_fingerprint(machine.authority),
            "admin",
            machine.authority.password_file,
        ],
        cwd=machine.home,
    )
    lines = full.stdout.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "hello client.internal",
        "hello client.internal",
        "hello async.internal",
    ]
    assert len(set(lines)) == 3
