"""certificate verify: Go's verdicts and sentences; real lists and a real responder for revocation."""

import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fixtures.offline import NEWEL, PLAIN, STEP
from fixtures.offline import certificate as run
from fixtures.processes import free_port

CA_CONFIG = """
[ca]
default_ca = here
[here]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 3
[constrained]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
nameConstraints = critical,permitted;DNS:example.com
subjectKeyIdentifier = hash
[poison]
1.2.3.4 = critical,DER:05:00
"""


def openssl(line: str, cwd: Path) -> None:
    done = subprocess.run(["openssl", *line.split()], cwd=cwd, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def serial(cwd: Path, name: str) -> str:
    found = subprocess.run(
        ["openssl", "x509", "-noout", "-serial", "-in", name],
        cwd=cwd, check=True, capture_output=True, text=True,
    )  # fmt: skip # a command line
    return found.stdout.strip().partition("=")[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Authorities good and bad, leaves, a list of the revoked one."""
    cwd = tmp_path_factory.mktemp("verify")
    (cwd / "ca.cnf").write_text(CA_CONFIG)
    root, middle = "--ca root.crt --ca-key root.key", "--ca middle.crt --ca-key middle.key"
    san = "--san good.example.com --san *.wild.example.com --san 10.0.0.1"
    for line in (
        "create Root root.crt root.key --profile root-ca",
        "create Root fake.crt fake.key --profile root-ca",
        "create Other other.crt other.key --profile root-ca --kty RSA",
        f"create Middle middle.crt middle.key --profile intermediate-ca {root}",
        f"create Below below.crt below.key --profile intermediate-ca {middle}",
        f"create good.example.com leaf.crt leaf.key {middle} {san}",
        f"create bad.example.com revoked.crt revoked.key {middle}",
        "create deep.example.com deep.crt deep.key --ca below.crt --ca-key below.key",
        "create x.example.com notca.crt notca.key --ca leaf.crt --ca-key leaf.key",
        f"create old.example.com old.crt old.key {root} --not-before -5h --not-after -1h",
        f"create new.example.com new.crt new.key {root} --not-before 1h --not-after 5h",
        "create plain plain.crt plain.key --profile root-ca",
    ):
        done = run(NEWEL, f"{line} {PLAIN}", cwd)
        assert done.returncode == 0, (line, done.stderr)
    for name in ("leaf", "revoked", "old", "notca"):
        chain = [f"{name}.crt", *(["leaf.crt"] if name == "notca" else []), "middle.crt"]
        (cwd / f"{name}-chain.crt").write_text("".join((cwd / each).read_text() for each in chain))
    (cwd / "deep-chain.crt").write_text(
        "".join((cwd / f"{each}.crt").read_text() for each in ("deep", "below", "middle"))
    )
    constrain(cwd)
    rows = [
        f"V\t360101000000Z\t\t{serial(cwd, 'leaf.crt')}\tunknown\t/CN=good",
        f"R\t360101000000Z\t260101000000Z,keyCompromise\t{serial(cwd, 'revoked.crt')}\tunknown\t/CN=bad",
    ]
    (cwd / "index.txt").write_text("\n".join(rows) + "\n")
    (cwd / "crlnumber").write_text("1000\n")
    for signer, name in (("middle", "list.pem"), ("other", "others.pem")):
        openssl(
            f"ca -gencrl -config ca.cnf -cert {signer}.crt -keyfile {signer}.key -out {name}", cwd
        )
    openssl("crl -in list.pem -outform DER -out list.crl", cwd)
    openssl("crl -in others.pem -outform DER -out others.crl", cwd)
    return cwd


def constrain(cwd: Path) -> None:
    """An authority for example.com only, with a leaf within and one without; and a poisoned leaf."""
    for name, subject in (("bound", "Bound"), ("poisoned", "poisoned")):
        line = f"req -new -nodes -newkey ec:param.pem -keyout {name}.key -subj /CN={subject} -config empty.cnf"
        (cwd / "empty.cnf").write_text("[req]\ndistinguished_name=dn\n[dn]\n")
        openssl("ecparam -name prime256v1 -out param.pem", cwd)
        openssl(f"{line} -out {name}.csr", cwd)
    issue = "x509 -req -CA root.crt -CAkey root.key -CAcreateserial -extfile ca.cnf -days 2"
    openssl(f"{issue} -in bound.csr -extensions constrained -out bound.crt", cwd)
    openssl(f"{issue} -in poisoned.csr -extensions poison -out poisoned.crt", cwd)
    for name in ("in.example.com", "out.example.org"):
        line = f"create {name} {name}.crt {name}.key --ca bound.crt --ca-key bound.key {PLAIN} --bundle"
        assert run(NEWEL, line, cwd).returncode == 0


LINES = [
    "leaf-chain.crt --roots root.crt", "leaf-chain.crt --roots root.crt -v",
    "leaf-chain.crt --roots root.crt,other.crt", "leaf.crt --roots root.crt", "leaf.crt --roots middle.crt",
    "leaf-chain.crt --roots other.crt", "leaf-chain.crt --roots fake.crt", "leaf-chain.crt",
    "root.crt --roots root.crt", "middle.crt --roots fake.crt",
    "deep-chain.crt --roots root.crt", "poisoned.crt --roots root.crt",
    "in.example.com.crt --roots root.crt", "leaf.key --roots root.crt", "missing --roots root.crt",
    *(
        f"leaf-chain.crt --roots root.crt -v --host {host}"
        for host in (
            "good.example.com", "GOOD.example.com", "x.wild.example.com", "x.y.wild.example.com",
            "wild.example.com", "10.0.0.1", "10.0.0.2", "::1", "[10.0.0.1]", "example.com",
        )
    ),
    "plain.crt --roots plain.crt --host plain", "root.crt --roots root.crt --host 10.0.0.1",
    "leaf-chain.crt --roots root.crt --verify-ocsp --issuing-ca middle.crt",
    "leaf-chain.crt --roots root.crt --verify-crl --issuing-ca middle.crt",
    "leaf-chain.crt --roots root.crt --verify-crl --issuing-ca leaf.key",
    "leaf-chain.crt --roots root.crt --verify-crl --issuing-ca missing",
]  # fmt: skip # words in rows


@pytest.mark.needs("step", "openssl")
@pytest.mark.parametrize("line", LINES)
def test_verdicts_and_sentences_equal_the_originals(home: Path, line: str) -> None:
    ours, theirs = run(NEWEL, f"verify {line}", home), run(STEP, f"verify {line}", home)
    assert (ours.returncode, ours.stdout, ours.stderr) == (
        theirs.returncode,
        theirs.stdout,
        theirs.stderr,
    )


@pytest.mark.needs("step", "openssl")
@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("old-chain.crt", "certificate has expired or is not yet valid: current time"),
        (
            "out.example.org.crt",
            "a root or intermediate certificate is not authorized to sign for this name",
        ),
        ("notca-chain.crt", "x509: certificate"),
    ],
)
def test_what_go_refuses_is_refused_for_the_same_cause(home: Path, name: str, cause: str) -> None:
    for program in (NEWEL, STEP):
        done = run(program, f"verify {name} --roots root.crt", home)
        assert done.returncode == 1
        assert cause in done.stderr


def test_missing_roots_are_an_error(home: Path) -> None:
    done = run(NEWEL, "verify leaf-chain.crt --roots missing", home)
    assert (done.returncode, done.stderr) == (1, "open missing: no such file or directory\n")


@pytest.fixture(scope="module")
def web(home: Path) -> Iterator[str]:
    """The lists over HTTP."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(home))  # type: ignore[arg-type]

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def responder(home: Path, signer: str, authority: str) -> Iterator[str]:
    """openssl's responder, its answers signed by one certificate about another's."""
    port = free_port()
    words = f"openssl ocsp -index index.txt -port {port} -rsigner {signer}.crt -rkey {signer}.key"
    process = subprocess.Popen(
        [*words.split(), "-CA", f"{authority}.crt", "-ndays", "1", "-resp_no_certs"],
        cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip # a command line
    assert process.stderr is not None
    assert "waiting for" in process.stderr.readline()
    yield f"http://127.0.0.1:{port}"
    process.kill()  # it takes a polite signal for something else
    process.wait()
    process.stderr.close()


@pytest.fixture
def good_responder(home: Path) -> Iterator[str]:
    yield from responder(home, "middle", "middle")


@pytest.fixture
def strange_responder(home: Path) -> Iterator[str]:
    yield from responder(home, "other", "middle")


@pytest.mark.needs("step", "openssl")
def test_a_list_tells_the_revoked_certificate(home: Path, web: str) -> None:
    for name in ("leaf", "revoked"):
        line = f"verify {name}-chain.crt --roots root.crt -v --verify-crl --issuing-ca middle.crt"
        line += f" --crl-endpoint {web}/list.crl"
        ours, theirs = run(NEWEL, line, home), run(STEP, line, home)
        assert (ours.returncode, ours.stdout, ours.stderr) == (
            theirs.returncode,
            theirs.stdout,
            theirs.stderr,
        )
        assert ours.returncode == (name == "revoked")


@pytest.mark.needs("step", "openssl")
def test_a_responder_tells_the_revoked_certificate(home: Path, good_responder: str) -> None:
    for name in ("leaf", "revoked"):
        line = f"verify {name}-chain.crt --roots root.crt -v --verify-ocsp --issuing-ca middle.crt"
        line += f" --ocsp-endpoint {good_responder}"
        ours, theirs = run(NEWEL, line, home), run(STEP, line, home)
        assert (ours.returncode, ours.stdout, ours.stderr) == (
            theirs.returncode,
            theirs.stdout,
            theirs.stderr,
        )
        assert ours.returncode == (name == "revoked")


@pytest.mark.needs("openssl")
def test_the_issuer_is_taken_from_the_chain(home: Path, web: str, good_responder: str) -> None:
    line = f"verify leaf-chain.crt --roots root.crt --verify-ocsp --ocsp-endpoint {good_responder}"
    done = run(NEWEL, f"{line} --verify-crl --crl-endpoint {web}/list.pem", home)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.needs("openssl")
def test_answers_of_somebody_else_are_not_believed(
    home: Path, web: str, strange_responder: str
) -> None:
    """Neither a list nor a response that the issuer did not sign can say that all is well."""
    line = "verify leaf-chain.crt --roots root.crt"
    listed = run(NEWEL, f"{line} --verify-crl --crl-endpoint {web}/others.crl", home)
    assert "could not verify certificate against CRL distribution point(s)" in listed.stderr
    told = run(NEWEL, f"{line} --verify-ocsp --ocsp-endpoint {strange_responder}", home)
    assert "could not verify certificate against OCSP server(s)" in told.stderr
    assert (listed.returncode, told.returncode) == (1, 1)
