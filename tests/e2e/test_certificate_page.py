"""docs/certificates.md says what stands in the certificates that a running authority issues."""

import datetime as dt
import os
import re
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from fixtures.running import BIN, Authority

PAGE = Path(__file__).parents[2] / "docs/certificates.md"
ROW = re.compile(r"^\| ([^|]+) \| (yes|no|only if [^|]+) \|", re.MULTILINE)
NAMES: dict[str, str] = {
    ExtensionOID.KEY_USAGE.dotted_string: "Key Usage",
    ExtensionOID.EXTENDED_KEY_USAGE.dotted_string: "Extended Key Usage",
    ExtensionOID.SUBJECT_KEY_IDENTIFIER.dotted_string: "Subject Key Identifier",
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER.dotted_string: "Authority Key Identifier",
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS.dotted_string: "Authority Information Access",
    ExtensionOID.CRL_DISTRIBUTION_POINTS.dotted_string: "CRL Distribution Points",
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME.dotted_string: "Subject Alternative Name",
    ExtensionOID.BASIC_CONSTRAINTS.dotted_string: "Basic Constraints",
    ExtensionOID.OCSP_NO_CHECK.dotted_string: "OCSP No Check",
}


def read_table(heading: str) -> list[tuple[str, bool]]:
    """Read the extensions of a section, in order, and whether each is critical."""
    section = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [(name, critical == "yes") for name, critical in ROW.findall(section)]


def list_extensions(certificate: x509.Certificate) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    for each in certificate.extensions:
        identifier = str(each.oid.dotted_string)
        found.append((NAMES.get(identifier, identifier), bool(each.critical)))
    return found


@pytest.fixture(scope="module")
def leaf(newel_authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> x509.Certificate:
    home = tmp_path_factory.mktemp("home")
    subprocess.run(
        [
            BIN / "newel", "ca", "certificate", "page.internal", "page.crt", "page.key",
            "--ca-url", newel_authority.url, "--root", newel_authority.root, "--provisioner", "admin",
            "--provisioner-password-file", newel_authority.password_file,
        ],
        cwd=home, env={**os.environ, "STEPPATH": str(home)}, check=True, timeout=60,
        stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip # a command line
    return x509.load_pem_x509_certificate((home / "page.crt").read_bytes())


def test_a_leaf_has_the_extensions_of_the_page_in_its_order(leaf: x509.Certificate) -> None:
    assert list_extensions(leaf) == read_table("Leaf certificates")


def test_a_leaf_has_the_fields_of_the_page(leaf: x509.Certificate) -> None:
    assert leaf.version is x509.Version.v3
    assert (leaf.serial_number.bit_length() + 7) // 8 in {17, 18}
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    assert end - begin == dt.timedelta(hours=24, minutes=1)
    assert leaf.subject.rfc4514_string() == "CN=page.internal"
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_encipherment


@pytest.mark.parametrize(
    ("heading", "file"),
    [
        ("The root", "root_ca"),
        ("The intermediate", "intermediate_ca"),
        ("The OCSP responder", "ocsp_responder"),
    ],
)
def test_the_authority_has_the_extensions_of_the_page(
    newel_authority: Authority, heading: str, file: str
) -> None:
    pem = (newel_authority.state / f"certs/{file}.crt").read_bytes()
    assert list_extensions(x509.load_pem_x509_certificate(pem)) == read_table(heading)
