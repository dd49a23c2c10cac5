"""The CRL of a root: made with it, made again by one command, never less than it was."""

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from newel.crypto import crl_files
from newel.runtime.clock import SystemClock
from newel.signer.ceremony import command
from newel.signer.ceremony.authority import AuthorityFiles, create_authority
from newel.signer.ceremony.crl_command import main as make_crl

NOW = SystemClock().now()  # the command has the wall clock
URL = "http://ca.example:9080/crl/{issuer}.crl"


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def current(files: AuthorityFiles) -> x509.CertificateRevocationList:
    """The list, verified as the root's."""
    return crl_files.read_list(files.root_crl, load(files.root_certificate))


def flags(files: AuthorityFiles) -> list[str]:
    return [
        "--certificate", str(files.root_certificate), "--key", str(files.root_key),
        "--password-file", str(files.password_file), "--crl", str(files.root_crl),
    ]  # fmt: skip # a command line


@pytest.fixture
def authority(files: AuthorityFiles) -> AuthorityFiles:
    create_authority(files, "Example", NOW, root_crl_url=URL)
    return files


def test_a_new_authority_has_its_roots_list_and_says_where(authority: AuthorityFiles) -> None:
    crl = current(authority)
    assert len(crl) == 0
    assert crl.next_update_utc is not None
    assert (crl.next_update_utc - NOW).days in {364, 365}
    root, intermediate = load(authority.root_certificate), load(authority.intermediate_certificate)
    (point,) = intermediate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    identifier = json.loads(authority.record.read_text())["certificates"][0]["fingerprint_sha256"]
    url = URL.replace("{issuer}", identifier[:16])
    assert point.full_name == [x509.UniformResourceIdentifier(url)]
    with pytest.raises(x509.ExtensionNotFound):
        root.extensions.get_extension_for_class(x509.CRLDistributionPoints)


def test_an_authority_without_an_address_for_lists_names_none(files: AuthorityFiles) -> None:
    create_authority(files, "Example", NOW)
    with pytest.raises(x509.ExtensionNotFound):
        load(files.intermediate_certificate).extensions.get_extension_for_class(
            x509.CRLDistributionPoints
        )


