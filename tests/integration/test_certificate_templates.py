"""A provisioner's X.509 template on both authorities: what it may say, and what both refuse."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID as Oid

from fixtures.authority import make_authority
from fixtures.issuing import IssuingHarness, open_harness, sqlite_url
from fixtures.registration import JwkKey, RegistrationHarness, open_registration, request_for
from newel.crypto import keys
from newel.runtime.clock import ManualClock
from newel.runtime.rpc.local import LocalServer

LEAF = """{
    "subject": {{ toJson .Subject }},
    "sans": {{ toJson .SANs }},
{{- if typeIs "*rsa.PublicKey" .Insecure.CR.PublicKey }}
    "keyUsage": ["keyEncipherment", "digitalSignature"],
{{- else }}
    "keyUsage": ["digitalSignature"],
{{- end }}
    "extKeyUsage": ["serverAuth", "clientAuth"]
}"""
Opening = Callable[[Any], Awaitable[tuple[RegistrationHarness, IssuingHarness]]]


@pytest.fixture
async def open_pair(tmp_path: Path) -> AsyncIterator[Opening]:
    """Opens both authorities with one JWK provisioner, whose ``options.x509`` the test chooses."""
    pairs: list[tuple[RegistrationHarness, IssuingHarness]] = []

    async def open_with(x509_options: Any) -> tuple[RegistrationHarness, IssuingHarness]:
        authority = make_authority(tmp_path)
        harness = await open_harness(sqlite_url(tmp_path), authority)
        assert isinstance(harness.clock, ManualClock)
        server = LocalServer()
        for rpc in harness.service.rpcs:
            server.add(rpc)
        admin = JwkKey("admin", keys.generate())
        record = admin.record(options={"x509": x509_options})
        ra = await open_registration(
            f"sqlite:///{tmp_path}/ra.db",
            authority,
            admin=admin,
            clock=harness.clock,
            server=server,
            provisioners=(record,),
        )
        pairs.append((ra, harness))
        return ra, harness

    yield open_with
    for ra, harness in pairs:
        await ra.database.close()
        await harness.database.close()


async def sign(
    ra: RegistrationHarness, *names: str, key: Any = None, **more: Any
) -> httpx.Response:
    token = ra.admin.token(names[0], ra.clock.now(), sans=list(names))
    return await ra.sign(token, request_for(names[0], key=key or keys.generate()), **more)


def leaf(answer: httpx.Response) -> x509.Certificate:
    assert answer.status_code == 201, answer.text
    return x509.load_pem_x509_certificate(answer.json()["crt"].encode())


def extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    return certificate.extensions.get_extension_for_class(kind).value


@pytest.mark.parametrize("key", [None, rsa.generate_private_key(65537, 2048)], ids=["EC", "RSA"])
async def test_the_usual_template_makes_what_no_template_makes(
    open_pair: Opening, key: Any
) -> None:
    """PROV: the template everybody starts from, inline and as base64."""
    ra, _ = await open_pair({"template": b64encode(LEAF.encode()).decode()})
    certificate = leaf(await sign(ra, "foo.internal", "10.0.0.1", key=key))
    assert certificate.subject.rfc4514_string() == "CN=foo.internal"
    names = extension(certificate, x509.SubjectAlternativeName)
    assert [str(each.value) for each in names] == ["foo.internal", "10.0.0.1"]
    usage = extension(certificate, x509.KeyUsage)
    assert (usage.digital_signature, usage.key_encipherment) == (True, key is not None)
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    assert list(purposes) == [Oid.SERVER_AUTH, Oid.CLIENT_AUTH]


async def test_data_comes_from_operator_token_request_and_asker(open_pair: Opening) -> None:
    template = """{
      "subject": {"commonName": {{ toJson .Token.sub }}, "organization": {{ toJson .org }},
                  "organizationalUnit": {{ toJson (first .Insecure.User.units) }}},
      "dnsNames": {{ toJson .Insecure.CR.DNSNames }}, "extKeyUsage": "clientAuth"
    }"""
    ra, _ = await open_pair({"template": template, "templateData": {"org": "Example"}})
    certificate = leaf(await sign(ra, "foo.internal", templateData={"units": ["Staff", "x"]}))
    said = {each.oid.dotted_string: each.value for each in certificate.subject}
    assert said == {"2.5.4.3": "foo.internal", "2.5.4.10": "Example", "2.5.4.11": "Staff"}
    assert list(extension(certificate, x509.ExtendedKeyUsage)) == [Oid.CLIENT_AUTH]
    (line,) = [facts for event, _, facts in ra.audit.lines if event == "sign"]
    assert "foo.internal" in repr(line)


@pytest.mark.attack("template-memory")
async def test_one_request_leaves_nothing_for_the_next(open_pair: Opening) -> None:
    """A template may write into maps; the operator's data is a copy each time."""
    template = """{{- if .Insecure.User.o }}{{ $_ := set .unit "o" .Insecure.User.o }}{{ end -}}
    {"subject": {"commonName": "foo.internal", "organization": {{ toJson .unit.o }}}}"""
    options = {
        "template": b64encode(template.encode()).decode(),
        "templateData": {"unit": {"o": "Ours"}},
    }
    ra, _ = await open_pair(options)
    first = leaf(await sign(ra, "foo.internal", templateData={"o": "Theirs"}))
    second = leaf(await sign(ra, "foo.internal"))
    said = [each.subject.rfc4514_string() for each in (first, second)]
    assert said == ["CN=foo.internal,O=Theirs", "CN=foo.internal,O=Ours"]


