"""Webhooks of ca.json with their credentials, and every fault by its path."""

import base64
from typing import Any

import pytest

from newel.step.provisioners import from_mapping, to_mapping, to_public
from newel.step.webhooks import (
    MOST_WEBHOOKS,
    WebhookCertificateType,
    WebhookKind,
    read_webhooks,
)

SECRET = base64.b64encode(b"the octets of the key").decode()
RECORD = {
    "id": "1234", "name": "people", "url": "https://hooks.example/{{ .Token.sub }}",
    "kind": "ENRICHING", "certType": "X509", "disableTLSClientAuth": True, "secret": SECRET,
    "bearerToken": "a-credential",
}  # fmt: skip # a table
JWK = {"kty": "EC", "kid": "k", "crv": "P-256",
       "x": "n6q4zAThRNcX4KlQHq-Wk3OJpPGQM8FsSHPO7vjYV10",
       "y": "hK8Si2CLwRF5ApcWeqV74V6VBAU5MdbPVqq0JiEr3ag"}  # fmt: skip # a table


def provisioner(*webhooks: Any) -> dict[str, Any]:
    return {"type": "JWK", "name": "staff", "key": JWK, "options": {"webhooks": list(webhooks)}}


def test_a_webhook_is_read_with_its_credentials() -> None:
    (found,) = read_webhooks({"webhooks": [RECORD]})
    assert (found.kind, found.cert_type) == (WebhookKind.ENRICHING, WebhookCertificateType.X509)
    assert found.key == b"the octets of the key"
    assert found.disable_tls_client_auth
    (spelled,) = read_webhooks(
        {
            "webhooks": [
                {"Name": "a", "URL": "https://a.example", "Kind": "notifying", "certtype": ""}
            ]
        }
    )
    assert (spelled.kind, spelled.cert_type, spelled.key) == ("NOTIFYING", "ALL", b"")
    assert read_webhooks(None) == read_webhooks({}) == read_webhooks({"webhooks": None}) == ()


@pytest.mark.attack("P08")
def test_a_record_keeps_the_credentials_and_its_listing_has_none() -> None:
    record = from_mapping(provisioner(RECORD))
    assert to_mapping(record)["options"]["webhooks"] == [RECORD]
    listed = to_public(record)["options"]["webhooks"]
    shown = ("id", "name", "url", "kind", "certType", "disableTLSClientAuth")
    assert listed == [{name: RECORD[name] for name in shown}]


FAULTS = [
    ({"name": ""}, "[0]: name: webhook name is required"),
    ({"url": None}, "[0]: url: webhook url is required"),
    ({"kind": ""}, "[0]: kind: webhook kind is required"),
    ({"kind": "NO_KIND"}, "[0]: kind: webhook kind is invalid"),
    ({"kind": 1}, "[0]: kind: webhook kind is invalid"),
    ({"certType": "X500"}, "[0]: Invalid enum value 'X500'"),
    ({"url": "http://hooks.example"}, "[0]: url: webhook url must use https"),
    ({"url": "https://u@hooks.example"}, "[0]: url: webhook url may not contain username"),
    ({"url": "https://:p@hooks.example"}, "[0]: url: webhook url may not contain username"),
    ({"url": "https://hooks{{ .Token.sub }}.example/"}, "[0]: url: webhook url is invalid"),
    ({"url": "https://{{ .Token.sub }}/"}, "[0]: url: webhook url is invalid"),
    ({"url": "https:///a"}, "[0]: url: webhook url is invalid"),
    ({"url": "https://[::1/a"}, "[0]: url: webhook url is invalid"),
    ({"url": "https://a:b/"}, "[0]: url: webhook url is invalid"),
    ({"url": ["https://a.example"]}, "[0]: Expected `str`"),
    ({"secret": "no base64!"}, "[0]: secret: it is not base64"),
    ({"bearerToken": "a\r\nX-Admin: yes"}, "[0]: credentials are printable ASCII"),
    ({"basicAuth": {"username": "a"}}, "[0]: it has bearerToken and basicAuth"),
    ({"disableTLSClientAuth": "yes"}, "[0]: Expected `bool`"),
    ({"URL": "https://a.example"}, "[0].URL: 'url' is given twice"),
    ({"secrt": "x"}, "[0].secrt: unknown member; did you mean 'secret'?"),
]


@pytest.mark.parametrize(("change", "complaint"), FAULTS)
def test_a_webhook_that_cannot_be_called_is_refused_by_its_path(
    change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=r"provisioners\[2\]") as error:
        from_mapping(provisioner(RECORD | change), "provisioners[2]")
    assert f"provisioners[2].options.webhooks{complaint}" in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("webhooks", ["https://a.example", {"name": "a"}, [1], [[RECORD]]])
def test_what_is_no_list_of_webhooks_is_refused(webhooks: Any) -> None:
    with pytest.raises(ValueError, match=r"options\.webhooks"):
        read_webhooks({"webhooks": webhooks})


def test_webhooks_are_few_and_have_names_of_their_own() -> None:
    many = [RECORD | {"name": str(at)} for at in range(MOST_WEBHOOKS + 1)]
    for webhooks in (many, [RECORD, RECORD]):
        with pytest.raises(ValueError, match=r"options\.webhooks"):
            from_mapping(provisioner(*webhooks))
    other = RECORD | {"kind": "AUTHORIZING"}
    assert len(read_webhooks({"webhooks": [RECORD, other]})) == 2


def test_webhooks_are_told_apart_however_their_members_are_spelled() -> None:
    one, other = (
        {"Name": name, "URL": "https://a.example", "Kind": "notifying"} for name in ("a", "b")
    )
    from_mapping(provisioner(one, other))
    same = {"name": "a", "url": "https://b.example", "kind": "NOTIFYING"}
    with pytest.raises(ValueError, match="two have the same name and kind"):
        from_mapping(provisioner(one, same))
