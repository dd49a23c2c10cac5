"""Provisioners in remote management's words and in ca.json's: nothing is lost on the way there and back."""

import base64
import json
from typing import Any

import pytest

from newel.step import managed
from newel.step.provisioner_members import OF_KIND

PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
BUNDLE = base64.b64encode((PEM.format("AAAA") + PEM.format("BBBB")).encode()).decode()
CLAIMS = {
    "maxTLSCertDuration": "48h0m0s", "minUserSSHCertDuration": "5m0s", "defaultHostSSHCertDuration": "1h0m0s",
    "enableSSHCA": False, "disableRenewal": True,
}  # fmt: skip # a table
OPTIONS = {"x509": {"template": "{{ .Subject }}", "templateData": {"ou": ["é"]}}}
RECORDS: list[dict[str, Any]] = [
    {"type": "JWK", "key": {"kty": "EC", "kid": "k"}, "encryptedKey": "a.b.c.d.e"},
    {"type": "OIDC", "clientID": "c", "clientSecret": "s", "configurationEndpoint": "https://i", "domains": ["x"]},
    {"type": "ACME", "forceCN": True, "requireEAB": True, "challenges": ["tls-alpn-01"],
     "attestationFormats": ["tpm"], "attestationRoots": BUNDLE, "caaIdentities": ["ca.example"]},
    {"type": "X5C", "roots": BUNDLE},
    {"type": "Nebula", "roots": BUNDLE},
    {"type": "K8sSA", "publicKeys": BUNDLE},
    {"type": "SSHPOP"},
    {"type": "AWS", "accounts": ["1"], "disableCustomSANs": True, "instanceAge": "1h0m0s"},
    {"type": "GCP", "projectIDs": ["p"], "disableSSHCAUser": False, "organizationID": "o"},
    {"type": "Azure", "tenantID": "t", "objectIDs": ["o"], "subscriptionIDs": ["s"]},
    {"type": "SCEP", "challenge": "s3cret", "minimumPublicKeyLength": 2048, "decrypterKey": "pkcs11:",
     "decrypterKeyPEM": "QUJD", "decrypterKeyPassword": "pass"},
]  # fmt: skip # a table


@pytest.mark.parametrize("own", RECORDS, ids=lambda record: record["type"])
def test_there_and_back(own: dict[str, Any]) -> None:
    record = {"name": "n", **own, "claims": CLAIMS, "options": OPTIONS}
    sent = json.loads(json.dumps(managed.to_managed(record)))
    assert list(sent["details"]) == [own["type"]]
    assert sent["type"] == own["type"].upper()
    assert managed.from_managed(sent) == record


def test_remote_managements_own_words() -> None:
    """As the original's protobuf names them."""
    record = RECORDS[2] | {"name": "acme", "claims": CLAIMS}
    sent = managed.to_managed(record)
    details = sent["details"]["ACME"]
    assert details["challenges"] == ["TLS_ALPN_01"]
    assert details["forceCn"] is details["requireEab"] is True
    assert base64.b64decode(details["attestationRoots"][1]).decode() == PEM.format("BBBB")
    assert sent["claims"] == {
        "x509": {"enabled": True, "durations": {"max": "48h0m0s"}},
        "ssh": {
            "enabled": False,
            "userDurations": {"min": "5m0s"},
            "hostDurations": {"default": "1h0m0s"},
        },
        "disableRenewal": True,
    }


def test_a_change_keeps_what_records_have_no_word_for() -> None:
    stored = managed.to_managed(RECORDS[1] | {"name": "sso"})
    stored |= {"id": "1", "createdAt": "2026-01-01T00:00:00Z", "webhooks": [{"name": "w"}]}
    stored["details"]["OIDC"]["later"] = True
    record = managed.from_managed(stored)
    record["name"] = "login"
    del record["domains"]
    before = json.loads(json.dumps(stored))
    managed.update_managed(stored, record)
    before["name"] = "login"
    del before["details"]["OIDC"]["domains"]
    assert stored == before


def test_limits_of_ssh_alone_do_not_turn_it_off() -> None:
    record = {"type": "SSHPOP", "name": "n", "claims": {"maxHostSSHCertDuration": "1h0m0s"}}
    assert managed.to_managed(record)["claims"]["ssh"]["enabled"] is True
    off = {"type": "SSHPOP", "name": "n", "claims": {"ssh": {}}}
    assert managed.from_managed(off)["claims"] == {"enableSSHCA": False}


@pytest.mark.parametrize(
    "sent",
    [
        {"type": "ODD"},
        {"type": "X5C", "details": {"X5C": {"roots": ["?"]}}},
        {"type": "JWK", "details": {"JWK": {"publicKey": "e30gew=="}}},
        {"type": "JWK", "details": {"JWK": {"encryptedPrivateKey": "_w"}}},
    ],
)
def test_what_cannot_be_read(sent: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words, it is one kind of error
        managed.from_managed(sent)


def test_a_bundle_without_a_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing in PEM"):
        managed.to_managed({"type": "X5C", "name": "n", "roots": "QUJD"})


@pytest.mark.parametrize("kind", sorted(managed.DETAILS))
def test_remote_management_writes_only_members_that_ca_json_has(kind: str) -> None:
    assert {each.record[0] for each in managed.DETAILS[kind]} <= set(OF_KIND[kind])