async def test_a_renewal_keeps_what_the_template_narrowed(open_pair: Opening) -> None:
    ra, _ = await open_pair(
        {"template": '{"sans": {{ toJson .SANs }}, "extKeyUsage": ["clientAuth"]}'}
    )
    first = leaf(await sign(ra, "foo.internal"))
    answer = await ra.call("POST", "/renew", certificate=first.public_bytes(Encoding.DER))
    assert list(extension(leaf(answer), x509.ExtendedKeyUsage)) == [Oid.CLIENT_AUTH]


async def test_what_the_template_refuses_is_told_in_its_words(open_pair: Opening) -> None:
    """PROV: ``fail`` is for the asker; the token is still good for a request that pleases."""
    template = (
        '{{ if not (hasSuffix ".internal" .Token.sub) }}{{ fail "names end in .internal" }}{{ end }}'
        + LEAF
    )
    ra, harness = await open_pair({"template": b64encode(template.encode()).decode()})
    answer = await sign(ra, "foo.example")
    assert (answer.status_code, answer.json()["message"]) == (400, "names end in .internal")
    assert not harness.signer.signed[1:]
    leaf(await sign(ra, "foo.internal"))


CA = '"basicConstraints": {"isCA": true}, '
GIVEN = '"extensions": [{"id": "%s", "critical": %s, "value": "%s"}], '
FORBIDDEN = {
    "an authority": CA,
    "an authority with a length": '"basicConstraints": {"isCA": true, "maxPathLen": 0}, ',
    "an authority in DER": GIVEN % ("2.5.29.19", "true", "MAMBAf8="),
    "a key that signs certificates": '"keyUsage": ["digitalSignature", "certSign"], ',
    "a key that signs lists": '"keyUsage": "crlSign", ',
    "the same in DER": GIVEN % ("2.5.29.15", "true", "AwIBBg=="),
    "a responder": '"extKeyUsage": ["ocspSigning"], ',
    "a responder beside a server": '"extKeyUsage": ["serverAuth", "ocspSigning"], ',
    "a responder in DER": GIVEN % ("2.5.29.37", "false", "MAoGCCsGAQUFBwMJ"),
    "any purpose": '"extKeyUsage": ["any"], ',
    "a purpose of its own": '"unknownExtKeyUsage": "1.2.3.4", ',
    "bounds on names": '"nameConstraints": {"permittedDNSDomains": "internal"}, ',
    "no check of a responder": GIVEN % ("1.3.6.1.5.5.7.48.1.5", "false", "BQA="),
    "an extension that is not allowed": GIVEN % ("1.2.3.4", "true", "BQA="),
    "a serial number": '"serialNumber": 1, ',
    "another algorithm's signature": '"signatureAlgorithm": "SHA1-RSA", ',
    "a name that is none": '"dnsNames": ["a b"], ',
    "a name with a null": '"dnsNames": ["a.internal\\u0000.example"], ',
    "a wildcard in the middle": '"dnsNames": ["a.*.internal"], ',
    "a rare kind of name": '"sans": [{"type": "userPrincipalName", "value": "root@example"}], ',
    "a subject with a control": '"subject": "a\\u0007b", ',
    "an endless subject": '"subject": {"organization": "{{ repeat 500 "x" }}"}, ',
    "neither subject nor name": '"subject": null, "sans": null, ',
}


