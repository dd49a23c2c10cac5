"""Our command line against the real step-ca and against our own authority: bootstrap, issuance, renewal."""

import contextlib
import functools
import hashlib
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Generator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from fixtures.running import NEWEL, Authority, configure, free_port, run, serving, wait_until
from fixtures.step_ca import step_ca
from newel.step.fingerprint import fingerprint

BOTH = ["up", pytest.param("step-ca", marks=pytest.mark.needs("step", "step-ca"))]


@pytest.fixture(scope="module", params=BOTH)
def authority(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, http01_port: int
) -> Generator[Authority]:
    """Each walk runs against ours and against the original."""
    state = tmp_path_factory.mktemp("cli") / "state"
    if request.param == "step-ca":
        with step_ca(state) as running:
            yield running
        return
    ports = free_port(), free_port()
    with serving(state, *ports):
        pass
    configure(state, registration={"acme": {"http01Port": http01_port}})
    with serving(state, *ports) as (running, _):
        yield running


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with our command line, its own STEPPATH and no terminal."""

    authority: Authority
    home: Path

    def newel(self, *words: str, good: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the command line; fails with what it said unless it ended as it should."""
        done = subprocess.run(
            [NEWEL, *words],
            cwd=self.home,
            env={**os.environ, "STEPPATH": str(self.home / "step")},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            timeout=60,
        )
        assert (done.returncode == 0) is good, f"{words}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    @property
    def provisioner(self) -> list[str]:
        return ["--provisioner", "admin", "--password-file", str(self.authority.password_file)]

    def certificate(self, name: str, *flags: str) -> x509.Certificate:
        files = [f"{name}.crt", f"{name}.key"]
        self.newel("ca", "certificate", name, *files, "--force", *self.provisioner, *flags)
        return self.read(name)

    def token(self, subject: str, *flags: str) -> str:
        return self.newel("ca", "token", subject, *flags, *self.provisioner).stdout.strip()

    def chain(self, name: str) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates((self.home / f"{name}.crt").read_bytes())

    def read(self, name: str) -> x509.Certificate:
        return self.chain(name)[0]

    def files(self) -> dict[str, str]:
        """Every file there is with the digest of its content."""
        return {
            str(path.relative_to(self.home)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.home.rglob("*")
            if path.is_file()
        }

    def refused(self, *words: str) -> str:
        """What a command says that fails in one line and changes no file."""
        before = self.files()
        done = self.newel(*words, good=False)
        assert done.returncode == 1
        assert self.files() == before
        assert done.stdout == ""
        return done.stderr


def root_fingerprint(authority: Authority) -> str:
    root = x509.load_pem_x509_certificate(authority.root.read_bytes())
    return fingerprint(root.public_bytes(Encoding.DER))


@pytest.fixture
def stranger(authority: Authority, tmp_path: Path) -> Machine:
    return Machine(authority, tmp_path)


@pytest.fixture
def machine(stranger: Machine) -> Machine:
    """A machine that knows the authority."""
    words = ["--ca-url", stranger.authority.url, "--fingerprint"]
    stranger.newel("ca", "bootstrap", *words, root_fingerprint(stranger.authority))
    return stranger


def test_bootstrap_stores_root_and_defaults(stranger: Machine) -> None:
    """BOOT-25, BOOT-28: what was in defaults.json stays."""
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


@pytest.mark.attack("T01")
def test_bootstrap_with_a_wrong_fingerprint_leaves_nothing(stranger: Machine) -> None:
    words = ["ca", "bootstrap", "--ca-url", stranger.authority.url, "--fingerprint", "00" * 32]
    assert "was not found" in stranger.refused(*words)
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
    """A server with a certificate of its own making that repeats somebody's root."""
    run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", work / "rogue.key", "-out", work / "rogue.crt", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
    )  # fmt: skip
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


@pytest.mark.attack("T01")
@pytest.mark.parametrize("command", ["bootstrap", "root"])
def test_a_rogue_server_with_the_right_root_is_found_out(
    stranger: Machine, tmp_path_factory: pytest.TempPathFactory, command: str
) -> None:
    """BOOT-27, BOOT-31."""
    work = tmp_path_factory.mktemp("rogue")
    with rogue(stranger.authority.root.read_text(), work) as url:
        words = ["--ca-url", url, "--fingerprint", root_fingerprint(stranger.authority)]
        said = stranger.refused("ca", command, *words)
    assert "failed to verify certificate" in said
    assert not (stranger.home / "step").exists()


