"""Mutual TLS with the certificates, judged by curl, nginx and Python's ssl."""

from pathlib import Path

import pytest
from cryptography import x509

from fixtures.machine import root_fingerprint
from fixtures.running import wait_until
from fixtures.scenarios import Shell, shell, stranger
from fixtures.tls_services import hello, nginx

__all__ = ["shell", "stranger"]

pytestmark = pytest.mark.needs("curl", "jq")
ADMIN = "--issuer admin --password-file password.txt"
OVERWRITE = "Would you like to overwrite mike.crt"


def chain(shell: Shell, name: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((shell.home / f"{name}.crt").read_bytes())


def test_ten_minutes_of_access_renewed_in_time(shell: Shell) -> None:
    shell.type_line(f"step ca certificate localhost svc.crt svc.key {ADMIN}")
    shell.type_line(
        f"step ca certificate mike@example.com mike.crt mike.key --not-after 10m {ADMIN}"
    )
    shell.type_line("step ca root root.crt")
    with hello(shell.home, "svc", clients=shell.home / "root.crt") as url:
        curl = f"curl -s --cacert root.crt --cert mike.crt --key mike.key {url}"
        assert shell.type_line(curl) == "Hello, world!\n"
        end = "step certificate inspect mike.crt --format json | jq -r .validity.end"
        (before, _), first = chain(shell, "mike"), shell.type_line(end)
        # both ends are whole seconds: the next one begins a new second
        wait_until(lambda: shell.type_line("date -u +%s") > shell.type_line("stat -c %Y mike.crt"))
        screen = shell.type_line("step ca renew mike.crt mike.key", (OVERWRITE, "y"))
        assert "Your certificate has been saved in mike.crt." in screen
        assert shell.type_line(end) > first
        assert shell.type_line(curl) == "Hello, world!\n"
    after = chain(shell, "mike")[0]
    assert after.serial_number != before.serial_number
    assert (after.subject, after.public_key()) == (before.subject, before.public_key())
    names = [
        c.extensions.get_extension_for_class(x509.SubjectAlternativeName) for c in (before, after)
    ]
    assert names[0] == names[1]
    lifetimes = [each.not_valid_after_utc - each.not_valid_before_utc for each in (before, after)]
    assert abs((lifetimes[1] - lifetimes[0]).total_seconds()) <= 60
    kept = shell.read("mike.crt")
    _, screen = shell.capture_line("step ca renew mike.crt mike.key", (OVERWRITE, "n"), code=1)
    assert "has been saved" not in screen
    assert shell.read("mike.crt") == kept


def nginx_conf(home: Path) -> str:
    """A server for the scenario."""
    return f"""
        ssl_client_certificate {home}/root.crt;
        ssl_verify_client      optional;
        location / {{
          if ($ssl_client_verify != SUCCESS) {{
            return 403;
          }}
          return 200 "in\\n";
        }}"""


@pytest.mark.needs("nginx")
def test_a_service_speaks_tls_then_mtls_behind_nginx(shell: Shell) -> None:
    shell.type_line(f"step ca certificate localhost svc.crt svc.key {ADMIN}")
    shell.type_line(
        f"step ca certificate mike@example.com mike.crt mike.key --not-after 10m {ADMIN}"
    )
    shell.type_line("step ca root root.crt")
    with hello(shell.home, "svc") as url:
        assert shell.type_line(f"curl -s --cacert root.crt {url}") == "Hello, world!\n"
        # curl's exit code for an issuer it does not know
        shell.type_line(f"curl -s {url}", code=60)
    status = "curl -s -o /dev/null -w '%{http_code}\\n' --cacert root.crt"
    files = shell.home / "svc.crt", shell.home / "svc.key"
    with nginx(shell.home, *files, nginx_conf(shell.home)) as (url, _):
        wait_until(lambda: shell.type_line(f"{status} {url}; :") == "403\n")
        assert shell.type_line(f"{status} --cert mike.crt --key mike.key {url}") == "200\n"


def test_token_here_certificate_there(shell: Shell) -> None:
    known = shell.required_authority
    token = shell.type_line(f"step ca token foo.internal {ADMIN}").strip()
    seen = shell.type_line(
        f"echo {token} | step crypto jwt inspect --insecure | jq -c '.header, .payload'"
    )
    assert '"alg":"ES256"' in seen
    assert '"typ":"JWT"' in seen
    claims = shell.type_line(
        f"echo {token} | step crypto jwt inspect --insecure | jq -c '.payload | "
        "[.aud, .exp - .iat, .nbf - .iat, .iss, (.jti | length), .sans, .sha, .sub]'"
    )
    assert claims == (
        f'["{known.url}/1.0/sign",300,0,"admin",64,["foo.internal"],"{root_fingerprint(known)}",'
        '"foo.internal"]\n'
    )
    foo = Shell(shell.home / "foo", shell.program, known)
    said = foo.read_messages(f"step ca certificate foo.internal foo.crt foo.key --token {token}")
    for line in (f"CA: {known.url}", "Certificate: foo.crt", "Private Key: foo.key"):
        assert line in said
    mallory = Shell(shell.home / "mallory", shell.program, known)
    mallory.type_line(f"step ca certificate foo.internal x.crt x.key --token {token}", code=1)
    assert not (mallory.home / "x.crt").exists()
    short = foo.type_line("step certificate inspect --bundle --short foo.crt")
    assert "Subject:     foo.internal" in short
    assert "Provisioner: admin [ID: " in short
    assert short.count("X.509v3 ") == 2


def test_a_token_signs_a_request_for_its_names_only(shell: Shell) -> None:
    plain = "--no-password --insecure"
    shell.type_line(f"step certificate create --csr {plain} localhost localhost.csr localhost.key")
    shell.type_line(f"step certificate create --csr {plain} evil.example.com evil.csr evil.key")
    said = shell.read_messages(
        f"step ca sign --token $(step ca token localhost {ADMIN}) localhost.csr localhost.crt"
    )
    assert f"CA: {shell.required_authority.url}" in said
    assert "Certificate: localhost.crt" in said
    shell.type_line(
        f"step ca sign --token $(step ca token localhost {ADMIN}) evil.csr evil.crt", code=1
    )
    assert not (shell.home / "evil.crt").exists()
    # a token whose time is over, signed as a configuration tool would, without the wait
    listed = "step ca provisioner list | jq -r '.[0].encryptedKey'"
    shell.type_line(
        f"{listed} | step crypto jwe decrypt > clear.json", ("password", shell.password)
    )
    stale = shell.type_line(
        "step crypto jwt sign --key clear.json --iss admin --sub localhost "
        f"--aud {shell.required_authority.url}/1.0/sign --nbf $(date -d '-10 min' +%s) "
        "--iat $(date -d '-10 min' +%s) --exp $(date -d '-5 min' +%s) --subtle"
    ).strip()
    shell.type_line(f"step ca sign --token {stale} localhost.csr late.crt", code=1)
    assert not (shell.home / "late.crt").exists()


def test_foo_and_bar_trust_each_other(shell: Shell) -> None:
    for name in ("localhost", "bar.internal"):
        token = shell.type_line(f"step ca token {name} {ADMIN}").strip()
        shell.type_line(f"step ca certificate {name} {name}.crt {name}.key --token {token}")
    shell.type_line("step ca root root_ca.crt")
    with hello(shell.home, "localhost", clients=shell.home / "root_ca.crt") as url:
        pair = "--cert bar.internal.crt --key bar.internal.key"
        assert shell.type_line(f"curl -s --cacert root_ca.crt {pair} {url}") == "Hello, world!\n"
        refused = shell.type_line(f"curl -s --cacert root_ca.crt {url}; [ $? -ne 0 ]")
        assert refused == ""
