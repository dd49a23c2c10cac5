"""A chain that does not hold together never issues."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import EPOCH, KEY, CertificateAuthority, below, make_authority
from newel.issuing.config import IssuerConfig
from newel.issuing.issuer_files import UnusableIssuerError
from newel.issuing.issuers import Issuers, read_issuer
from newel.runtime.errors import NewelError

pytestmark = pytest.mark.attack("X03")


def config(
    authority: CertificateAuthority, *, chain: Path | None = None, root: Path | None = None
) -> IssuerConfig:
    return IssuerConfig(
        key=KEY,
        certificate_file=chain or authority.chain_file,
        root_file=root or authority.root_file,
    )


def test_a_good_chain(authority: CertificateAuthority) -> None:
    issuer = read_issuer(config(authority))
    assert issuer.id == authority.id
    assert issuer.not_after == authority.intermediate.not_valid_after_utc


def test_chain_of_another_root(authority: CertificateAuthority, tmp_path: Path) -> None:
    other = make_authority(tmp_path, name="Other")
    with pytest.raises(UnusableIssuerError, match="was not issued by"):
        read_issuer(config(authority, root=other.root_file))


def test_path_length_exceeded(authority: CertificateAuthority, tmp_path: Path) -> None:
    """An intermediate of path length 0 stands above another."""
    lower = below(authority, tmp_path)
    with pytest.raises(UnusableIssuerError, match="path length"):
        read_issuer(config(authority, chain=lower))


def test_a_leaf_is_no_issuer(authority: CertificateAuthority, tmp_path: Path) -> None:
    leaf = below(authority, tmp_path, authority_like=False)
    with pytest.raises(UnusableIssuerError, match="not a CA's"):
        read_issuer(config(authority, chain=leaf))


@pytest.mark.parametrize(
    "text", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_no_certificate(authority: CertificateAuthority, tmp_path: Path, text: str) -> None:
    file = tmp_path / "none.crt"
    file.write_text(text)
    with pytest.raises(UnusableIssuerError, match=r"none\.crt"):
        read_issuer(config(authority, chain=file))


def test_of_several_roots_the_chain_ends_at_the_one_that_fits(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    other = make_authority(tmp_path, name="Other")
    both = tmp_path / "both.crt"
    both.write_bytes(other.root_file.read_bytes() + authority.root_file.read_bytes() * 2)
    root = authority.root.public_bytes(Encoding.DER)
    assert read_issuer(config(authority, root=both)).root == root
    files = (other.root_file, authority.root_file)
    several = config(authority).model_copy(update={"root_file": files})
    assert read_issuer(several).root == root
    with pytest.raises(UnusableIssuerError, match="was not issued by"):
        read_issuer(config(authority, root=other.root_file))


def test_of_two_certificates_of_one_root_the_one_that_is_valid_longest_counts(
    tmp_path: Path,
) -> None:
    """A root that was certified again with the same key: leaves may outlive its first certificate."""
    short = make_authority(tmp_path, name="Same", life=dt.timedelta(days=30))
    again = (
        x509.CertificateBuilder()
        .subject_name(short.root.subject)
        .issuer_name(short.root.subject)
        .public_key(short.root.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(short.root.not_valid_before_utc)
        .not_valid_after(short.root.not_valid_after_utc + dt.timedelta(days=365))
    )
    for extension in short.root.extensions:
        again = again.add_extension(extension.value, extension.critical)
    assert isinstance(short.root_key, ec.EllipticCurvePrivateKey)
    renewed = again.sign(short.root_key, hashes.SHA256())
    both = tmp_path / "both.crt"
    both.write_bytes(short.root_file.read_bytes() + renewed.public_bytes(Encoding.PEM))
    assert read_issuer(config(short, root=both)).root == renewed.public_bytes(Encoding.DER)


def test_the_issuer_that_is_valid_issues(tmp_path: Path) -> None:
    """Rotation: the old one ends, the next in the configuration takes over."""
    old = make_authority(tmp_path, name="Old", life=dt.timedelta(days=2))
    new = make_authority(tmp_path, name="New")
    issuers = Issuers([read_issuer(config(old)), read_issuer(config(new))])
    assert issuers.select(EPOCH).id == old.id
    assert issuers.select(EPOCH + dt.timedelta(days=2)).id == new.id
    with pytest.raises(NewelError, match="no issuer"):
        issuers.select(EPOCH + dt.timedelta(days=8000))
