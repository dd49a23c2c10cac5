"""The successor of an intermediate: like the one before, under a name and a key of its own."""

import dataclasses
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from fixtures.authority import make_authority
from newel.crypto.certificate import subject_public_key_info
from newel.crypto.extensions import Extension
from newel.runtime.clock import SystemClock
from newel.signer.ceremony.authority import AuthorityFiles, create_authority
from newel.signer.ceremony.certificates import CeremonyError
from newel.signer.ceremony.succession import SuccessionFiles, create_successor

NOW = SystemClock().now()
URL = "http://ca.example:9080/crl/{issuer}.crl"
CONSTRAINTS = x509.NameConstraints([x509.DNSName("example")], None)


def after(files: AuthorityFiles, number: int) -> SuccessionFiles:
    return SuccessionFiles(
        files.root_certificate,
        files.root_key,
        files.password_file,
        files.root_crl,
        files.intermediate_certificate,
        files.record.with_name(f"{number}.crt"),
        files.record.with_name(f"{number}.key"),
        files.password_file,
        files.record.with_name(f"{number}.json"),
    )


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def spki(path: Path) -> bytes:
    return subject_public_key_info(load(path))


def test_each_successor_has_a_name_and_a_key_of_its_own(files: AuthorityFiles) -> None:
    create_authority(files, "Example", NOW)
    names = [load(files.intermediate_certificate).subject]
    spkis = {spki(files.intermediate_certificate)}
    for number in (2, 3):
        made = after(files, number)
        create_successor(made, number, NOW, URL)
        successor = load(made.new_certificate)
        successor.verify_directly_issued_by(load(files.root_certificate))
        assert successor.extensions.get_extension_for_class(x509.CRLDistributionPoints)
        names.append(successor.subject)
        spkis.add(spki(made.new_certificate))
        files = dataclasses.replace(files, intermediate_certificate=made.new_certificate)
    assert [name.rfc4514_string() for name in names] == [
        "CN=Example Intermediate CA,O=Example",
        "CN=Example Intermediate CA 2,O=Example",
        "CN=Example Intermediate CA 3,O=Example",
    ]
    assert len(spkis) == 3


def test_the_key_is_of_the_kind_of_the_one_before(files: AuthorityFiles, tmp_path: Path) -> None:
    create_authority(files, "Example", NOW)
    elder = make_authority(tmp_path, now=NOW, kind="RSA-3072")
    made = dataclasses.replace(after(files, 2), intermediate_certificate=elder.chain_file)
    create_successor(made, 2, NOW, URL)
    key = load(made.new_certificate).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.key_size == 3072


def test_what_a_successor_would_not_have_keeps_it_from_being_made(
    files: AuthorityFiles, tmp_path: Path
) -> None:
    create_authority(files, "Example", NOW)
    value = CONSTRAINTS.public_bytes()
    limited = make_authority(tmp_path, now=NOW, constraints=Extension("2.5.29.30", True, value))
    made = dataclasses.replace(after(files, 2), intermediate_certificate=limited.chain_file)
    crl = files.root_crl.read_bytes()
    with pytest.raises(CeremonyError, match=r"2\.5\.29\.30"):
        create_successor(made, 2, NOW, URL)
    assert not made.new_key.exists()
    assert files.root_crl.read_bytes() == crl


def test_a_key_that_is_not_the_roots_makes_nothing(files: AuthorityFiles) -> None:
    create_authority(files, "Example", NOW)
    made = dataclasses.replace(after(files, 2), root_key=files.intermediate_key)
    with pytest.raises(CeremonyError, match="not this certificate's"):
        create_successor(made, 2, NOW, URL)
    assert not made.new_certificate.exists()
    assert not made.new_key.exists()