@pytest.mark.attack("template-authority")
@pytest.mark.parametrize("text", FORBIDDEN.values(), ids=list(FORBIDDEN))
async def test_nothing_but_a_leaf_comes_of_a_template(open_pair: Opening, text: str) -> None:
    """The signer never sees a template, and so its author does not matter."""
    rest = (
        '"version": 2' if '"subject"' in text or '"sans"' in text else '"subject": "foo.internal"'
    )
    ra, harness = await open_pair({"template": "{" + text + rest + "}"})
    before = len(harness.signer.signed)
    answer = await sign(ra, "foo.internal")
    assert answer.status_code in {400, 403, 500}, answer.text
    assert len(harness.signer.signed) == before


@pytest.mark.attack("template-authority")
@pytest.mark.parametrize(
    "data",
    [
        {"o": '", "basicConstraints": {"isCA": true}, "x": "'},
        {"o": {"commonName": "x"}, "basicConstraints": {"isCA": True}},
        {"o": "\u0000"},
        {"o": ["a"] * 50_000},
        [1],
        "text",
    ],
    ids=["quotes", "an object", "a null", "a long list", "a list", "a string"],
)
async def test_the_asker_s_data_stays_data(open_pair: Opening, data: Any) -> None:
    template = (
        '{"subject": {"commonName": "foo.internal", "organization": {{ toJson .Insecure.User.o }}}}'
    )
    ra, _ = await open_pair({"template": template})
    answer = await sign(ra, "foo.internal", templateData=data)
    if answer.status_code == 201:
        with pytest.raises(x509.ExtensionNotFound):
            extension(leaf(answer), x509.BasicConstraints)
    else:
        assert answer.status_code in {400, 403, 500}


@pytest.mark.parametrize("data", [[1], "text", 1, True], ids=["list", "text", "number", "true"])
async def test_data_that_is_no_object_is_refused_by_name(open_pair: Opening, data: Any) -> None:
    ra, _ = await open_pair({"template": LEAF})
    answer = await sign(ra, "foo.internal", templateData=data)
    assert answer.status_code == 400
    assert "templateData is not an object" in answer.json()["message"]
    assert (await sign(ra, "bar.internal", templateData=None)).status_code == 201


BOMBS = {
    "text": '{"subject": "{{ repeat 100000000 "x" }}"}',
    "steps": '{{ range 100000000 }}{{ end }}{"subject": "x"}',
    "recursion": '{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}{"subject": "x"}',
    "pattern": '{"subject": "{{ regexMatch "(a*)*b" (repeat 100000 "a") }}"}',
    "nested JSON": '{"subject": {{ repeat 50000 "[" }}',
}


@pytest.mark.attack("template-bomb")
@pytest.mark.parametrize("template", BOMBS.values(), ids=list(BOMBS))
async def test_a_bomb_is_the_operator_s_fault_and_says_so_in_the_trail(
    open_pair: Opening, template: str
) -> None:
    ra, _ = await open_pair({"template": b64encode(template.encode()).decode()})
    answer = await sign(ra, "foo.internal")
    assert answer.status_code == 500
    assert "template" not in answer.json()["message"]
    assert any("error applying certificate template" in repr(line) for line in ra.audit.lines)
    assert (await ra.call("GET", "/health")).status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        {"template": "{{ nofunc }}"},
        {"template": "!!!"},
        {"templateFile": "/nonexistent/leaf.tpl"},
    ],
)
async def test_a_template_that_cannot_be_used_lets_nobody_in(
    open_pair: Opening, options: Any
) -> None:
    ra, _ = await open_pair(options)
    assert (await sign(ra, "foo.internal")).status_code == 401
    (shown,) = (await ra.call("GET", "/provisioners")).json()["provisioners"]
    assert shown["state"] == "Uninitialized"


