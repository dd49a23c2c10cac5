"""`newel up` on an authority of `step ca init` whose files are as other people and programs leave them."""

import datetime as dt
import os
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from fixtures.foreign_authorities import CA, DAY, ForeignAuthority, make, make_name
from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, others, run, serve_newel
from newel.crypto import keys
from newel.runtime.clock import SystemClock

STEP = others("step")
PASSWORD = b"p4ss"
pytestmark = pytest.mark.needs("step")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """What `step ca init` makes."""
    made, password = tmp_path / "home", tmp_path / "pw"
    password.write_bytes(PASSWORD)
    password.chmod(0o600)
    words = ["--name", "T", "--dns", "localhost", "--address", ":9000", "--provisioner", "admin"]
    init = [STEP, "ca", "init", "--deployment-type", "standalone", "--password-file", password]
    run([*init, *words], env={**os.environ, "STEPPATH": str(made)}, cwd=tmp_path)
    return made


def up(state: Path) -> list[str]:
    return ["--log-format", "json", "--password-file", str(state.parent / "pw")]


def issue(authority: Authority) -> x509.Certificate:
    """A certificate by the original's command line, which verifies all it is given."""
    folder, state = authority.state.parent, authority.state
    by = ["--ca-url", f"https://localhost:{authority.port}", "--root", state / "certs/root_ca.crt"]
    words = ["--provisioner", "admin", "--provisioner-password-file", folder / "pw", "--force"]
    command = [STEP, "ca", "certificate", "www.lab", folder / "www.crt", folder / "www.key"]
    run([*command, *by, *words], env={**os.environ, "STEPPATH": str(folder / "client")})
    return x509.load_pem_x509_certificates((folder / "www.crt").read_bytes())[0]


@pytest.mark.needs("openssl")
def test_files_with_text_roots_among_the_chain_and_an_openssh_key_serve(state: Path) -> None:
    root, chain = state / "certs/root_ca.crt", state / "certs/intermediate_ca.crt"
    text = run(["openssl", "x509", "-text", "-in", chain]).stdout.encode()
    chain.write_bytes(
        b"\xef\xbb\xbfthe root\r\n" + root.read_bytes() + text.replace(b"\n", b"\r\n")
    )
    key_file = state / "secrets/intermediate_ca_key"
    key = keys.load_private_key(key_file.read_bytes(), PASSWORD)
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(PASSWORD)
    )
    key_file.write_bytes(b"Bag Attributes\n    friendlyName: intermediate\n" + encrypted)
    with serve_newel(state, free_port(), free_port(), *up(state)) as (authority, _):
        assert issue(authority).issuer.rfc4514_string() == "CN=T Intermediate CA,O=T"
    (responder,) = [file for file in state.rglob("*responder*.crt") if file.is_file()]
    made = responder.read_bytes()
    with serve_newel(state, free_port(), free_port(), *up(state)) as (authority, _):
        assert authority.get("/health")
    assert responder.read_bytes() == made  # it is the issuer's, wherever that stands in its file


def replace(state: Path, life: dt.timedelta) -> ForeignAuthority:
    """Another authority in the place of the one of `ca init`, made a day ago for so long."""
    begin = SystemClock().now().replace(microsecond=0) - DAY
    root = make(make_name("Foreign Root"), begin=begin)
    own = make(
        make_name("Foreign Intermediate"), root, begin=begin, life=life, extensions=[(CA, True)]
    )
    (state / "certs/root_ca.crt").write_bytes(root.pem)
    (state / "certs/intermediate_ca.crt").write_bytes(own.pem)
    for name, made in (("root", root), ("intermediate", own)):
        encrypted = keys.encrypt_private_key(made.key, PASSWORD)
        (state / f"secrets/{name}_ca_key").write_bytes(encrypted)
    return own


def test_an_intermediate_on_its_last_day_serves_and_warns(state: Path) -> None:
    own = replace(state, DAY + dt.timedelta(hours=10))
    with serve_newel(state, free_port(), free_port(), *up(state)) as (authority, _):
        assert issue(authority).not_valid_after_utc == own.certificate.not_valid_after_utc
        said = authority.log.read_text()
        assert "when the certificate of CN=Foreign Intermediate expires" in said
        assert "make a new intermediate" in said


def test_an_expired_intermediate_is_one_line(state: Path) -> None:
    replace(state, dt.timedelta(hours=20))
    command = [NEWEL, "up", "--state", state, "--address", f"127.0.0.1:{free_port()}"]
    plain = ["--http-address", f"127.0.0.1:{free_port()}"]
    ended = subprocess.run(
        [*command, *plain, *up(state)], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert "intermediate_ca.crt: the certificate of CN=Foreign Intermediate expired at" in last
    assert "make a new intermediate (docs/runbooks/key-ceremony.md)" in last
    assert "Traceback" not in ended.stderr
