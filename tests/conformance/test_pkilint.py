"""An independent linter finds nothing in any shape of what the library makes.

Severity NOTICE and above, so that what is merely unusual shows too; each exception is named below.
"""

import csv
import datetime as dt
import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType

import pytest
from pkilint.bin import lint_crl, lint_ocsp_response, lint_pkix_cert

from fixtures.certificates import END, NOW, PKI, START, body, hold, make_pki
from newel.crypto import ca, certificate, crl, der, distinguished_names, extensions, keys, ocsp
from newel.crypto import names as general_names
from newel.crypto.certificate import LeafEncoder
from newel.crypto.distinguished_names import Attribute
from newel.crypto.extensions import Extension
from newel.crypto.profile import Profile

KINDS = ["P-256", "P-384", "RSA-2048", "Ed25519"]
DAY = dt.timedelta(days=1)
STEP = Extension("1.3.6.1.4.1.37476.9000.64.1", False, bytes.fromhex("3003020101"))


@pytest.fixture(scope="module", params=KINDS)
def pki(request: pytest.FixtureRequest) -> PKI:
    """An authority of every kind of key."""
    return make_pki(request.param)


@pytest.fixture
def findings(tmp_path: Path) -> Callable[[ModuleType, bytes], list[str]]:
    """What a linter of pkilint finds in DER: codes and texts."""

    def run(linter: ModuleType, encoded: bytes) -> list[str]:
        file = tmp_path / "document"
        file.write_bytes(encoded)
        kind = ["-t", "CRL", "-p", "PKIX"] if linter is lint_crl else []
        options = ["--document-format", "DER", "-s", "NOTICE", "-f", "CSV", str(file)]
        with redirect_stdout(io.StringIO()) as printed:
            linter.main(["lint", *kind, *options])
        rows = list(csv.DictReader(io.StringIO(printed.getvalue())))
        return [f"{row['code']} {row['message'] or ''}".strip() for row in rows]

    return run


Findings = Callable[[ModuleType, bytes], list[str]]

SUBJECTS = {
    "no subject": distinguished_names.EMPTY,
    "common name": distinguished_names.encode([distinguished_names.common_name("a.test")]),
    "organization": distinguished_names.encode(
        [
            Attribute("2.5.4.6", "CH"),
            Attribute("2.5.4.8", "Zürich"),
            Attribute("2.5.4.7", "Zürich"),
            Attribute("2.5.4.10", "Example Org"),
            Attribute("2.5.4.11", "Unit"),
            Attribute("2.5.4.5", "1234"),
            Attribute("0.9.2342.19200300.100.1.25", "test"),
            Attribute("0.9.2342.19200300.100.1.25", "example"),
            Attribute("2.5.4.3", "a.test"),
        ]
    ),
}
NAMES = {
    "host": ["a.test"],
    "wildcard": ["*.a.test", "a.test"],
    "idn": ["münchen.test"],
    "address": ["10.0.0.1", "2001:db8::1"],
    "person": ["a@b.test"],
    "workload": ["spiffe://td.test/w", "urn:uuid:7cf2bd54-a9cb-4eb2-b3a8-4f1d46d43a2d"],
}
# pkilint's generic RFC 5280 rules know neither wildcards (RFC 9525 §6.3) nor, of URIs, more than web
# addresses with a top-level domain (RFC 5280 §4.2.1.6 asks for any absolute URI)
KNOWN = {"wildcard": "pkix.invalid_domain_name_syntax", "workload": "pkix.invalid_uri_syntax"}


def leaf(
    pki: PKI,
    spki: bytes,
    subject: bytes,
    names: Sequence[str],
    profile: Profile,
    extra: Sequence[Extension] = (STEP,),
) -> bytes:
    encoder = LeafEncoder(
        pki.issuer.certificate,
        profile,
        ocsp=["http://ocsp.test/"],
        ca_issuers=["http://ca.test/issuer.cer"],
        crl=["http://crl.test/issuer.crl"],
    )
    serial = body("leaf", pki.issuer.key, 80).serial
    start, end = profile.validity(NOW, issuer_not_after=END)
    tbs = encoder.tbs(serial, subject, spki, general_names.parse_sans(names), start, end, extra)
    return certificate.assemble(tbs, encoder.algorithm, keys.sign(pki.issuer.key, tbs))


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("names", NAMES)
def test_leaves_are_clean(findings: Findings, pki: PKI, subject: str, names: str) -> None:
    made = leaf(pki, pki.responder.spki, SUBJECTS[subject], NAMES[names], Profile())
    known = KNOWN.get(names, "")
    assert [each for each in findings(lint_pkix_cert, made) if each.split()[0] != known] == []


