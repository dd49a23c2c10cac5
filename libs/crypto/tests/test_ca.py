"""Certificates of ceremonies, and what a ceremony refuses to make."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.certificates import END, PKI, body, hold
from newel.crypto import ca, extensions, keys, names

KEY = keys.generate("P-256")
BODY = body("New", KEY, 70)


def load_extensions(issuer_key: keys.PrivateKey, tbs: bytes) -> dict[str, x509.Extension[Any]]:
    certificate = hold(KEY, tbs, issuer_key).certificate
    return {each.oid.dotted_string: each for each in certificate.extensions}


def test_roots_sign_themselves(each_pki: PKI) -> None:
    root = each_pki.root.certificate
    root.verify_directly_issued_by(root)
    constraints = root.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=1)
    usage = root.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.value.key_cert_sign
    assert usage.value.crl_sign
    assert not usage.value.digital_signature


def test_intermediates_stay_within_their_issuer(pki: PKI) -> None:
    found = load_extensions(pki.root.key, ca.intermediate_tbs(BODY, pki.root.certificate, 0))
    assert found[extensions.BASIC_CONSTRAINTS].value.path_length == 0
    for path_length in (1, 2, None):
        with pytest.raises(ValueError, match="does not allow"):
            ca.intermediate_tbs(BODY, pki.root.certificate, path_length)
    with pytest.raises(ValueError, match="does not allow"):
        ca.intermediate_tbs(BODY, pki.issuer.certificate, 0)
    with pytest.raises(ValueError, match="not a CA"):
        ca.intermediate_tbs(BODY, pki.responder.certificate, 0)


@pytest.mark.attack("X03")
def test_intermediates_do_not_outlive_their_issuer(pki: PKI) -> None:
    late = replace(BODY, not_after=END.replace(year=2050))
    with pytest.raises(ValueError, match="outlive"):
        ca.intermediate_tbs(late, pki.root.certificate)


def test_intermediates_carry_constraints_and_pointers(pki: PKI) -> None:
    constraints = extensions.name_constraints([names.dns_name("a.test").der])
    pointers = ca.Pointers(["http://o.test/"], ["http://i.test/"], ["http://c.test/"])
    tbs = ca.intermediate_tbs(BODY, pki.root.certificate, 0, constraints, pointers)
    found = load_extensions(pki.root.key, tbs)
    assert found[extensions.NAME_CONSTRAINTS].critical
    permitted = found[extensions.NAME_CONSTRAINTS].value.permitted_subtrees
    assert permitted == [x509.DNSName("a.test")]
    locations = [
        each.access_location.value for each in found[extensions.AUTHORITY_INFORMATION_ACCESS].value
    ]
    assert locations == ["http://o.test/", "http://i.test/"]
    assert extensions.CRL_DISTRIBUTION_POINTS in found


@pytest.mark.attack("X10")
def test_responders_are_for_ocsp_and_never_asked_about(pki: PKI) -> None:
    responder = pki.responder.certificate
    found = {each.oid.dotted_string: each for each in responder.extensions}
    purposes = [each.dotted_string for each in found[extensions.EXTENDED_KEY_USAGE].value]
    assert purposes == [extensions.OCSP_SIGNING]
    assert extensions.OCSP_NO_CHECK in found
    assert extensions.AUTHORITY_INFORMATION_ACCESS not in found
    assert extensions.CRL_DISTRIBUTION_POINTS not in found
    responder.verify_directly_issued_by(pki.issuer.certificate)


@pytest.mark.parametrize("kind", ["P-256", "RSA-2048", "Ed25519"])
def test_internal_certificates_serve_and_connect(pki: PKI, kind: str) -> None:
    key = keys.generate(kind)
    fields = replace(BODY, spki=keys.spki(key.public_key()), subject=b"\x30\x00")
    issuer = pki.issuer.certificate
    tbs = ca.internal_tbs(fields, issuer, [names.dns_name("signer.newel.internal")])
    found = load_extensions(pki.issuer.key, tbs)
    assert found[extensions.SUBJECT_ALT_NAME].critical
    assert found[extensions.KEY_USAGE].value.key_encipherment == (kind == "RSA-2048")
    with pytest.raises(ValueError, match="needs a name"):
        ca.internal_tbs(fields, issuer, [])


@pytest.mark.parametrize(
    "make",
    [
        lambda: extensions.key_usage([]),
        lambda: extensions.key_usage(["unheardOf"]),
        lambda: extensions.extended_key_usage([]),
        lambda: extensions.basic_constraints(ca=False, path_length=1),
        extensions.name_constraints,
        lambda: extensions.crl_distribution_points(["not a url"]),
    ],
)
def test_extensions_that_make_no_sense_cannot_be_made(make: Any) -> None:
    with pytest.raises(ValueError, match=r"usage|purpose|path length|subtree|not in|URI|domain"):
        make()


@pytest.mark.parametrize("count", range(1, 10))
def test_key_usage_bits_are_the_librarys(count: int) -> None:
    usages = list(extensions.KEY_USAGES)[:count]
    if "encipherOnly" in usages or "decipherOnly" in usages:
        usages.append("keyAgreement")
    library = x509.KeyUsage(*[usage in usages for usage in extensions.KEY_USAGES])
    assert extensions.key_usage(usages).value == library.public_bytes()


@pytest.mark.needs("openssl")
def test_openssl_accepts_the_hierarchy_strictly(each_pki: PKI, tmp_path: Path) -> None:
    for name in ("root", "issuer", "responder"):
        pem = getattr(each_pki, name).certificate.public_bytes(Encoding.PEM)
        (tmp_path / name).write_bytes(pem)
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "root", "-untrusted", "issuer"]
    run = subprocess.run(
        [*command, "-purpose", "ocsphelper", "responder"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout == "responder: OK\n", run.stderr
