"""The ceremony: what it makes is what openssl takes, and it never overwrites anything."""

import datetime as dt
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from newel.crypto import keys
from newel.signer.ceremony import command
from newel.signer.ceremony.authority import AuthorityFiles, create_authority, reissue_responder

PLAN = """
record = "{0}/ceremony.json"

[[certificates]]
name = "root"
role = "root"
subject = {{ common_name = "Example Root CA", organization = "Example", country = "SE" }}
algorithm = "{1}"
certificate = "{0}/root.crt"
{2}

[[certificates]]
name = "intermediate"
role = "intermediate"
issuer = "root"
subject = {{ common_name = "Example Intermediate CA" }}
algorithm = "{1}"
certificate = "{0}/intermediate.crt"
urls = {{ ca_issuers = ["http://ca.example/root"] }}
{3}

[[certificates]]
name = "ocsp"
role = "ocsp-responder"
issuer = "intermediate"
subject = {{ common_name = "Example OCSP" }}
certificate = "{0}/ocsp.crt"
store = {{ kind = "file", path = "{0}/ocsp.key", password_file = "{0}/password" }}

[[certificates]]
name = "internal"
role = "root"
path_length = 0
subject = {{ common_name = "Internal" }}
certificate = "{0}/internal.crt"
store = {{ kind = "file", path = "{0}/internal.key", password_file = "{0}/password" }}

[[certificates]]
name = "issuing"
role = "service"
issuer = "internal"
subject = {{ common_name = "issuing" }}
dns_names = ["issuing"]
certificate = "{0}/issuing.crt"
store = {{ kind = "file", path = "{0}/issuing.key" }}
"""


def in_file(folder: Path, name: str) -> str:
    return (
        f'store = {{ kind = "file", path = "{folder}/{name}.key",'
        f' password_file = "{folder}/password" }}'
    )


def in_token(hsm: Any, name: str) -> str:
    return (
        f'store = {{ kind = "pkcs11", module = "{hsm.library}", token = "first",'
        f' pin_file = "{hsm.pin_file}", label = "{name}", id = "{name.encode().hex()}" }}'
    )


def write_plan(folder: Path, algorithm: str, root: str, intermediate: str) -> str:
    path = folder / "ceremony.toml"
    path.write_text(PLAN.format(folder, algorithm, root, intermediate))
    return str(path)