def test_what_anybody_may_ask(machine: Machine) -> None:
    root = machine.authority.root.read_text().strip()
    assert machine.newel("ca", "roots").stdout.strip() == root
    assert machine.newel("ca", "federation").stdout.strip() == root
    said = machine.newel("ca", "root", "r.crt").stderr
    assert said == "The root certificate has been saved in r.crt.\n"
    assert (machine.home / "r.crt").read_text().strip() == root
    listed = json.loads(machine.newel("ca", "provisioner", "list").stdout)
    assert [each["name"] for each in listed] == ["admin", "acme"]
    key = machine.newel("ca", "provisioner", "jwe-key", listed[0]["key"]["kid"]).stdout.strip()
    assert key.count(".") == 4


def test_a_certificate_in_one_command(machine: Machine) -> None:
    """API-24, API-26, API-27, API-31, API-33, API-34."""
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
        cwd=machine.home)  # fmt: skip


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
    """API-15, API-16, API-19, API-35: the token names authority and root; it works once."""
    token = machine.token("bar.internal")
    assert token.count(".") == 2
    (tmp_path / "host").mkdir()
    host = Machine(machine.authority, tmp_path / "host")
    words = ["ca", "certificate", "bar.internal", "bar.crt", "bar.key", "--token", token]
    host.newel(*words)
    said = host.refused(*words, "--force")
    assert "The request lacked necessary authorization to be completed." in said
    assert "Re-run with STEPDEBUG=1 for more info." in said


def test_a_token_without_the_network(machine: Machine) -> None:
    """API-21: from flags and a key file, with no authority asked."""
    listed = json.loads(machine.newel("ca", "provisioner", "list").stdout)
    from newel.step import jwe

    password = machine.authority.password_file.read_bytes().strip()
    (machine.home / "clear.json").write_bytes(jwe.decrypt(listed[0]["encryptedKey"], password))
    token = machine.newel(
        "ca", "token", "x.internal", "--offline", "--kid", listed[0]["key"]["kid"], "--issuer", "admin",
        "--key", "clear.json", "--ca-url", machine.authority.url,
    ).stdout.strip()  # fmt: skip
    machine.newel("ca", "certificate", "x.internal", "x.crt", "x.key", "--token", token)


def test_a_token_for_one_request_only(machine: Machine) -> None:
    run(
        ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "r.key", "-out", "r.csr",
         "-subj", "/CN=r.internal", "-addext", "subjectAltName=DNS:r.internal"],
        cwd=machine.home,
    )  # fmt: skip
    token = machine.token("r.internal", "--cnf-file", "r.csr")
    machine.newel("ca", "sign", "r.csr", "r.crt", "--token", token)
    assert machine.read("r").subject.rfc4514_string() == "CN=r.internal"
    token = machine.token("r.internal", "--cnf-file", "r.csr")
    machine.refused("ca", "certificate", "r.internal", "y.crt", "y.key", "--token", token)


def extensions(certificate: x509.Certificate) -> dict[str, tuple[bool, bytes]]:
    """By OID, since the original moves one when it renews."""
    return {
        each.oid.dotted_string: (each.critical, each.value.public_bytes())
        for each in certificate.extensions
    }


@pytest.mark.parametrize("flags", [[], ["--mtls=false"]], ids=["mtls", "bearer"])
def test_renew_keeps_all_but_serial_and_validity(machine: Machine, flags: list[str]) -> None:
    """REN-03, REN-04, REN-05."""
    before = machine.certificate("foo.internal", "--not-after", "20m")
    said = machine.newel(
        "ca", "renew", "foo.internal.crt", "foo.internal.key", "--force", *flags
    ).stderr
    assert said == "Your certificate has been saved in foo.internal.crt.\n"
    after = machine.read("foo.internal")
    assert after.serial_number != before.serial_number
    assert (after.subject, after.public_key()) == (before.subject, before.public_key())
    assert extensions(after) == extensions(before)
    lifetimes = [c.not_valid_after_utc - c.not_valid_before_utc for c in (before, after)]
    assert abs((lifetimes[0] - lifetimes[1]).total_seconds()) <= 60


def test_renewal_when_it_is_due(machine: Machine) -> None:
    """REN-14, REN-16, REN-19: not due is success and changes nothing; --exec follows a renewal only."""
    machine.certificate("foo.internal")
    before = machine.files()
    words = [
        "ca",
        "renew",
        "foo.internal.crt",
        "foo.internal.key",
        "--force",
        "--exec",
        "touch renewed",
    ]
    said = machine.newel(*words, "--expires-in", "1h").stderr
    assert said.startswith("certificate not renewed: expires in 23h")
    assert machine.files() == before
    machine.newel(*words, "--expires-in", "24h")
    assert (machine.home / "renewed").exists()


