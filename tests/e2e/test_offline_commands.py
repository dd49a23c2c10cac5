"""Offline commands, typed as docs/scenarios.md has them, by our command line and by the original.

That the original passes shows that the scenarios are right.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from fixtures.running import run
from fixtures.scenarios import Shell
from newel.client.clock import now

NEW = "Please enter the password to encrypt the private key"


@pytest.fixture(params=["ours", pytest.param("step", marks=pytest.mark.needs("step"))])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    return Shell(tmp_path, request.param)


@contextlib.contextmanager
def site(certificate: Path, key: Path, password: str) -> Generator[str]:
    """A server that shakes hands and nothing else; its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key, password)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return  # the listener is closed: to ask again would take a core until the run ends
            with contextlib.suppress(OSError), plain:
                plain.settimeout(10)
                context.wrap_socket(plain, server_side=True).close()

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.needs("openssl", "jq")
def test_a_pki_by_hand(shell: Shell) -> None:
    shell.type_line(
        'step certificate create --profile root-ca "Example Root CA" root-ca.crt root-ca.key',
        (NEW, "root"),
    )
    assert "ENCRYPTED" in shell.read("root-ca.key")
    shell.type_line(
        'step certificate create "Example Intermediate CA 1" intermediate-ca.crt intermediate-ca.key '
        "--profile intermediate-ca --ca ./root-ca.crt --ca-key ./root-ca.key",
        ("Please enter the password to decrypt ./root-ca.key", "root"),
        (NEW, "intermediate"),
    )
    shell.type_line(
        "step certificate create localhost foo.crt foo.key "
        "--profile leaf --ca ./intermediate-ca.crt --ca-key ./intermediate-ca.key",
        ("Please enter the password to decrypt ./intermediate-ca.key", "intermediate"),
        (NEW, "leaf"),
    )
    shell.type_line("step certificate bundle foo.crt intermediate-ca.crt foo-bundle.crt")
    assert shell.type_line("grep -c 'BEGIN CERTIFICATE' foo-bundle.crt") == "2\n"
    verify_chain = "openssl verify -CAfile root-ca.crt -untrusted intermediate-ca.crt foo.crt"
    assert shell.type_line(verify_chain) == "foo.crt: OK\n"
    end = shell.type_line("step certificate inspect foo.crt --format json | jq -r .validity.end")
    # openssl knows the same moment
    assert (
        shell.type_line(
            'date -ud "$(openssl x509 -enddate -noout -in foo.crt | cut -d= -f2)" +%FT%TZ'
        )
        == end
    )
    with site(shell.home / "foo-bundle.crt", shell.home / "foo.key", "leaf") as url:
        seen = f"step certificate inspect {url} --roots root-ca.crt --format json"
        assert shell.type_line(f"{seen} | jq -r .validity.end") == end
        assert shell.type_line(f"{seen} | jq -r .subject.common_name[0]") == "localhost\n"
    findings = json.loads(shell.type_line("step certificate lint foo.crt"))
    assert "e_validity_time_not_positive" in findings["lints"]


@pytest.mark.needs("jq")
def test_a_key_set_and_a_token(shell: Shell) -> None:
    made = ("Please enter the password to encrypt the private JWK", "p4ss")
    shell.type_line("step crypto jwk create pub.json key.json", made)
    public = json.loads(shell.read("pub.json"))
    assert (public["kty"], public["crv"], len(public["kid"])) == ("EC", "P-256", 43)
    assert "d" not in public
    assert '"d"' not in shell.read("key.json")
    shell.type_line("cat pub.json | step crypto jwk keyset add keys.json")
    assert shell.type_line("jq '.keys|length' keys.json") == "1\n"
    shell.type_line(
        'JWT=$(step crypto jwt sign --key key.json --iss "joe@example.com" '
        '--aud "https://example.com" --sub "auth" --exp $(date -d \'+15 min\' +%s)); echo $JWT > token',
        ("Please enter the password to decrypt key.json", "p4ss"),
    )
    token = shell.read("token").strip()
    assert (token.count("."), token.count(" ")) == (2, 0)
    claims = jwt.decode(token, KeySet.import_key_set(json.loads(shell.read("keys.json")))).claims
    wanted = {"iss": "joe@example.com", "aud": "https://example.com", "sub": "auth"}
    verify = 'cat token | step crypto jwt verify --jwks keys.json --aud "https://example.com"'
    seen = json.loads(shell.type_line(f'{verify} --iss "joe@example.com"'))["payload"]
    for known in (claims, seen):
        assert wanted.items() <= known.items()
        assert 0 < known["exp"] - now().timestamp() <= 15 * 60
    assert shell.type_line(f'{verify} --iss "eve@example.com"', code=1) == ""
    refused = shell.read_messages("cat token | step crypto jwt inspect", code=1)
    assert "requires the '--insecure' flag" in refused
    shown = json.loads(shell.type_line("cat token | step crypto jwt inspect --insecure"))
    assert list(shown) == ["header", "payload", "signature"]
    shell.type_line(
        "step crypto jwe decrypt < key.json > clear.json",
        ("Please enter the password to decrypt the content encryption key", "p4ss"),
    )
    clear = json.loads(shell.read("clear.json"))
    assert {name: clear[name] for name in public} == public
    assert clear["d"]


def one_time(secret: str) -> str:
    """RFC 6238 by the book: SHA-1, six digits, thirty seconds; a code that is good for ten of them yet."""
    left = 30 - now().timestamp() % 30
    if left < 10:
        time.sleep(left)
    step = struct.pack(">Q", int(now().timestamp()) // 30)
    mac = hmac.digest(base64.b32decode(secret), step, hashlib.sha1)
    (number,) = struct.unpack(">I", mac[mac[-1] & 15 :][:4])
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


@pytest.mark.needs("zbarimg")
def test_a_code_for_the_telephone(shell: Shell) -> None:
    shell.type_line(
        "step crypto otp generate --issuer example.com --account alice@example.com "
        "--qr smallstep.png > smallstep.totp"
    )
    secret = shell.read("smallstep.totp").strip()
    (read,) = run(["zbarimg", "-q", "--raw", shell.home / "smallstep.png"]).stdout.splitlines()
    assert read.startswith("otpauth://totp/example.com:alice@example.com?")
    assert f"secret={secret}" in read
    assert "issuer=example.com" in read
    verify = "step crypto otp verify --secret smallstep.totp"
    question = "Enter Passcode"
    code = one_time(secret)
    assert "ok" in shell.type_line(verify, (question, code))
    shell.type_line(verify, (question, f"{(int(code) + 1) % 1_000_000:06}"), code=1)
