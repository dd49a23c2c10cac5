"""The runbooks, held: new internal certificates, a new OCSP responder, a backup taken and restored."""

import os
import re
from collections.abc import Generator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from deploy.split.layout import SERVICES

from fixtures.needs import find_program
from fixtures.processes import free_port
from fixtures.running import NEWEL, run, wait_until
from fixtures.split import PROGRAMS, Split, fresh_split

pytestmark = pytest.mark.needs("step", "openssl", "curl", *PROGRAMS)


@pytest.fixture(scope="module")
def authority() -> Generator[Split]:
    """An authority of its own: these tests change it for good."""
    with fresh_split({"http01_port": free_port()}) as running:
        yield running


def certificate(authority: Split, folder: Path, name: str = "a") -> Path:
    path = folder / f"{name}.crt"
    files = [str(path), str(path.with_suffix(".key"))]
    who = ["--provisioner", "admin", "--password-file", str(authority.password_file)]
    done = authority.step("ca", "certificate", f"{name}.internal", *files, "--force", *who)
    assert done.returncode == 0, done.stderr
    return path


def ceremony(authority: Split, name: str) -> None:
    configuration = str(authority.state / "config/softhsm2.conf")
    run(
        [NEWEL, "ceremony", authority.state / f"config/{name}.toml"],
        env={**os.environ, "SOFTHSM2_CONF": configuration},
    )


def responder(authority: Split, path: Path) -> x509.Certificate:
    """The responder's certificate in an answer."""
    said = run(
        ["openssl", "ocsp", "-issuer", authority.issuer, "-cert", path, "-resp_text",
         "-url", f"{authority.http_url}/ocsp", "-CAfile", authority.root]
    ).stdout  # fmt: skip # a command line
    return x509.load_pem_x509_certificate(said[said.index("-----BEGIN") :].encode())


def test_internal_certificates_are_replaced_while_everything_runs(
    authority: Split, tmp_path: Path
) -> None:
    """docs/runbooks/internal-certificates.md"""
    ceremony(authority, "ceremony-services")
    for owner in (*SERVICES, "nats", "postgres"):
        folder = authority.state / "secrets" / owner
        if owner == "postgres" and os.geteuid() == 0:
            run(["chown", "postgres", folder / "next.key", folder / "next.crt"])
        for suffix in ("key", "crt"):
            (folder / f"next.{suffix}").rename(folder / f"tls.{suffix}")
    with authority.without("nats", "postgres", *SERVICES):
        pass  # started again, so that no earlier connection is left
    issued = certificate(authority, tmp_path)
    wait_until(lambda: authority.ocsp(issued) == "good")


def test_a_new_responder_takes_over(authority: Split, tmp_path: Path) -> None:
    """docs/runbooks/ocsp-responder-expiring.md"""
    issued = certificate(authority, tmp_path)
    wait_until(lambda: authority.ocsp(issued) == "good")
    ceremony(authority, "ceremony-responder")
    with authority.without("validation", "signer"):
        for service in ("signer", "validation"):
            file = authority.state / f"config/{service}.toml"
            text = file.read_text().replace("ocsp_responder.crt", "ocsp_responder_2.crt")
            text = text.replace('label = "ocsp"\nid = "02"', 'label = "ocsp-2"\nid = "03"')
            file.write_text(text)
    wait_until(lambda: authority.ocsp(issued) == "good")
    new = authority.state / "certs/ocsp_responder_2.crt"
    assert responder(authority, issued) == x509.load_pem_x509_certificate(new.read_bytes())


def lists(authority: Split) -> list[x509.CertificateRevocationList]:
    """The CRLs of the whole chain, as they are served."""
    text = run(["curl", "-sf", f"{authority.http_url}/crls.pem"]).stdout
    blocks = re.findall(r"-----BEGIN X509 CRL-----.+?-----END X509 CRL-----", text, re.DOTALL)
    return [x509.load_pem_x509_crl(block.encode()) for block in blocks]