def test_a_file_keeps_its_mode(machine: Machine) -> None:
    machine.certificate("foo.internal")
    (machine.home / "foo.internal.crt").chmod(0o644)
    machine.newel("ca", "renew", "foo.internal.crt", "foo.internal.key", "--force")
    assert (machine.home / "foo.internal.crt").stat().st_mode & 0o777 == 0o644


def test_rekey_makes_a_new_key(machine: Machine) -> None:
    before = machine.certificate("foo.internal")
    said = machine.newel("ca", "rekey", "foo.internal.crt", "foo.internal.key", "--force").stderr
    assert said == "✔ Certificate: foo.internal.crt\n✔ Private Key: foo.internal.key\n"
    after = machine.read("foo.internal")
    key = load_pem_private_key((machine.home / "foo.internal.key").read_bytes(), None)
    assert after.public_key() == key.public_key() != before.public_key()
    assert after.subject == before.subject


@pytest.mark.parametrize("command", ["renew", "rekey"])
def test_the_daemon(machine: Machine, command: str) -> None:
    """REN-09, REN-11, REN-14, REN-15: at start it waits, on SIGHUP it acts, on SIGTERM it ends well."""
    before = machine.certificate("foo.internal")
    files = ["foo.internal.crt", "foo.internal.key"]
    log = machine.home / "daemon.log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [NEWEL, "ca", command, *files, "--daemon", "--exec", "touch acted"],
            cwd=machine.home, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL,
            env={**os.environ, "STEPPATH": str(machine.home / "step")},
        )  # fmt: skip
    try:
        wait_until(lambda: "first " in log.read_text(), process=process, log=log)
        process.send_signal(signal.SIGHUP)
        wait_until((machine.home / "acted").exists, process=process, log=log)
        after = machine.read("foo.internal")
        assert after.serial_number != before.serial_number
        assert (after.public_key() == before.public_key()) is (command == "renew")
        assert f"foo.internal certificate {command}ed, next in 1" in log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_revocation_by_key_and_by_token(machine: Machine) -> None:
    """REN-20, REN-22."""
    serial = str(machine.certificate("foo.internal").serial_number)
    said = machine.newel(
        "ca", "revoke", "--cert", "foo.internal.crt", "--key", "foo.internal.key"
    ).stderr
    assert f"✔ CA: {machine.authority.url}\n" in said
    assert f"Certificate with Serial Number {serial} has been revoked.\n" in said
    machine.refused("ca", "renew", "foo.internal.crt", "foo.internal.key", "--force")
    serial = str(machine.certificate("bar.internal").serial_number)
    token = machine.token(serial, "--revoke")
    machine.newel("ca", "revoke", serial, "--token", token, "--reasonCode", "key compromise")
    machine.refused("ca", "renew", "bar.internal.crt", "bar.internal.key", "--force")


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
        (["ca", "token", "x", "--provisioner", "nobody"], "invalid value 'nobody' for flag '--provisioner'"),
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
    ]  # fmt: skip
    for words, expected in cases:
        said = machine.refused(*words)
        assert expected in said, f"{words}: {said}"


@pytest.mark.skipif(os.name != "posix" or not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_takes_nothing_away(machine: Machine) -> None:
    before = machine.certificate("foo.internal")
    machine.newel(
        "ca", "renew", "foo.internal.crt", "foo.internal.key", "--out", "/dev/full", good=False
    )
    assert machine.read("foo.internal") == before


@pytest.mark.parametrize("how", ["standalone", "webroot", "provisioner"])
def test_acme(machine: Machine, http01_port: int, how: str) -> None:
    """Our client proves a name to an authority that may ask at a port of the test's choosing."""
    if machine.authority.http_port == 0:
        pytest.skip("the original asks at port 80 only")
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
        )  # fmt: skip
        assert done.stdout.endswith("[]\n")


EXAMPLES = Path(__file__).parents[2] / "libs/client/examples"


def test_the_examples_of_the_library(machine: Machine) -> None:
    """INT-01, INT-02: the small one by a token, the full one by fingerprint and password."""
    small = [sys.executable, EXAMPLES / "small.py", machine.token("localhost")]
    assert run(small, cwd=machine.home).stdout == "Hello, world!\n"
    full = run(
        [
            sys.executable, EXAMPLES / "full.py", machine.authority.url,
            root_fingerprint(machine.authority), "admin", machine.authority.password_file,
        ],
        cwd=machine.home,
    )  # fmt: skip
    lines = full.stdout.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "hello client.internal", "hello client.internal", "hello async.internal",
    ]  # fmt: skip
    assert len(set(lines)) == 3
