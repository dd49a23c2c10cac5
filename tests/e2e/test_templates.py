"""A provisioner's template, on each pair of program and authority: the same template, the same certificate."""

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


def add_template(ca: dict[str, Any]) -> None:
    (record,) = [each for each in ca["authority"]["provisioners"] if each["type"] == "JWK"]
    record["options"] = {"x509": {"template": TEMPLATE, "templateData": {"org": "Example"}}}


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