def root_number(authority: Split) -> int:
    root = x509.load_pem_x509_certificate(authority.root.read_bytes())
    (own,) = [crl for crl in lists(authority) if crl.issuer == root.subject]
    return own.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_the_roots_list_is_made_again_by_the_offline_token(
    authority: Split, tmp_path: Path
) -> None:
    """docs/runbooks/key-ceremony.md, "The root's CRL": nothing is restarted."""
    before = root_number(authority)
    ceremony(authority, "ceremony-crl")
    wait_until(lambda: root_number(authority) > before, seconds=60)
    issued = certificate(authority, tmp_path, "whole")
    text = run(["curl", "-sf", f"{authority.http_url}/crls.pem"]).stdout
    (tmp_path / "crls.pem").write_text(text)
    run(
        ["openssl", "verify", "-crl_check_all", "-CAfile", authority.root, "-untrusted", issued,
         "-CRLfile", tmp_path / "crls.pem", issued]
    )  # fmt: skip # a command line


def test_a_backup_brings_everything_back(authority: Split, tmp_path: Path) -> None:
    """docs/runbooks/backup-and-restore.md"""
    issued, revoked = (
        certificate(authority, tmp_path, "kept"),
        certificate(authority, tmp_path, "gone"),
    )
    key = str(revoked.with_suffix(".key"))
    assert authority.step("ca", "revoke", "--cert", str(revoked), "--key", key).returncode == 0
    wait_until(lambda: authority.ocsp(issued) == "good")
    wait_until(lambda: authority.ocsp(revoked) == "revoked")
    initdb = find_program("initdb")
    assert initdb is not None
    where, dump = authority.dsn("postgres"), tmp_path / "newel.dump"
    run([initdb.with_name("pg_dump"), "-Fc", "-f", dump, where])
    with authority.without(*SERVICES):
        admin = where.replace("/newel?", "/postgres?")
        run([initdb.with_name("psql"), "-qX", "-c", "DROP DATABASE newel", admin])
        script = Path(__file__).parents[2] / "deploy/postgres/database.sql"
        secrets = f"secrets={authority.state / 'secrets'}"
        environment = {**os.environ, **environment_of(admin)}
        run(
            [initdb.with_name("psql"), "-qX", "-v", secrets, "-f", script, "postgres"],
            env=environment,
        )
        run([initdb.with_name("pg_restore"), "--clean", "--if-exists", "-d", where, dump])
    wait_until(lambda: authority.ocsp(issued) == "good")
    assert authority.ocsp(revoked) == "revoked"
    assert find_unrecorded(authority) == set()
    renewed = [str(issued), str(issued.with_suffix(".key"))]
    assert authority.step("ca", "renew", "--force", *renewed).returncode == 0


def find_unrecorded(authority: Split) -> set[str]:
    """Step 3 of the restoring: what was signed and has no record."""
    signed = {
        line["subject"]
        for line in authority.audit()
        if (line["service"], line["event"], line["outcome"]) == ("signer", "sign", "granted")
        and line["statement"] == "certificate"
    }
    initdb = find_program("initdb")
    assert initdb is not None
    query = "SELECT encode(serial, 'hex') FROM issuing.certificates"
    known = run([initdb.with_name("psql"), "-qXAt", "-c", query, authority.dsn("postgres")]).stdout
    assert signed & set(known.split())
    return signed - set(known.split())


def environment_of(dsn: str) -> dict[str, str]:
    """A DSN as psql's variables, which outlive its ``\\connect``."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    return {
        "PGHOST": parts.hostname or "", "PGPORT": str(parts.port), "PGUSER": parts.username or "",
        "PGPASSWORD": parts.password or "", "PGSSLMODE": query["sslmode"][0],
        "PGSSLROOTCERT": query["sslrootcert"][0],
    }  # fmt: skip # a table


NEW_INTERMEDIATE = """
record = "{state}/certs/ceremony-intermediate-2.json"

[[existing]]
name = "root"
certificate = "{state}/certs/root_ca.crt"
store = {{ {token}, token = "roots", pin_file = "{state}/secrets/offline/pin", label = "root", id = "01" }}