def test_pkilint_is_asked_rightly(findings: Findings, pki: PKI) -> None:
    """A sound certificate passes above because it is sound, not because nothing was looked at."""
    sound = leaf(pki, pki.responder.spki, distinguished_names.EMPTY, ["spoil.me.test"], Profile())
    spoiled = sound.replace(b"spoil.me", b"spoil..m")
    assert "pkix.invalid_domain_name_syntax" in findings(lint_pkix_cert, spoiled)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_leaves_of_every_key_are_clean(findings: Findings, pki: PKI, kind: str) -> None:
    spki = keys.spki(keys.generate(kind).public_key())
    for profile in (
        Profile(),
        Profile(extended_key_usage=(extensions.CLIENT_AUTH,)),
        Profile(default_duration=398 * DAY),
    ):
        made = leaf(pki, spki, SUBJECTS["common name"], NAMES["host"], profile)
        assert findings(lint_pkix_cert, made) == []


def test_certificates_of_ceremonies_are_clean(findings: Findings, pki: PKI) -> None:
    constraints = extensions.name_constraints(
        [general_names.dns_name("a.test").der], [der.tlv(0x87, bytes(8))]
    )
    pointers = ca.Pointers(["http://o.test/"], ["http://i.test/i.cer"], ["http://c.test/c.crl"])
    fields = body("Lower", pki.issuer.key, 81)
    bound = ca.intermediate_tbs(fields, pki.root.certificate, 0, constraints, pointers)
    internal = ca.internal_tbs(
        fields, pki.root.certificate, [general_names.dns_name("signer.newel.internal")]
    )
    made = [pki.root, pki.issuer, pki.responder]
    made += [hold(pki.issuer.key, tbs, pki.root.key) for tbs in (bound, internal)]
    for holder in made:
        assert findings(lint_pkix_cert, holder.der) == []


@pytest.mark.parametrize("count", [0, 1, 200])
def test_lists_are_clean(findings: Findings, pki: PKI, count: int) -> None:
    reasons = (None, 0, 1, 2, 3, 4, 5, 6, 9, 10)
    at = int(START.timestamp())
    entries = [
        crl.crl_entry(serial, at, reasons[serial % len(reasons)]) for serial in range(1, count + 1)
    ]
    for url in ("", "http://crl.test/issuer.crl"):
        encoder = crl.CRLEncoder(pki.issuer.certificate, url)
        tbs = encoder.tbs(count + 1, NOW, NOW + DAY, entries)
        made = encoder.assemble(tbs, keys.sign(pki.issuer.key, tbs))
        assert findings(lint_crl, made) == []


@pytest.mark.parametrize("nonce", [None, bytes(32)], ids=["plain", "nonce"])
@pytest.mark.parametrize("include", [True, False])
def test_responses_are_clean(
    findings: Findings, pki: PKI, nonce: bytes | None, *, include: bool
) -> None:
    for oid, name, key in ocsp.issuer_hashes(pki.issuer.certificate):
        algorithm = der.sequence(oid, b"\x05\x00")
        asked = der.sequence(
            algorithm, der.octet_string(name), der.octet_string(key), der.integer(5)
        )
        for status in (
            ocsp.SingleResponse(asked, NOW, NOW + DAY),
            ocsp.SingleResponse(asked, NOW, NOW + DAY, known=False),
            ocsp.SingleResponse(asked, NOW, NOW + DAY, revoked_at=START),
            ocsp.SingleResponse(asked, NOW, NOW + DAY, revoked_at=START, reason=1),
        ):
            for extended in (False, True):
                encoder = ocsp.ResponseEncoder(
                    pki.responder.certificate, include=include, extended_revoke=extended
                )
                data = encoder.response_data([status], NOW, nonce)
                made = encoder.response(data, keys.sign(pki.responder.key, data))
                assert findings(lint_ocsp_response, made) == []
