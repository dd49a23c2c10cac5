"""Certificates in PKCS #7, as Windows and OpenSSL write them: commands read them as they read PEM."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from fixtures.certificates import PKI, make_pki
from newel.cli.errors import CliError
from newel.cli.jose import jws_headers
from newel.cli.main import dispatch
from newel.cli.operations import connection
from newel.cli.operations.certificates import root_files, sources
from newel.cli.operations.provisioners import bundles
from newel.crypto import pem


@pytest.fixture(scope="module")
def pki() -> PKI:
    return make_pki("P-256")


@pytest.fixture(params=["PKCS7", "PKCS #7 SIGNED DATA", "CMS", "DER"])
def file(request: pytest.FixtureRequest, pki: PKI, tmp_path: Path) -> str:
    """An issuer and its root, the root first."""
    given = [pki.root.certificate, pki.issuer.certificate]
    content = pkcs7.serialize_certificates(given, Encoding.DER)
    path = tmp_path / "chain.p7b"
    path.write_bytes(content if request.param == "DER" else pem.encode(content, request.param))
    return str(path)


def test_the_leaf_comes_first_in_every_reader(file: str, pki: PKI) -> None:
    wanted = [pki.issuer.der, pki.root.der]
    text = b"".join(map(pem.encode, wanted)).decode()
    assert [each.der for each in sources.from_file(file)] == wanted
    assert root_files.root_certificates(file) == wanted
    assert connection.read_roots(file) == text
    assert jws_headers.certificates(file) == [pki.issuer.certificate, pki.root.certificate]
    assert bundles.certificates([file]) == bundles.certificates([write(file, text)])


def write(file: str, text: str) -> str:
    path = Path(file).with_suffix(".pem")
    path.write_text(text)
    return str(path)


def test_another_encoding_of_binary_pkcs7_is_pem_and_of_pem_is_der(file: str, pki: PKI) -> None:
    out = Path(file).with_suffix(".out")
    dispatch(["certificate", "format", file, "--out", str(out)])
    text = b"".join(map(pem.encode, (pki.issuer.der, pki.root.der)))
    is_binary = Path(file).read_bytes()[:1] == b"\x30"
    assert out.read_bytes() == (text if is_binary else pki.issuer.der)


def test_broken_pkcs7_is_named_as_that(tmp_path: Path) -> None:
    path = tmp_path / "broken.p7b"
    path.write_bytes(pem.encode(b"octets", "PKCS7"))
    with pytest.raises(CliError, match=r"broken\.p7b: a PKCS #7 bundle that cannot be read"):
        sources.from_file(str(path))
