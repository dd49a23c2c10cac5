"""A provisioner's template, on each pair of program and authority: the same template, the same certificate."""

from functools import partial
from typing import Any

import pytest

from fixtures.scenarios import Shell, keeper, start_authority
from fixtures.step_ca import change

__all__ = ["keeper"]

pytestmark = pytest.mark.needs("openssl")
TEMPLATE = """{
  {{- if not (hasSuffix ".example.com" .Subject.CommonName) }}{{ fail "only names below example.com" }}{{ end }}
  "subject": {"commonName": {{ toJson .Subject.CommonName }}, "organization": {{ toJson .org }},
    "organizationalUnit": {{ default "none" .Insecure.User.team | upper | toJson }}},
  "sans": {{ toJson .SANs }},
  "keyUsage": ["digitalSignature"],
  "extKeyUsage": ["clientAuth"]
}"""
KINDS = "keyUsage,extendedKeyUsage,subjectAltName"
SHOWN = f"openssl x509 -in svc.crt -noout -subject -nameopt RFC2253 -ext {KINDS}"
PARTS = (
    "subject=CN=svc.example.com,OU=STAFF,O=Example",
    "Key Usage: critical\n    Digital Signature\n",
    "TLS Web Client Authentication\n",
    "DNS:svc.example.com, IP Address:10.0.0.9\n",
)


CODE_SIGNER = """{
  "subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }},
  "keyUsage": ["digitalSignature"], "extKeyUsage": ["codeSigning", "clientAuth"],
  "policyIdentifiers": ["1.3.6.1.4.1.32473.7"],
  "extensions": [{"id": "1.3.6.1.4.1.32473.8", "value": {{ asn1Enc "utf8:staff" | toJson }}}]
}"""


def add_template(ca: dict[str, Any], template: str = TEMPLATE) -> None:
    (record,) = [each for each in ca["authority"]["provisioners"] if each["type"] == "JWK"]
    record["options"] = {"x509": {"template": template, "templateData": {"org": "Example"}}}


def test_a_template_shapes_what_step_ca_certificate_gets(keeper: Shell) -> None:
    known = keeper.required_authority
    change(known.state / "config/ca.json", add_template)
    with start_authority(known):
        client = Shell(keeper.home / "client", keeper.program, known).bootstrap()
        words = "svc.crt svc.key --provisioner-password-file password.txt --force"
        said = client.read_messages(f"step ca certificate svc.elsewhere.test {words}", code=1)
        assert "only names below example.com" in said
        names = "--san 10.0.0.9 --san svc.example.com"
        client.type_line(f"step ca certificate svc.example.com {words} {names} --set team=staff")
        for line in ("true", "step ca renew svc.crt svc.key --force"):
            client.type_line(line)
            text = client.type_line(SHOWN)
            assert [part for part in PARTS if part not in text] == []
            assert "Web Server" not in text


def test_a_template_s_usage_and_extension_need_no_other_setting(keeper: Shell) -> None:
    """The same ca.json on both authorities; the extension of step-ca's sample and a code signer's usage."""
    known = keeper.required_authority
    change(known.state / "config/ca.json", partial(add_template, template=CODE_SIGNER))
    with start_authority(known):
        client = Shell(keeper.home / "client", keeper.program, known).bootstrap()
        client.type_line(
            "step ca certificate ada code.crt code.key --provisioner-password-file password.txt --force"
        )
        for line in ("true", "step ca renew code.crt code.key --force"):
            client.type_line(line)
            text = client.type_line("openssl x509 -in code.crt -noout -text")
            assert "Code Signing, TLS Web Client Authentication\n" in text
            assert "Web Server" not in text
            assert "Policy: 1.3.6.1.4.1.32473.7\n" in text
            assert "1.3.6.1.4.1.32473.8: \n                ..staff\n" in text