@pytest.mark.needs("openssl")
def test_the_list_made_again_keeps_what_was_revoked(
    authority: AuthorityFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    first = current(authority)
    intermediate = authority.intermediate_certificate
    revoke = ["--revoke", str(intermediate), "--reason", "cessationOfOperation"]
    assert make_crl([*flags(authority), *revoke]) == 0
    assert "1 certificate revoked" in capsys.readouterr().out
    second = current(authority)
    assert make_crl([*flags(authority), "--revoke", str(intermediate), "--validity", "24h"]) == 0
    third = current(authority)
    numbers = [crl_files.list_number(crl) for crl in (first, second, third)]
    assert numbers == sorted(set(numbers))
    assert third.next_update_utc is not None
    assert second.next_update_utc is not None
    assert third.next_update_utc < second.next_update_utc
    # the first date and reason stay, however often it is said again
    assert crl_files.list_entries(third) == crl_files.list_entries(second)
    (entry,) = third
    assert entry.serial_number == load(intermediate).serial_number
    done = subprocess.run(
        [
            "openssl", "verify", "-crl_check_all", "-CAfile", authority.root_certificate,
            "-CRLfile", authority.root_crl, intermediate,
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip # a command line
    assert "certificate revoked" in done.stderr


def test_the_files_of_a_state_folder_are_found(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = folder / "state"
    certs, secrets = state / "certs", state / "secrets"
    files = AuthorityFiles(
        certs / "root_ca.crt",
        secrets / "root_ca_key",
        certs / "i.crt",
        secrets / "i_key",
        certs / "o.crt",
        secrets / "o_key",
        secrets / "password",
        state / "ceremony.json",
        certs / "root_ca.crl",
    )
    secrets.mkdir(parents=True)
    (folder / "password").rename(secrets / "password")
    create_authority(files, "Example", NOW)
    before = crl_files.list_number(current(files))
    assert make_crl(["--state", str(state)]) == 0
    assert crl_files.list_number(current(files)) > before
    files.root_key.rename(folder / "taken-away")
    assert make_crl(["--state", str(state)]) == 1
    assert "root_ca_key" in capsys.readouterr().err


def test_a_file_that_is_not_an_earlier_list_is_never_overwritten(
    authority: AuthorityFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    paths = {
        field.name: elsewhere / field.name
        for field in dataclasses.fields(AuthorityFiles)
        if field.name not in {"password_file", "intermediate_store"}
    }
    other = dataclasses.replace(authority, **paths)
    create_authority(other, "Other", NOW)
    for text in (other.root_crl.read_bytes(), authority.root_certificate.read_bytes(), b"precious"):
        authority.root_crl.write_bytes(text)
        assert make_crl(flags(authority)) == 1
        assert "is not an earlier list" in capsys.readouterr().err
        assert authority.root_crl.read_bytes() == text
    authority.root_crl.unlink()
    assert make_crl([*flags(authority), "--revoke", str(other.intermediate_certificate)]) == 1
    assert "was not issued by" in capsys.readouterr().err
    assert not authority.root_crl.exists()


def test_a_key_that_is_not_the_roots_signs_no_list(
    authority: AuthorityFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    before = authority.root_crl.read_bytes()
    words = flags(authority)
    words[words.index(str(authority.root_key))] = str(authority.intermediate_key)
    assert make_crl(words) == 1
    assert "is not this certificate's" in capsys.readouterr().err
    assert make_crl([*flags(authority), "--reason", "boredom", "--revoke", "x"]) == 1
    assert "reason" in capsys.readouterr().err
    assert authority.root_crl.read_bytes() == before


PLAN = """
[[existing]]
name = "root"
certificate = "{0}/root.crt"
store = {{ kind = "pkcs11", module = "{1}", token = "first", pin_file = "{2}", label = "crl-root", id = "63726c" }}

[[crls]]
issuer = "root"
file = "{0}/root.crl"
validity = "4320h"
"""


@pytest.mark.needs("openssl")
def test_a_root_in_a_token_signs_its_list(
    folder: Path, hsm: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    existing, crl = PLAN.format(folder, hsm.library, hsm.pin_file).split("[[crls]]")
    store = existing[existing.index("store") :]
    first = (
        f'record = "{folder}/ceremony.json"\n[[certificates]]\nname = "root"\nrole = "root"\n'
        f'subject = {{ common_name = "Token Root" }}\ncertificate = "{folder}/root.crt"\n{store}'
    )
    plan = folder / "plan.toml"
    plan.write_text(f"{first}\n[[crls]]{crl}")
    assert command.main([str(plan), "--dry-run"]) == 0
    assert not (folder / "root.crl").exists()
    assert command.main([str(plan)]) == 0
    made = crl_files.read_list(folder / "root.crl", load(folder / "root.crt"))
    record = json.loads((folder / "ceremony.json").read_text())
    assert record["crls"][0]["number"] == crl_files.list_number(made)
    # and again, by the key that is in the token already, without a record
    plan.write_text(f"{existing}[[crls]]{crl}")
    assert command.main([str(plan)]) == 0
    assert "CRL number" in capsys.readouterr().out
    again = crl_files.read_list(folder / "root.crl", load(folder / "root.crt"))
    assert crl_files.list_number(again) > crl_files.list_number(made)


@pytest.mark.parametrize(
    ("plan", "complaint"),
    [
        ("", "makes neither certificates nor crls"),
        ('[[crls]]\nissuer = "root"\nfile = "root.crl"\n', "the plan has no CA 'root'"),
        (PLAN.replace("root.crl", "root.crl").replace("4320h", "1s"), "validity"),
    ],
)
def test_a_plan_of_lists_that_makes_no_sense_is_refused(
    folder: Path, plan: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "plan.toml"
    path.write_text(plan.format(folder, folder / "library", folder / "password"))
    assert command.main([str(path)]) == 1
    assert complaint in capsys.readouterr().err