async def test_a_template_from_a_file(open_pair: Opening, tmp_path: Path) -> None:
    (tmp_path / "leaf.tpl").write_text(LEAF)
    ra, _ = await open_pair({"templateFile": str(tmp_path / "leaf.tpl")})
    assert leaf(await sign(ra, "foo.internal")).subject.rfc4514_string() == "CN=foo.internal"


async def test_a_whole_request_can_be_taken_over(open_pair: Opening) -> None:
    """``{{ toJson .Insecure.CR }}``: its names were held against the token before."""
    ra, _ = await open_pair({"template": "{{ toJson .Insecure.CR }}"})
    certificate = leaf(await sign(ra, "foo.internal"))
    assert [str(each.value) for each in extension(certificate, x509.SubjectAlternativeName)] == [
        "foo.internal"
    ]
    token = ra.admin.token("foo.internal", ra.clock.now(), sans=["foo.internal"])
    answer = await ra.sign(token, request_for("bar.internal", common_name="foo.internal"))
    assert answer.status_code == 403, json.dumps(answer.json())


@pytest.mark.attack("T08")
@pytest.mark.parametrize(
    "template",
    [
        '{"subject": {"commonName": "{{ .Insecure.User.cn }}"}, "sans": {{ toJson .SANs }}}',
        '{"sans": {{ toJson .SANs }}, "dnsNames": {{ toJson .Insecure.User.names }}}',
        '{"dnsNames": ["foo.internal", {{ toJson .Insecure.User.cn }}]}',
        '{"dnsNames": ["foo.internal", {{ .Insecure.User.cn | upper | lower | toJson }}]}',
        '{"dnsNames": ["foo.internal", "{{ .Insecure.User.host }}.{{ .Insecure.User.zone }}"]}',
        '{"dnsNames": ["foo.internal"{{ if .Insecure.User.cn }}, "evil.com"{{ end }}]}',
        '{"sans": {{ toJson .SANs }}, "ipAddresses": [{{ toJson .Insecure.User.ip }}]}',
        '{"sans": [{"type": {{ toJson .Insecure.User.kind }}, "value": {{ toJson .Insecure.User.cn }}}]}',
        '{"sans": {{ toJson .SANs }}, "subject": {{ toJson .Insecure.User.subject }}}',
        '{"subject": {"extraNames": [{"type": "2.5.4.3", "value": {{ toJson .Insecure.User.cn }}}]}}',
        '{"subject": {"extraNames": [{"type": "1.2.840.113549.1.9.1", "value": "{{ .Insecure.User.mail }}"}]}}',
        '{"subject": {"commonName": {{ toJson (first .Insecure.CR.Subject.Organization) }}}}',
        "{{ .Insecure.User.whole }}",
    ],
)
async def test_a_name_that_only_the_asker_says_is_refused(
    open_pair: Opening, template: str
) -> None:
    ra, _ = await open_pair({"template": b64encode(template.encode()).decode()})
    user = {
        "cn": "evil.com", "names": ["evil.com"], "host": "evil", "zone": "com", "ip": "192.0.2.66",
        "kind": "dns", "mail": "root@evil.com", "subject": {"commonName": "evil.com"},
        "whole": '{"dnsNames": ["evil.com"]}',
    }  # fmt: skip # a table
    key = keys.generate()
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "evil.com")])
    csr = x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256())  # pyright: ignore[reportArgumentType]
    text = csr.public_bytes(Encoding.PEM).decode()
    answer = await ra.sign(ra.admin.token("foo.internal"), text, templateData=user)
    assert answer.status_code == 403, answer.text
    assert "from the request, and the request was not granted it" in answer.json()["message"]
    granted = await sign(ra, "foo.internal", templateData={})
    assert granted.status_code in {201, 400, 500}  # these want the asker's word, and got none


IN_QUOTES = """{"subject": {"organization": "Ours", "commonName": "{{ .Insecure.User.cn }}"},
  "keyUsage": ["digitalSignature"], "extKeyUsage": ["clientAuth"], "sans": {{ toJson .SANs }}}"""


