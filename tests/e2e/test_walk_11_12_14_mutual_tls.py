"""Walks 11, 12 and 14: what the certificates are for, judged by curl, by nginx and by Python's ssl."""

from pathlib import Path

import pytest
from cryptography import x509

from fixtures.machine import root_fingerprint
from fixtures.running import wait_until
from fixtures.tls_services import hello, nginx
from fixtures.walks import Walker, stranger, walker

__all__ = ["stranger", "walker"]

pytestmark = pytest.mark.needs("curl", "jq")
ADMIN = "--issuer admin --password-file password.txt"
OVERWRITE = "Would you like to overwrite mike.crt"


def chain(walker: Walker, name: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates((walker.home / f"{name}.crt").read_bytes())


def test_walk_11_ten_minutes_of_access_renewed_in_time(walker: Walker) -> None:
    walker.types(f"step ca certificate localhost svc.crt svc.key {ADMIN}")
    walker.types(f"step ca certificate mike@example.com mike.crt mike.key --not-after 10m {ADMIN}")
    walker.types("step ca root root.crt")
    with hello(walker.home, "svc", clients=walker.home / "root.crt") as url:
        curl = f"curl -s --cacert root.crt --cert mike.crt --key mike.key {url}"
        assert walker.types(curl) == "Hello, world!\n"
        end = "step certificate inspect mike.crt --format json | jq -r .validity.end"
        (before, _), first = chain(walker, "mike"), walker.types(end)
        # both ends are whole seconds: the next one begins a new second
        wait_until(lambda: walker.types("date -u +%s") > walker.types("stat -c %Y mike.crt"))
        screen = walker.types("step ca renew mike.crt mike.key", (OVERWRITE, "y"))
        assert "Your certificate has been saved in mike.crt." in screen
        assert walker.types(end) > first
        assert walker.types(curl) == "Hello, world!\n"
    after = chain(walker, "mike")[0]
    assert after.serial_number != before.serial_number
    assert (after.subject, after.public_key()) == (before.subject, before.public_key())
    names = [
        c.extensions.get_extension_for_class(x509.SubjectAlternativeName) for c in (before, after)
    ]
    assert names[0] == names[1]
    lifetimes = [each.not_valid_after_utc - each.not_valid_before_utc for each in (before, after)]
    assert abs((lifetimes[1] - lifetimes[0]).total_seconds()) <= 60
    kept = walker.read("mike.crt")
    _, screen = walker.typed("step ca renew mike.crt mike.key", (OVERWRITE, "n"), code=1)
    assert "has been saved" not in screen
    assert walker.read("mike.crt") == kept


def nginx_conf(home: Path) -> str:
    """The walk's, but for what any server has."""
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
def test_walk_12_a_service_speaks_tls_then_mtls_behind_nginx(walker: Walker) -> None:
    walker.types(f"step ca certificate localhost svc.crt svc.key {ADMIN}")
    walker.types(f"step ca certificate mike@example.com mike.crt mike.key --not-after 10m {ADMIN}")
    walker.types("step ca root root.crt")
    with hello(walker.home, "svc") as url:
        assert walker.types(f"curl -s --cacert root.crt {url}") == "Hello, world!\n"
        # curl's exit code for an issuer it does not know
        walker.types(f"curl -s {url}", code=60)
    status = "curl -s -o /dev/null -w '%{http_code}\\n' --cacert root.crt"
    files = walker.home / "svc.crt", walker.home / "svc.key"
    with nginx(walker.home, *files, nginx_conf(walker.home)) as (url, _):
        wait_until(lambda: walker.types(f"{status} {url}; :") == "403\n")
        assert walker.types(f"{status} --cert mike.crt --key mike.key {url}") == "200\n"


def test_walk_14_token_here_certificate_there(walker: Walker) -> None:
    known = walker.known
    token = walker.types(f"step ca token foo.internal {ADMIN}").strip()
    seen = walker.types(
        f"echo {token} | step crypto jwt inspect --insecure | jq -c '.header, .payload'"
    )
    assert '"alg":"ES256"' in seen
    assert '"typ":"JWT"' in seen
    claims = walker.types(
        f"echo {token} | step crypto jwt inspect --insecure | jq -c '.payload | "
        "[.aud, .exp - .iat, .nbf - .iat, .iss, (.jti | length), .sans, .sha, .sub]'"
    )
    assert claims == (
        f'["{known.url}/1.0/sign",300,0,"admin",64,["foo.internal"],"{root_fingerprint(known)}",'
        '"foo.internal"]\n'
    )
    foo = Walker(walker.home / "foo", walker.program, known)
    said = foo.says(f"step ca certificate foo.internal foo.crt foo.key --token {token}")
    for line in (f"CA: {known.url}", "Certificate: foo.crt", "Private Key: foo.key"):
        assert line in said
    mallory = Walker(walker.home / "mallory", walker.program, known)
    mallory.types(f"step ca certificate foo.internal x.crt x.key --token {token}", code=1)
    assert not (mallory.home / "x.crt").exists()
    short = foo.types("step certificate inspect --bundle --short foo.crt")
    assert "Subject:     foo.internal" in short
    assert "Provisioner: admin [ID: " in short
    assert short.count("X.509v3 ") == 2


def test_walk_14_a_token_signs_a_request_for_its_names_only(walker: Walker) -> None:
    plain = "--no-password --insecure"
    walker.types(f"step certificate create --csr {plain} localhost localhost.csr localhost.key")
    walker.types(f"step certificate create --csr {plain} evil.example.com evil.csr evil.key")
    said = walker.says(
        f"step ca sign --token $(step ca token localhost {ADMIN}) localhost.csr localhost.crt"
    )
    assert f"CA: {walker.known.url}" in said
    assert "Certificate: localhost.crt" in said
    walker.types(
        f"step ca sign --token $(step ca token localhost {ADMIN}) evil.csr evil.crt", code=1
    )
    assert not (walker.home / "evil.crt").exists()
    # a token whose time is over, signed as a configuration tool would, without the wait
    listed = "step ca provisioner list | jq -r '.[0].encryptedKey'"
    walker.types(f"{listed} | step crypto jwe decrypt > clear.json", ("password", walker.password))
    stale = walker.types(
        "step crypto jwt sign --key clear.json --iss admin --sub localhost "
        f"--aud {walker.known.url}/1.0/sign --nbf $(date -d '-10 min' +%s) "
        "--iat $(date -d '-10 min' +%s) --exp $(date -d '-5 min' +%s) --subtle"
    ).strip()
    walker.types(f"step ca sign --token {stale} localhost.csr late.crt", code=1)
    assert not (walker.home / "late.crt").exists()


def test_walk_14_foo_and_bar_trust_each_other(walker: Walker) -> None:
    for name in ("localhost", "bar.internal"):
        token = walker.types(f"step ca token {name} {ADMIN}").strip()
        walker.types(f"step ca certificate {name} {name}.crt {name}.key --token {token}")
    walker.types("step ca root root_ca.crt")
    with hello(walker.home, "localhost", clients=walker.home / "root_ca.crt") as url:
        pair = "--cert bar.internal.crt --key bar.internal.key"
        assert walker.types(f"curl -s --cacert root_ca.crt {pair} {url}") == "Hello, world!\n"
        refused = walker.types(f"curl -s --cacert root_ca.crt {url}; [ $? -ne 0 ]")
        assert refused == ""
