"""Every rule of the linters of lists and of OCSP responses, each shown to bite."""

import datetime as dt
from typing import Any

import pytest

from newel.crypto import crl, der, extensions, keys, lint, ocsp
from newel.crypto.certificate import issuer_key_identifier, issuer_name, split
from newel.crypto.extensions import Extension
from newel.crypto.lints import lists, responses

THIS = dt.datetime(2026, 11, 21, 12, 0, 0, tzinfo=dt.UTC)
NEXT = THIS + dt.timedelta(days=1)
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
NOTHING = b""


def entry(reason: bytes) -> bytes:
    body = der.integer(5) + der.time(THIS)
    return der.sequence(body, der.sequence(reason))


REASON = "2.5.29.21"


def list_of(pki: Any, **changes: Any) -> bytes:
    issuer = pki.issuer.certificate
    fields: dict[str, Any] = {
        "version": der.integer(1),
        "algorithm": keys.signature_algorithm(pki.issuer.key.public_key()),
        "issuer": issuer_name(issuer),
        "this": der.time(THIS),
        "next": der.time(NEXT),
        "entries": der.sequence(crl.crl_entry(5, 1_700_000_000, 1)),
        "aki": extensions.authority_key_identifier(issuer_key_identifier(issuer)).der,
        "number": Extension(extensions.CRL_NUMBER, False, der.integer(7)).der,
        "idp": crl.issuing_distribution_point("http://c.test/crl").der,
        "more": NOTHING,
    } | changes
    listed = der.sequence(fields["aki"], fields["number"], fields["idp"], fields["more"])
    names = ("version", "algorithm", "issuer", "this", "next", "entries")
    return der.sequence(*[fields[name] for name in names], der.explicit(0, listed))


LISTS: list[tuple[str, dict[str, Any]]] = [
    ("e_crl_version_not_2", {"version": NOTHING}),
    (
        "e_crl_signature_algorithm_not_of_issuer_key",
        {"algorithm": der.sequence(der.oid("1.3.101.112"))},
    ),
    ("e_crl_issuer_dn_mismatch", {"issuer": b"\x30\x00"}),
    ("e_crl_wrong_time_format", {"this": der.generalized_time(THIS)}),
    ("e_crl_next_update_missing_or_not_later", {"next": NOTHING}),
    ("e_crl_next_update_missing_or_not_later", {"next": der.time(THIS)}),
    ("e_crl_empty_revoked_certificates", {"entries": der.sequence()}),
    ("e_crl_authority_key_identifier_mismatch", {"aki": NOTHING}),
    (
        "e_crl_authority_key_identifier_mismatch",
        {"aki": extensions.authority_key_identifier(b"another").der},
    ),
    ("e_crl_number_missing_or_out_of_bounds", {"number": NOTHING}),
    (
        "e_crl_number_missing_or_out_of_bounds",
        {"number": Extension(extensions.CRL_NUMBER, False, der.integer(1 << 160)).der},
    ),
    (
        "e_crl_issuing_distribution_point_not_critical",
        {
            "idp": Extension(
                extensions.ISSUING_DISTRIBUTION_POINT,
                False,
                crl.issuing_distribution_point("http://c.test/crl").value,
            ).der
        },
    ),
    ("e_crl_critical_extension_unknown", {"more": Extension("1.2.3", True, b"\x05\x00").der}),
    (
        "e_crl_reason_unspecified_or_critical",
        {"entries": der.sequence(entry(Extension(REASON, False, der.enum_value(0)).der))},
    ),
    (
        "e_crl_reason_unspecified_or_critical",
        {"entries": der.sequence(entry(Extension(REASON, True, der.enum_value(1)).der))},
    ),
    (
        "e_crl_remove_from_crl_in_complete_list",
        {"entries": der.sequence(entry(Extension(REASON, False, der.enum_value(8)).der))},
    ),
    (
        "e_crl_delta_indicator_not_critical_or_base_later",
        {"more": Extension(extensions.DELTA_CRL_INDICATOR, False, der.integer(7)).der},
    ),
    (
        "e_crl_delta_indicator_not_critical_or_base_later",
        {"more": Extension(extensions.DELTA_CRL_INDICATOR, True, der.integer(8)).der},
    ),
    (
        "e_crl_freshest_in_delta_list",
        {
            "more": Extension(extensions.DELTA_CRL_INDICATOR, True, der.integer(7)).der
            + crl.freshest_crl("http://c.test/delta").der
        },
    ),
]


@pytest.mark.attack("X09")
@pytest.mark.parametrize(("rule", "changes"), LISTS, ids=[rule for rule, _ in LISTS])
def test_a_list_that_breaks_one_rule_is_refused_for_it(
    pki: Any, rule: str, changes: dict[str, Any]
) -> None:
    linter = lint.ListLinter(pki.issuer.certificate)
    linter.lint(list_of(pki))
    with pytest.raises(lint.LintError) as refusal:
        linter.lint(list_of(pki, **changes))
    assert refusal.value.rules == (rule,)


def test_every_rule_of_lists_has_one_that_breaks_it() -> None:
    assert {rule.__name__ for rule in lists.RULES} == {rule for rule, _ in LISTS}


def test_lists_of_the_encoder_pass(each_pki: Any) -> None:
    issuer = each_pki.issuer.certificate
    linter = lint.ListLinter(issuer)
    for entries in ([], [crl.crl_entry(5, 1_700_000_000), crl.crl_entry(6, 1_700_000_000, 6)]):
        for url in ("", "http://c.test/crl"):
            tbs = crl.CRLEncoder(issuer, url).tbs(1, THIS, NEXT, entries)
            assert linter.lint(tbs).tbs == tbs