@pytest.mark.attack("T08")
@pytest.mark.parametrize(
    "name",
    ["evil.com.", " evil.com", "evil.com/", "[192.0.2.66]", "https://evil.com./", "Domain Admin",
     "evil..com", "evil.com\u200b", "a@b@evil.com", "\uff45vil.com"],
)  # fmt: skip # words in rows
async def test_odd_spellings_are_names_of_the_asker_too(open_pair: Opening, name: str) -> None:
    ra, _ = await open_pair({"template": IN_QUOTES})
    refused = await sign(ra, "foo.internal", templateData={"cn": name})
    assert refused.status_code == 403, refused.text
    assert "the request was not granted it" in refused.json()["message"]


@pytest.mark.attack("T08")
@pytest.mark.parametrize(
    "data",
    [
        'foo.internal", "organization": "system:masters',
        'foo.internal", "organizationalUnit": "root',
        'foo.internal", "extraNames": [{"type": "2.5.4.12", "value": "boss"}], "z": "',
        'foo.internal"}, "extKeyUsage": ["serverAuth", "clientAuth"], "z": {"z": "',
        'foo.internal"}, "extensions": [{"id": "1.3.6.1.5.5.7.1.24", "value": "MAMCAQU="}], "z": {"z": "',
    ],
)
async def test_data_stays_in_the_string_it_was_put_in(open_pair: Opening, data: str) -> None:
    template = IN_QUOTES.replace(', "extKeyUsage": ["clientAuth"]', "")
    ra, _ = await open_pair({"template": template})
    refused = await sign(ra, "foo.internal", templateData={"cn": data})
    assert refused.status_code == 403, refused.text
    assert "ends a string of the certificate template" in refused.json()["message"]
    request = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, data)])
    ra, _ = await open_pair(
        {
            "template": IN_QUOTES.replace(
                "{{ .Insecure.User.cn }}", "{{ first .Insecure.CR.Subject.OrganizationalUnit }}"
            )
        }
    )
    key = keys.generate()
    csr = x509.CertificateSigningRequestBuilder(request).sign(key, hashes.SHA256())  # pyright: ignore[reportArgumentType]
    text = csr.public_bytes(Encoding.PEM).decode()
    assert (await ra.sign(ra.admin.token("foo.internal"), text)).status_code == 403


async def test_quotes_in_data_that_went_through_tojson_are_data(open_pair: Opening) -> None:
    template = """{"subject": {"commonName": {{ toJson .Subject.CommonName }},
      "organization": {{ toJson .Insecure.User.org }}}, "sans": {{ toJson .SANs }}}"""
    ra, _ = await open_pair({"template": template})
    made = leaf(await sign(ra, "foo.internal", templateData={"org": 'The "Best" \\ Ltd'}))
    (found,) = made.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    assert found.value == 'The "Best" \\ Ltd'


async def test_the_operators_own_names_stand(open_pair: Opening) -> None:
    """Of the template's text, of the operator's data, of verified claims; random ones as well."""
    template = """{"subject": {"commonName": "Web of {{ .Token.sub }}"},
      "dnsNames": {{ concat (list .Token.sub "static.example" .also
                     (printf "%s.hosts.example" (uuidv4))) .Token.user.names | toJson }}}"""
    ra, _ = await open_pair({"template": template, "templateData": {"also": "data.example"}})
    token = ra.admin.token("foo.internal", user={"names": ["claimed.example"]})
    answer = await ra.sign(token, request_for("foo.internal"), templateData={"x": "y"})
    names = [str(each.value) for each in extension(leaf(answer), x509.SubjectAlternativeName)]
    fixed = [each for each in names if not each.endswith(".hosts.example")]
    assert fixed == ["foo.internal", "static.example", "data.example", "claimed.example"]
    assert len(names) == 5


async def test_a_name_of_the_grant_may_come_from_the_asker_too(open_pair: Opening) -> None:
    template = '{"dnsNames": {{ toJson .Insecure.User.names }}}'
    ra, _ = await open_pair({"template": template})
    token = ra.admin.token("foo.internal", sans=["foo.internal", "bar.internal"])
    csr = request_for("foo.internal", "bar.internal")
    answer = await ra.sign(token, csr, templateData={"names": ["BAR.internal"]})
    names = [str(each.value) for each in extension(leaf(answer), x509.SubjectAlternativeName)]
    assert names == ["bar.internal"]
