"""Every rule of the certificate linter, each shown to bite by a certificate that breaks it alone."""

import datetime as dt
import ipaddress
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from newel.crypto import ca, der, distinguished_names, extensions, keys, lint, names, serials
from newel.crypto.certificate import LeafEncoder, issuer_key_identifier, issuer_name
from newel.crypto.distinguished_names import Attribute
from newel.crypto.extensions import Extension
from newel.crypto.lints import (
    certificate_authority,
    certificate_extensions,
    certificate_fields,
    certificate_names,
    lists,
    responses,
)
from newel.crypto.profile import Profile

START = dt.datetime(2026, 11, 21, 12, 0, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
KEY = keys.generate("P-256")
SPKI = keys.spki(KEY.public_key())
RSA_SPKI = keys.spki(keys.generate("RSA-2048").public_key())

GeneralNames = list[names.GeneralName]
NAMES: GeneralNames = [names.dns_name("leaf.example.test")]
AUTHORITY_EXTENSIONS = {
    extensions.BASIC_CONSTRAINTS: extensions.basic_constraints(ca=True, path_length=0),
    extensions.KEY_USAGE: extensions.key_usage(["keyCertSign"]),
    extensions.SUBJECT_ALT_NAME: None,
    extensions.EXTENDED_KEY_USAGE: None,
}


def raw_names(*encoded: bytes) -> Extension:
    return Extension(extensions.SUBJECT_ALT_NAME, False, der.sequence(*encoded))


class Draft:
    """A sound leaf of ``issuer`` whose fields a test replaces, one at a time."""

    def __init__(self, issuer: Any) -> None:
        certificate = issuer.certificate
        self.version = bytes.fromhex("a003020102")
        self.serial = serials.from_int(1 << 100)
        self.algorithm = keys.signature_algorithm(certificate.public_key())
        self.issuer = issuer_name(certificate)
        self.not_before = der.time(START)
        self.not_after = der.time(START + DAY)
        self.subject = distinguished_names.encode([Attribute("2.5.4.3", "leaf")])
        self.spki = SPKI
        self.unique = b""
        self.extensions: dict[str, Extension | None] = {
            extension.oid: extension
            for extension in (
                extensions.key_usage(["digitalSignature"]),
                extensions.extended_key_usage([extensions.SERVER_AUTH, extensions.CLIENT_AUTH]),
                extensions.subject_key_identifier(keys.key_identifier(SPKI)),
                extensions.authority_key_identifier(issuer_key_identifier(certificate)),
                extensions.authority_information_access(["http://o.test/"], ["http://c.test/"]),
                extensions.crl_distribution_points(["http://c.test/crl"]),
                extensions.subject_alt_name(NAMES, critical=False),
            )
        }

    def with_extensions(self, changes: dict[str, Extension | None]) -> "Draft":
        self.extensions.update(changes)
        return self

    def critical(self, oid: str, *, critical: bool = True) -> "Draft":
        extension = self.extensions[oid]
        assert extension
        return self.with_extensions({oid: Extension(oid, critical, extension.value)})

    def set(self, **fields: Any) -> "Draft":
        for name, value in fields.items():
            setattr(self, name, value)
        return self

    @property
    def tbs(self) -> bytes:
        encoded = der.sequence(*[each.der for each in self.extensions.values() if each])
        return der.sequence(
            self.version,
            der.tlv(der.INTEGER, self.serial),
            self.algorithm,
            self.issuer,
            der.sequence(self.not_before, self.not_after),
            self.subject,
            self.spki,
            self.unique,
            der.explicit(3, encoded),
        )


def policies(oid: str, *, critical: bool = True) -> dict[str, Extension | None]:
    value = (
        der.integer(0) if oid == extensions.INHIBIT_ANY_POLICY else der.sequence(b"\x80\x01\x00")
    )
    return {oid: Extension(oid, critical, value)}


def same(extension: Extension) -> dict[str, Extension | None]:
    return {extension.oid: extension}


RESPONDER_EXTENSIONS = {
    **same(extensions.extended_key_usage([extensions.OCSP_SIGNING])),
    **same(extensions.ocsp_no_check()),
}

CASES: list[tuple[str, Callable[[Draft], Draft]]] = [
    ("e_invalid_certificate_version", lambda d: d.set(version=b"")),
    ("e_serial_number_not_positive_or_longer_than_20_octets", lambda d: d.set(serial=b"\x00")),
    ("e_serial_number_not_positive_or_longer_than_20_octets", lambda d: d.set(serial=b"\x01" * 21)),
    (
        "e_signature_algorithm_not_of_issuer_key",
        lambda d: d.set(algorithm=der.sequence(der.oid("1.3.101.112"))),
    ),
    (
        "e_signature_algorithm_not_of_issuer_key",  # ECDSA with SHA-1
        lambda d: d.set(algorithm=der.sequence(der.oid("1.2.840.10045.4.1"))),
    ),
    ("e_issuer_dn_mismatch", lambda d: d.set(issuer=d.subject)),
    (
        "e_issuer_dn_mismatch",  # the same text as another string type
        lambda d: d.set(issuer=d.issuer.replace(b"\x0c\x06Issuer", b"\x13\x06Issuer")),
    ),
    ("e_wrong_time_format", lambda d: d.set(not_before=der.generalized_time(START))),
    ("e_validity_time_not_positive", lambda d: d.set(not_before=der.time(START + 2 * DAY))),
    (
        "e_validity_exceeds_issuer",
        lambda d: d.set(not_after=der.time(dt.datetime(2050, 1, 1, tzinfo=dt.UTC))),
    ),
    ("e_subject_attribute_out_of_bounds", lambda d: d.set(subject=_subject("2.5.4.3", b"x" * 65))),
    (
        "e_subject_attribute_out_of_bounds",
        lambda d: d.set(subject=_subject("2.5.4.6", b"CH", tag=0x0C)),
    ),
    ("e_subject_attribute_out_of_bounds", lambda d: d.set(subject=_subject("2.5.4.3", b"a\x00b"))),
    ("e_cert_contains_unique_identifier", lambda d: d.set(unique=der.tlv(0x81, b"\x00a"))),
    (
        "e_critical_extension_unknown",
        lambda d: d.with_extensions(same(Extension("1.2.3.4", True, b"\x05\x00"))),
    ),
    ("e_critical_extension_unknown", lambda d: d.critical(extensions.AUTHORITY_KEY_IDENTIFIER)),
    ("e_critical_extension_unknown", lambda d: d.critical(extensions.AUTHORITY_INFORMATION_ACCESS)),
    (
        "e_ext_authority_key_identifier_mismatch",
        lambda d: d.with_extensions({extensions.AUTHORITY_KEY_IDENTIFIER: None}),
    ),
    (
        "e_ext_authority_key_identifier_mismatch",
        lambda d: d.with_extensions(same(extensions.authority_key_identifier(b"another"))),
    ),
    (
        "e_ext_subject_key_identifier_missing",
        lambda d: d.with_extensions({extensions.SUBJECT_KEY_IDENTIFIER: None}),
    ),
    (
        "e_ext_key_usage_missing_or_not_critical",
        lambda d: d.with_extensions({extensions.KEY_USAGE: None}),
    ),
    (
        "e_ext_key_usage_missing_or_not_critical",
        lambda d: d.critical(extensions.KEY_USAGE, critical=False),
    ),
    (
        "e_key_usage_inconsistent_with_key",
        lambda d: d.with_extensions(
            same(extensions.key_usage(["digitalSignature", "keyEncipherment"]))
        ),
    ),
    (
        "e_key_usage_and_extended_key_usage_inconsistent",
        lambda d: d.with_extensions(same(extensions.key_usage(["contentCommitment"]))),
    ),
    (
        "e_ext_key_usage_contains_any",
        lambda d: d.with_extensions(
            same(extensions.extended_key_usage([extensions.ANY_EXTENDED_KEY_USAGE]))
        ),
    ),
    (
        "e_ocsp_signing_not_alone",  # without nocheck
        lambda d: d.with_extensions(same(extensions.extended_key_usage([extensions.OCSP_SIGNING]))),
    ),
    (
        "e_ocsp_signing_not_alone",  # nocheck where no one signs
        lambda d: d.with_extensions(same(extensions.ocsp_no_check())),
    ),
    (
        "e_ocsp_signing_not_alone",  # with another purpose
        lambda d: d.with_extensions(
            {
                **RESPONDER_EXTENSIONS,
                **same(
                    extensions.extended_key_usage([extensions.OCSP_SIGNING, extensions.SERVER_AUTH])
                ),
            }
        ),
    ),
    (
        "e_ext_crl_distribution_point_not_url",
        lambda d: d.with_extensions(same(extensions.crl_distribution_points(["https://c.test/"]))),
    ),
    (
        "e_ext_aia_location_not_url",
        lambda d: d.with_extensions(
            same(extensions.authority_information_access(["https://ocsp.test/"]))
        ),
    ),
    (
        "e_ext_tls_feature_without_ocsp_responder",
        lambda d: d.with_extensions(
            {
                extensions.TLS_FEATURE: extensions.MUST_STAPLE,
                **same(extensions.authority_information_access([], ["http://c.test/"])),
            }
        ),
    ),
    (
        "e_subject_empty_without_san",
        lambda d: d.set(subject=b"\x30\x00").with_extensions({extensions.SUBJECT_ALT_NAME: None}),
    ),
    (
        "e_ext_san_not_critical_without_subject",
        lambda d: d.set(subject=b"\x30\x00"),
    ),
    (
        "e_ext_san_not_critical_without_subject",
        lambda d: d.critical(extensions.SUBJECT_ALT_NAME),
    ),
    ("e_ext_san_no_entries", lambda d: d.with_extensions(same(raw_names()))),
    *[
        (
            "e_ext_san_unsupported_name_type",
            lambda d, tag=tag, value=value: d.with_extensions(
                same(raw_names(NAMES[0].der, der.tlv(tag, value)))
            ),
        )
        for tag, value in (
            (0x87, bytes(3)),
            (0x87, bytes(8)),
            (0x88, b"\x2a\x03"),  # registeredID
            (0xA4, b"\x30\x00"),  # directoryName
        )
    ],
    *[
        (
            "e_ext_san_dns_name_not_preferred_syntax",
            lambda d, name=name: d.with_extensions(same(raw_names(der.tlv(0x82, name)))),
        )
        for name in (
            b"a..b",
            b"Upper.test",
            b"dot.test.",
            b"a b.test",
            b"w*.test",
            b"1.2.3.4",
            b"a\x00.test",
        )
    ],
    (
        "e_ext_san_rfc822_format_invalid",
        lambda d: d.with_extensions(same(raw_names(der.tlv(0x81, b"Name <a@b.test>")))),
    ),
    (
        "e_ext_san_uri_format_invalid",
        lambda d: d.with_extensions(same(raw_names(der.tlv(0x86, b"/path")))),
    ),
    (
        "e_ext_san_duplicate_name",
        lambda d: d.with_extensions(same(raw_names(NAMES[0].der, NAMES[0].der))),
    ),
    (
        "e_basic_constraints_and_key_cert_sign_inconsistent",
        lambda d: d.with_extensions(
            same(extensions.key_usage(["digitalSignature", "keyCertSign"]))
        ),
    ),
    (
        "e_basic_constraints_not_critical",
        lambda d: d.with_extensions(AUTHORITY_EXTENSIONS).critical(
            extensions.BASIC_CONSTRAINTS, critical=False
        ),
    ),
    (
        "e_ext_name_constraints_not_in_ca",
        lambda d: d.with_extensions(same(extensions.name_constraints([NAMES[0].der]))),
    ),
    (
        "e_ext_policy_constraints_not_in_ca",
        lambda d: d.with_extensions(policies(extensions.POLICY_CONSTRAINTS)),
    ),
    (
        "e_ext_policy_constraints_not_in_ca",
        lambda d: d.with_extensions(AUTHORITY_EXTENSIONS).with_extensions(
            policies(extensions.INHIBIT_ANY_POLICY, critical=False)
        ),
    ),
    (
        "e_ca_subject_field_empty",
        lambda d: (
            d.set(subject=b"\x30\x00")
            .with_extensions(AUTHORITY_EXTENSIONS)
            .with_extensions(same(extensions.subject_alt_name(NAMES, critical=True)))
        ),
    ),
    (
        "e_path_len_constraint_exceeds_issuer",
        lambda d: d.with_extensions(AUTHORITY_EXTENSIONS).with_extensions(
            same(extensions.basic_constraints(ca=True, path_length=1))
        ),
    ),
]


def _subject(oid: str, value: bytes, tag: int = der.UTF8_STRING) -> bytes:
    attribute = der.sequence(der.oid(oid), der.tlv(tag, value))
    return der.sequence(der.tlv(der.SET, attribute))


@pytest.mark.parametrize(("rule", "spoil"), CASES, ids=[rule for rule, _ in CASES])
def test_a_certificate_that_breaks_one_rule_is_refused_for_it(
    pki: Any, rule: str, spoil: Callable[[Draft], Draft]
) -> None:
    authority = rule in {
        "e_path_len_constraint_exceeds_issuer",
        "e_ext_policy_constraints_not_in_ca",
    }
    issuer = pki.root if authority else pki.issuer
    linter = lint.CertificateLinter(issuer.certificate)
    linter.lint(Draft(issuer).tbs)
    with pytest.raises(lint.LintError) as refusal:
        linter.lint(spoil(Draft(issuer)).tbs)
    if rule in {"e_ca_subject_field_empty", "e_basic_constraints_not_critical"}:
        # these are authorities under an issuer that has no room for any
        assert set(refusal.value.rules) == {rule, "e_path_len_constraint_exceeds_issuer"}
    else:
        assert refusal.value.rules == (rule,)
    assert rule in str(refusal.value)


@pytest.mark.parametrize("value", [b"\x04\x00", b"\x04\x02\x01", b"\x05\x00", b""])
def test_a_key_identifier_that_is_none_is_refused(pki: Any, value: bytes) -> None:
    """Also where one of the same shape, but for it, has passed."""
    linter = lint.CertificateLinter(pki.issuer.certificate)
    linter.lint(Draft(pki.issuer).tbs)
    spoilt = Draft(pki.issuer).with_extensions(
        same(Extension(extensions.SUBJECT_KEY_IDENTIFIER, False, value))
    )
    with pytest.raises(lint.LintError):
        linter.lint(spoilt.tbs)


def test_names_that_stand_twice_are_refused(pki: Any) -> None:
    draft = Draft(pki.issuer)
    draft.extensions["again"] = draft.extensions[extensions.SUBJECT_ALT_NAME]
    linter = lint.CertificateLinter(pki.issuer.certificate)
    linter.lint(Draft(pki.issuer).tbs)
    with pytest.raises(lint.LintError):
        linter.lint(draft.tbs)


def test_another_kind_of_key_is_another_shape(pki: Any) -> None:
    """What passed for RSA does not pass for an elliptic curve."""
    usage = same(extensions.key_usage(["digitalSignature", "keyEncipherment"]))
    linter = lint.CertificateLinter(pki.issuer.certificate)
    linter.lint(Draft(pki.issuer).set(spki=RSA_SPKI).with_extensions(usage).tbs)
    with pytest.raises(lint.LintError, match="e_key_usage_inconsistent_with_key"):
        linter.lint(Draft(pki.issuer).with_extensions(usage).tbs)


def test_every_rule_has_a_certificate_that_breaks_it() -> None:
    assert {rule.__name__ for rule in lint.CERTIFICATE_RULES} == {rule for rule, _ in CASES}


@pytest.mark.parametrize(
    "module",
    [
        certificate_authority,
        certificate_extensions,
        certificate_fields,
        certificate_names,
        lists,
        responses,
    ],
    ids=lambda module: module.__name__,
)
def test_every_lint_of_a_module_is_in_its_rules(module: ModuleType) -> None:
    lints = {name for name in vars(module) if name.startswith("e_")}
    assert lints == {rule.__name__ for rule in module.RULES}


def test_every_rule_states_its_source() -> None:
    assert all(
        "RFC" in (rule.__doc__ or "") or "set" in (rule.__doc__ or "")
        for rule in lint.CERTIFICATE_RULES
    )


def test_what_does_not_parse_is_refused(pki: Any) -> None:
    linter = lint.CertificateLinter(pki.issuer.certificate)
    tbs = Draft(pki.issuer).tbs
    version_2 = tbs.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020101"))
    for octets in (b"", tbs + b"\x00", tbs[:-1], b"\x31" + tbs[1:], version_2):
        with pytest.raises(lint.LintError):
            linter.lint(octets)


def test_an_extension_that_stands_twice_is_refused(pki: Any) -> None:
    draft = Draft(pki.issuer)
    draft.extensions["again"] = draft.extensions[extensions.KEY_USAGE]
    with pytest.raises(lint.LintError):
        lint.CertificateLinter(pki.issuer.certificate).lint(draft.tbs)


@pytest.mark.parametrize("spki", [SPKI, RSA_SPKI], ids=["EC", "RSA"])
@pytest.mark.parametrize(
    "general_names",
    [
        NAMES,
        [names.dns_name("*.example.test"), names.IPAddress(ipaddress.ip_address("::1"))],
        [names.email_address("a@b.test"), names.uri("spiffe://td.test/w")],
    ],
)
def test_leaves_of_the_encoder_pass(
    each_pki: Any, spki: bytes, general_names: GeneralNames
) -> None:
    issuer = each_pki.issuer.certificate
    encoder = LeafEncoder(issuer, Profile(), ocsp=["http://o.test/"], crl=["http://c.test/crl"])
    serial = serials.from_int(1 << 100)
    for subject in (b"\x30\x00", distinguished_names.encode([Attribute("2.5.4.3", "leaf")])):
        tbs = encoder.tbs(serial, subject, spki, general_names, START, START + DAY)
        assert lint.CertificateLinter(issuer).lint(tbs).tbs == tbs


def test_certificates_of_ceremonies_pass(each_pki: Any) -> None:
    for holder, issuer in (
        (each_pki.root, None),
        (each_pki.issuer, each_pki.root.certificate),
        (each_pki.responder, each_pki.issuer.certificate),
    ):
        lint.CertificateLinter(issuer).lint(holder.certificate.tbs_certificate_bytes)
    body = ca.Body(serials.from_int(1 << 100), b"\x30\x00", SPKI, START, START + DAY)
    issuer = each_pki.issuer.certificate
    lint.CertificateLinter(issuer).lint(ca.internal_tbs(body, issuer, NAMES))


def test_only_the_linter_makes_linted_values() -> None:
    with pytest.raises(TypeError, match="only the linter"):
        lint.LintedCertificate(b"tbs", object())


def test_a_leaf_is_nobodys_issuer(pki: Any) -> None:
    with pytest.raises(ValueError, match="not a CA"):
        lint.CertificateLinter(pki.responder.certificate)