def openssl(*arguments: object) -> str:
    done = subprocess.run(
        ["openssl", *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return done.stdout


def assert_openssl_takes(folder: Path) -> None:
    root, intermediate = folder / "root.crt", folder / "intermediate.crt"
    verify = ("verify", "-x509_strict")
    openssl(*verify, "-CAfile", root, intermediate)
    openssl(*verify, "-CAfile", root, "-untrusted", intermediate, folder / "ocsp.crt")
    openssl(
        *verify, "-CAfile", folder / "internal.crt", "-purpose", "sslserver", folder / "issuing.crt"
    )
    text = openssl("x509", "-in", folder / "ocsp.crt", "-noout", "-text")
    assert "OCSP Signing" in text
    assert "OCSP No Check" in text
    assert "pathlen:1" in openssl("x509", "-in", root, "-noout", "-text")
    assert "pathlen:0" in openssl("x509", "-in", intermediate, "-noout", "-text")


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("algorithm", ["P-256", "P-384", "RSA-2048", "Ed25519"])
def test_a_ceremony_on_files(
    folder: Path, algorithm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(folder, algorithm, in_file(folder, "root"), in_file(folder, "intermediate"))
    assert command.main([plan, "--dry-run"]) == 0
    assert sorted(p.name for p in folder.iterdir()) == ["ceremony.toml", "password"]
    capsys.readouterr()
    assert command.main([plan]) == 0
    said = capsys.readouterr().out
    assert_openssl_takes(folder)
    record = json.loads((folder / "ceremony.json").read_text())
    assert [each["name"] for each in record["certificates"]] == [
        "root",
        "intermediate",
        "ocsp",
        "internal",
        "issuing",
    ]
    for each in record["certificates"]:
        assert each["fingerprint_sha256"] in said
    for name in ("root", "intermediate", "ocsp", "internal", "issuing"):
        assert (folder / f"{name}.key").stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in (folder / "root.key").read_bytes()


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("algorithm", ["P-256", "RSA-2048"])
def test_a_ceremony_on_a_token(folder: Path, hsm: Any, algorithm: str) -> None:
    root, intermediate = f"root-{algorithm}", f"intermediate-{algorithm}"
    plan = write_plan(folder, algorithm, in_token(hsm, root), in_token(hsm, intermediate))
    assert command.main([plan]) == 0
    assert_openssl_takes(folder)
    assert not (folder / "root.key").exists()
    # the same keys again, into another folder: the token's own objects are in the way
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (folder / "password").rename(elsewhere / "password")
    again = write_plan(elsewhere, algorithm, in_token(hsm, root), in_token(hsm, intermediate))
    assert command.main([again]) == 1
    assert sorted(p.name for p in elsewhere.iterdir()) == ["ceremony.toml", "password"]


@pytest.mark.parametrize("taken", ["root.crt", "root.key", "issuing.key", "ceremony.json"])
def test_nothing_is_overwritten_and_nothing_else_is_made(
    folder: Path, taken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = write_plan(folder, "P-256", in_file(folder, "root"), in_file(folder, "intermediate"))
    (folder / taken).write_text("precious")
    before = sorted(p.name for p in folder.iterdir())
    assert command.main([plan]) == 1
    assert "overwrites nothing" in capsys.readouterr().err
    assert sorted(p.name for p in folder.iterdir()) == before
    assert (folder / taken).read_text() == "precious"


def test_a_ceremony_that_fails_takes_its_token_keys_back(folder: Path, hsm: Any) -> None:
    from newel.signer.keystore.opening import token_key_exists
    from newel.signer.stores import PKCS11Store

    plan = write_plan(folder, "P-256", in_token(hsm, "lost-root"), in_token(hsm, "lost"))
    (folder / "password").unlink()  # the responder's key cannot be protected
    assert command.main([plan]) == 1
    store = PKCS11Store(
        kind="pkcs11",
        module=hsm.library,
        token="first",
        pin_file=hsm.pin_file,
        label="lost-root",
        id=b"lost-root",
    )
    assert not token_key_exists(store)
    assert sorted(p.name for p in folder.iterdir()) == ["ceremony.toml"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('issuer = "root"\n', 'issuer = "absent"\n'), "no CA 'absent' precedes it"),
        (('name = "intermediate"', 'name = "root"'), "two certificates are named root"),
        (("path_length = 0", "path_length = 0\nsurprise = 1"), "surprise"),
        (('dns_names = ["issuing"]', ""), "dns_names"),
        (('dns_names = ["issuing"]', 'dns_names = ["bad name"]'), "not a domain name"),
        (("/issuing.crt", "/internal.crt"), "the same file"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(
    folder: Path, change: tuple[str, str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Path(write_plan(folder, "P-256", in_file(folder, "root"), in_file(folder, "i")))
    plan.write_text(plan.read_text().replace(*change))
    assert command.main([str(plan)]) == 1
    assert complaint in capsys.readouterr().err
    assert not (folder / "root.crt").exists()


def test_a_service_key_with_a_password_or_a_ca_key_without_is_refused(folder: Path) -> None:
    bare = f'store = {{ kind = "file", path = "{folder}/root.key" }}'
    assert command.main([write_plan(folder, "P-256", bare, in_file(folder, "i"))]) == 1
    assert not (folder / "root.key").exists()


NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_embedded_authority(files: AuthorityFiles) -> None:
    fingerprint = create_authority(files, "Example", NOW)
    root, intermediate = load(files.root_certificate), load(files.intermediate_certificate)
    intermediate.verify_directly_issued_by(root)
    load(files.responder_certificate).verify_directly_issued_by(intermediate)
    record = json.loads(files.record.read_text())
    assert record["certificates"][0]["fingerprint_sha256"] == fingerprint
    assert root.not_valid_before_utc == NOW - dt.timedelta(minutes=1)
    life = root.not_valid_after_utc - root.not_valid_before_utc + dt.timedelta(seconds=1)
    assert life == dt.timedelta(days=3650)  # both ends are part of it
    assert intermediate.not_valid_after_utc == root.not_valid_after_utc
    assert_an_authoritys_extensions(root, path_length=1)
    assert_an_authoritys_extensions(intermediate, path_length=0)
    with pytest.raises(Exception, match="overwrites nothing"):
        create_authority(files, "Example", NOW)


def test_a_responder_made_while_the_clock_ran_ahead_is_issued_again(files: AuthorityFiles) -> None:
    create_authority(files, "Example", NOW)
    assert reissue_responder(files, NOW + dt.timedelta(days=21))
    now = NOW + dt.timedelta(hours=1)
    assert reissue_responder(files, now)
    assert load(files.responder_certificate).not_valid_before_utc <= now
    assert not reissue_responder(files, now)


def assert_an_authoritys_extensions(authority: x509.Certificate, path_length: int) -> None:
    """Key usage, basic constraints and key identifier; no purposes and no names of its own."""
    found = {type(each.value): each for each in authority.extensions}
    assert x509.ExtendedKeyUsage not in found
    assert x509.SubjectAlternativeName not in found
    usage, basic = found[x509.KeyUsage], found[x509.BasicConstraints]
    assert usage.critical
    assert usage.value == x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    assert basic.critical
    assert basic.value == x509.BasicConstraints(ca=True, path_length=path_length)
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    assert found[x509.SubjectKeyIdentifier].value == identifier


def test_the_responder_is_issued_again_for_its_key_after_two_thirds_of_its_life(
    files: AuthorityFiles,
) -> None:
    create_authority(files, "Example", NOW)
    first = load(files.responder_certificate)
    assert not reissue_responder(files, NOW + dt.timedelta(days=19))
    later = NOW + dt.timedelta(days=20, minutes=1)
    assert reissue_responder(files, later)
    second = load(files.responder_certificate)
    second.verify_directly_issued_by(load(files.intermediate_certificate))
    assert second.public_key() == first.public_key()
    assert second.subject == first.subject
    assert second.not_valid_after_utc > first.not_valid_after_utc + dt.timedelta(days=19)
    assert second.serial_number != first.serial_number
    assert not reissue_responder(files, later)
    assert keys.load_private_key(files.responder_key.read_bytes(), b"correct horse")
