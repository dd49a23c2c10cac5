"""Certificate templates: whatever JSON a template makes, it is fields or one kind of refusal; a leaf stays a leaf.

What the fields must be octet for octet, cli/tests/test_certificate_templates.py shows with the original.
"""

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.certtemplates import certificates, variables
from newel.certtemplates.certificates import CertificateFields
from newel.certtemplates.json_fields import Fields, first_object
from newel.certtemplates.leaves import leaf
from newel.certtemplates.options import template_options
from newel.certtemplates.refusal import TemplateRefusedError
from newel.crypto import extensions
from newel.crypto.der import DERError
from newel.crypto.dns_names import InvalidNameError
from newel.gotemplate.budget import Environment

NOW = Environment(dt.datetime(2026, 11, 21, tzinfo=dt.UTC))
WORDS = """a a.example 1.2.3 1.2.3.4 10.0.0.0/8 ::1 a@b http://u/v AQID MAA= 2.5.29.19 dn auto userPrincipalName
hardwareModuleName certSign serverAuth ocspSigning SHA256-RSA \u00e9 2026-01-01T00:00:00Z int:5 raw:! 0x10 9.9.9 1
1.2.999999999999999999999 -1 2.5.29.15 2.5.29.37 AwIBBg== MAoGCCsGAQUFBwMJ MAMBAf8="""
KEYS = """subject rawSubject serialNumber dnsNames emailAddresses ipAddresses uris sans notBefore notAfter
extensions
keyUsage extKeyUsage unknownExtKeyUsage subjectKeyId authorityKeyId ocspServer issuingCertificateURL
crlDistributionPoints policyIdentifiers basicConstraints nameConstraints signatureAlgorithm type value id
asn1Value critical isCA maxPathLen commonName country extraNames identifier assigner permittedIPRanges
permittedDNSDomains excludedURIDomains SUBJECT"""
TEXTS = st.sampled_from(["", "99" * 40, "\ud800", *WORDS.split()]) | st.text(max_size=6)
NAMES = st.sampled_from(KEYS.split())
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def fields_of(value: dict[str, Any]) -> CertificateFields:
    return certificates.certificate(Fields(value))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_json_is_fields_or_a_refusal(value: dict[str, Any]) -> None:
    for convert in (certificates.certificate, certificates.request):
        try:
            made = convert(Fields(value))
        except TemplateRefusedError:
            continue
        for each in (*made.extensions, *made.given):
            assert each.der


@pytest.mark.attack("template-authority")
@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_leaf_is_never_an_authority_or_a_responder(value: dict[str, Any]) -> None:
    try:
        made = leaf(fields_of(value))
    except (TemplateRefusedError, DERError, InvalidNameError):
        return
    assert not {"keyCertSign", "cRLSign"} & set(made.key_usages)
    assert not {extensions.OCSP_SIGNING, extensions.ANY_EXTENDED_KEY_USAGE} & set(made.purposes)
    oids = {each.oid for each in made.extensions}
    assert (
        not {extensions.BASIC_CONSTRAINTS, extensions.NAME_CONSTRAINTS, extensions.OCSP_NO_CHECK}
        & oids
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "EOF"),
        ("{", "unexpected EOF"),
        ("<no value>", "invalid character '<' looking for beginning of value"),
        ('{"a": NaN}', "invalid character"),
        ("[1]", "is an object, not a list"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_what_is_no_object_is_refused(text: str, said: str) -> None:
    with pytest.raises(TemplateRefusedError, match=said.replace("(", r"\(")):
        first_object(text)


def test_what_a_template_sees_of_itself() -> None:
    """``toJson`` of the variables gives what a template may say again."""
    template = certificates.compile_template(
        '{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}, "x": "{{ .Insecure.User.n }}"}'
    )
    data = variables.variables(
        variables.common_name("a.example"),
        variables.alternative_names(["me@b.example", "10.0.0.1", "a.example", "https://c/d"]),
        {"User": variables.numbers_as_go({"n": 1000000})},
    )
    made = certificates.render(template, data, NOW)
    assert made.exact == {
        "subject": {"commonName": "a.example"},
        "sans": [
            {"type": "dns", "value": "a.example"},
            {"type": "ip", "value": "10.0.0.1"},
            {"type": "email", "value": "me@b.example"},
            {"type": "uri", "value": "https://c/d"},
        ],
        "x": "1e+06",
    }


def test_a_template_s_own_refusal_is_told_apart() -> None:
    with pytest.raises(TemplateRefusedError) as caught:
        certificates.render(certificates.compile_template('{{ fail "no" }}'), {}, NOW)
    assert (str(caught.value), caught.value.own) == ("no", True)
    with pytest.raises(TemplateRefusedError) as caught:
        certificates.render(certificates.compile_template("{{ len 3 }}"), {}, NOW)
    assert not caught.value.own


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (None, None),
        ({"x509": {"templateData": {"a": 1}}}, None),
        ({"ssh": {"template": "{}"}}, None),
        ({"x509": {"template": "  {}", "templateData": {"a": 1}}}, ("{}", "", {"a": 1.0})),
        ({"x509": {"template": "e30="}}, ("{}", "", {})),
        ({"x509": {"templateFile": "a.tpl"}}, ("", "a.tpl", {})),
    ],
)
def test_where_a_provisioner_s_template_is(options: Any, found: Any) -> None:
    assert template_options(options) == found


def test_a_template_of_ssh_is_an_option_of_its_own() -> None:
    options = {"x509": {"template": "{}"}, "ssh": {"template": "{ }", "templateData": {"a": 1}}}
    assert template_options(options, "ssh") == ("{ }", "", {"a": 1.0})
    assert template_options({"x509": {"template": "{}"}}, "ssh") is None


@pytest.mark.parametrize("kind", ["x509", "ssh"])
@pytest.mark.parametrize(
    "given", [{"template": "!!"}, {"template": "/w=="}, {"template": "{}", "templateData": "x"}]
)
def test_options_that_cannot_be_used(kind: str, given: Any) -> None:
    with pytest.raises(ValueError, match=rf"options\.{kind}"):
        template_options(json.loads(json.dumps({kind: given})), kind)