CERT_ID = der.sequence(
    der.sequence(der.oid("1.3.14.3.2.26"), b"\x05\x00"),
    der.octet_string(bytes(20)),
    der.octet_string(bytes(20)),
    der.integer(5),
)
GOOD = b"\x80\x00"


def single(
    status: bytes = GOOD, this: dt.datetime = THIS, following: dt.datetime | None = NEXT
) -> bytes:
    until = b"" if following is None else der.explicit(0, der.generalized_time(following))
    return der.sequence(CERT_ID, status, der.generalized_time(this), until)


def revoked_single(at: dt.datetime, reason: int | None = None) -> bytes:
    said = b"" if reason is None else der.explicit(0, der.enum_value(reason))
    return der.explicit(1, der.generalized_time(at) + said)


def response_of(pki: Any, **changes: bytes) -> bytes:
    fields = {
        "version": NOTHING,
        "responder": der.explicit(2, der.octet_string(keys.key_identifier(pki.responder.spki))),
        "produced": der.generalized_time(THIS),
        "single": single(),
        "extensions": NOTHING,
    } | changes
    return der.sequence(
        fields["version"],
        fields["responder"],
        fields["produced"],
        der.sequence(fields["single"]),
        fields["extensions"],
    )


def response_extension(value: Extension) -> bytes:
    return der.explicit(1, der.sequence(value.der))


NONCE = "1.3.6.1.5.5.7.48.1.2"
RESPONSES: list[tuple[str, dict[str, bytes]]] = [
    ("e_ocsp_responder_id_not_by_key", {"responder": der.explicit(1, b"\x30\x00")}),
    ("e_ocsp_responder_id_not_by_key", {"responder": der.explicit(2, der.octet_string(bytes(20)))}),
    ("e_ocsp_status_not_current", {"single": single(following=None)}),
    ("e_ocsp_status_not_current", {"single": single(this=NEXT, following=NEXT)}),
    ("e_ocsp_revocation_time_in_future", {"single": single(revoked_single(NEXT, 1))}),
    ("e_ocsp_revocation_time_in_future", {"single": single(revoked_single(THIS, 0))}),
    ("e_ocsp_non_issued_without_extended_revoke", {"single": single(revoked_single(EPOCH, 6))}),
    (
        "e_ocsp_non_issued_without_extended_revoke",
        {
            "single": single(revoked_single(EPOCH, 1)),
            "extensions": response_extension(Extension("1.3.6.1.5.5.7.48.1.9", False, b"\x05\x00")),
        },
    ),
    (
        "e_ocsp_nonce_size_out_of_bounds",
        {"extensions": response_extension(Extension(NONCE, False, der.octet_string(bytes(129))))},
    ),
    (
        "e_ocsp_critical_extension",
        {"extensions": response_extension(Extension(NONCE, True, der.octet_string(bytes(16))))},
    ),
]


@pytest.mark.parametrize(("rule", "changes"), RESPONSES, ids=[rule for rule, _ in RESPONSES])
def test_a_response_that_breaks_one_rule_is_refused_for_it(
    pki: Any, rule: str, changes: dict[str, bytes]
) -> None:
    linter = lint.ResponseLinter(pki.responder.certificate)
    linter.lint(response_of(pki))
    with pytest.raises(lint.LintError) as refusal:
        linter.lint(response_of(pki, **changes))
    assert refusal.value.rules == (rule,)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": der.explicit(0, der.integer(0))},
        {"produced": der.tlv(der.GENERALIZED_TIME, b"20261121120000.5Z")},
        {"single": b"junk"},
    ],
)
def test_a_response_that_is_not_der_is_refused(pki: Any, changes: dict[str, bytes]) -> None:
    with pytest.raises(lint.LintError):
        lint.ResponseLinter(pki.responder.certificate).lint(response_of(pki, **changes))


def test_every_rule_of_responses_has_one_that_breaks_it() -> None:
    assert {rule.__name__ for rule in responses.RULES} == {rule for rule, _ in RESPONSES}


def test_responses_of_the_encoder_pass(each_pki: Any) -> None:
    responder = each_pki.responder.certificate
    linter = lint.ResponseLinter(responder)
    for extended in (False, True):
        encoder = ocsp.ResponseEncoder(responder, extended_revoke=extended)
        singles = [
            ocsp.SingleResponse(CERT_ID, THIS, NEXT),
            ocsp.SingleResponse(CERT_ID, THIS, NEXT, known=False),
            ocsp.SingleResponse(CERT_ID, THIS, NEXT, revoked_at=THIS, reason=4),
        ]
        data = encoder.response_data(singles, THIS, bytes(32))
        assert linter.lint(data).tbs == data


@pytest.mark.attack("X05")
def test_statements_of_one_type_do_not_pass_as_another(pki: Any) -> None:
    issuer = pki.issuer.certificate
    certificate = split(pki.responder.der).tbs
    revocations, response = list_of(pki), response_of(pki)
    for tbs in (revocations, response):
        with pytest.raises(lint.LintError):
            lint.CertificateLinter(issuer).lint(tbs)
    for tbs in (certificate, response):
        with pytest.raises(lint.LintError):
            lint.ListLinter(issuer).lint(tbs)
    for tbs in (certificate, revocations):
        with pytest.raises(lint.LintError):
            lint.ResponseLinter(pki.responder.certificate).lint(tbs)