[[certificates]]
name = "intermediate-2"
role = "intermediate"
issuer = "root"
subject = {{ common_name = "Newel Intermediate CA 2", organization = "Newel" }}
certificate = "{state}/certs/intermediate_ca_2.crt"
urls = {{ crl = ["{http}/crl/{{issuer}}.crl"] }}
store = {{ {token}, {pin}, label = "intermediate-2", id = "11" }}

[[certificates]]
name = "ocsp-of-2"
role = "ocsp-responder"
issuer = "intermediate-2"
subject = {{ common_name = "Newel OCSP Responder", organization = "Newel" }}
certificate = "{state}/certs/ocsp_responder_of_2.crt"
store = {{ {token}, {pin}, label = "ocsp-of-2", id = "12" }}
"""
NEW_KEYS = """
[[keys]]
name = "intermediate-2"
certificate = "{state}/certs/intermediate_ca_2.crt"
certificates = {{ max_validity = "2160h" }}
crls = {{ max_validity = "240h" }}
store = {{ {token}, {pin}, label = "intermediate-2", id = "11" }}

[[keys]]
name = "ocsp-of-2"
certificate = "{state}/certs/ocsp_responder_of_2.crt"
ocsp = {{ issuer_certificate = "{state}/certs/intermediate_ca_2.crt" }}
store = {{ {token}, {pin}, label = "ocsp-of-2", id = "12" }}
"""
NEW_ANSWERS = """
[[issuers]]
certificate_file = "{state}/certs/intermediate_ca_2.crt"
crl_key = "intermediate-2"
responder_key = "ocsp-of-2"
responder_certificate_file = "{state}/certs/ocsp_responder_of_2.crt"
"""
NEW_ISSUER = """
[[issuers]]
key = "intermediate-2"
certificate_file = "{state}/certs/intermediate_ca_2.crt"
root_file = "{state}/certs/root_ca.crt"
"""


def test_a_new_intermediate_takes_over_and_the_old_one_answers_on(
    authority: Split, tmp_path: Path
) -> None:
    """docs/runbooks/key-ceremony.md, "A new intermediate"."""
    old = certificate(authority, tmp_path, "old")
    wait_until(lambda: authority.ocsp(old) == "good")
    pin = f'token = "newel", pin_file = "{authority.state}/secrets/signer/pin"'
    places = {
        "state": authority.state,
        "http": authority.http_url,
        "pin": pin,
        "token": f'kind = "pkcs11", module = "{find_program("libsofthsm2.so")}"',
    }
    plan = authority.state / "config/new-intermediate.toml"
    plan.write_text(NEW_INTERMEDIATE.format(**places))
    ceremony(authority, "new-intermediate")
    for service, text in (
        ("signer", NEW_KEYS),
        ("validation", NEW_ANSWERS),
        ("issuing", NEW_ISSUER),
    ):
        with authority.without(service):
            file = authority.state / f"config/{service}.toml"
            before = file.read_text().replace("[[issuers]]\n", "[[issuers]]\nactive = false\n")
            file.write_text(before + text.format(**places))
    new = wait_until(lambda: certificate(authority, tmp_path, "new"))
    issuer = x509.load_pem_x509_certificates(new.read_bytes())[1]
    assert (
        issuer.public_bytes(Encoding.PEM)
        == (authority.state / "certs/intermediate_ca_2.crt").read_bytes()
    )
    assert authority.ocsp(old) == "good"
    wait_until(lambda: len(lists(authority)) == 3)
    said = run(
        ["openssl", "ocsp", "-issuer", authority.state / "certs/intermediate_ca_2.crt", "-cert", new,
         "-url", f"{authority.http_url}/ocsp", "-CAfile", authority.root]
    )  # fmt: skip # a command line
    assert f"{new}: good" in said.stdout
    assert "Response verify OK" in said.stderr
    text = run(["curl", "-sf", f"{authority.http_url}/crls.pem"]).stdout
    (tmp_path / "crls.pem").write_text(text)
    for each in (old, new):
        run(
            ["openssl", "verify", "-crl_check_all", "-CAfile", authority.root, "-untrusted", each,
             "-CRLfile", tmp_path / "crls.pem", each]
        )  # fmt: skip # a command line
