"""SSH and remote management calls: what is asked, and that no answer is believed but for its shape."""

import base64
import json
from typing import Any

import pytest

from newel.client import admin_calls, ssh_calls
from newel.client.calls import Call
from newel.client.errors import AnswerError, RefusedError


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def answer(call: Call[Any], body: object, status: int = 200) -> Any:
    return call.answer(status, json.dumps(body).encode())


def test_a_signing_request_names_all_that_the_token_does() -> None:
    call = ssh_calls.sign(
        b"key", "token", kind="host", key_id="h", principals=["h"], valid_before="1h"
    )
    assert (call.method, call.path) == ("POST", "/ssh/sign")
    assert json.loads(call.body) == {
        "publicKey": encode(b"key"), "ott": "token", "certType": "host", "keyID": "h",
        "principals": ["h"], "validAfter": "", "validBefore": "1h",
    }  # fmt: skip # a table
    issued = answer(call, {"crt": encode(b"certificate"), "identityCrt": ["PEM"]}, 201)
    assert issued == ssh_calls.IssuedSSHCertificate(b"certificate", b"", ["PEM"])


def test_answers_of_the_ssh_authority_are_read() -> None:
    keys = answer(ssh_calls.roots(), {"userKey": [encode(b"u")], "hostKey": None})
    assert keys == ssh_calls.SSHKeys([b"u"], [])
    tag = {"ID": "1", "Name": "role", "Value": "web"}
    row = {"hid": "x", "host_tags": [tag], "hostname": "a.example"}
    hosts = answer(ssh_calls.hosts(), {"hosts": [row, {"hostname": "b", "host_tags": None}]})
    assert hosts == [
        ssh_calls.Host("a.example", "x", [("role", "web")]),
        ssh_calls.Host("b", "", []),
    ]
    bastion = {"hostname": "b", "user": "u", "port": "22", "cmd": "nc %h %p"}
    assert answer(ssh_calls.bastion("joe", "h"), {"bastion": bastion}).command == "nc %h %p"
    assert answer(ssh_calls.bastion("joe", "h"), {"hostname": "h"}).hostname == ""
    part = {"type": "file", "path": "ssh/config", "content": encode(b"Host *")}
    found = answer(ssh_calls.config("user", {}), {"userTemplates": [part]})
    assert found == [ssh_calls.Template("file", "ssh/config", "", b"Host *")]


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (ssh_calls.roots(), {"userKey": ["not base64!"]}),
        (ssh_calls.roots(), {"userKey": [5]}),
        (ssh_calls.renew("t"), {"crt": ["a list"]}),
        (ssh_calls.renew("t"), {"crt": "", "identityCrt": "text"}),
        (ssh_calls.hosts(), {"hosts": ["text"]}),
        (ssh_calls.hosts(), {"hosts": [{"hostname": "a", "host_tags": [{"Name": 1}]}]}),
        (ssh_calls.config("user", {}), {"userTemplates": [{"path": None}]}),
        (ssh_calls.bastion("u", "h"), {"bastion": ["text"]}),
        (ssh_calls.check_host("h"), ["exists"]),
        (admin_calls.admins(), {"admins": [{"id": "1", "subject": "a", "type": None}]}),
        (admin_calls.admins(), {"admins": "text"}),
        (admin_calls.policy(admin_calls.Policy.of_authority()), "text"),
    ],
)
def test_an_answer_of_another_shape_is_an_error_of_its_own(call: Call[Any], body: object) -> None:
    with pytest.raises(AnswerError):
        answer(call, body)


def test_an_administrators_token_is_for_the_path_alone() -> None:
    call = admin_calls.authorize(admin_calls.admins("next page"), lambda path: f"for {path}")
    assert call.headers["Authorization"] == "for /admin/admins"
    assert call.path == "/admin/admins?cursor=next+page"


def test_both_spellings_of_records_are_read() -> None:
    """Lists are encoded by field names and numbers, single records as protobuf's JSON."""
    row = {"id": "1", "subject": "joe", "provisioner_id": "p", "type": 2}
    listed, cursor = answer(admin_calls.admins(), {"admins": [row], "nextCursor": "c"})
    single = {"id": "1", "subject": "joe", "provisionerId": "p", "type": "SUPER_ADMIN"}
    assert listed == [answer(admin_calls.create_admin("joe", "p", "SUPER_ADMIN"), single)]
    assert cursor == "c"
    key = {
        "id": "k",
        "provisioner": "acme",
        "hmacKey": "-_+/AA==",
        "boundAt": "2026-01-02T03:04:05Z",
    }
    made = answer(admin_calls.create_external_key("acme", "ref"), key)
    assert (made.id, made.key, made.bound_at) == ("k", "-_-_AA", "2026-01-02T03:04:05Z")
    row = {"id": "k", "provisioner": "acme", "created_at": {"seconds": 1}}
    (listed_key,), _ = answer(admin_calls.external_keys("acme"), {"eaks": [row]})
    assert (listed_key.key, listed_key.created_at) == ("", "1970-01-01T00:00:01Z")


@pytest.mark.parametrize(
    ("whose", "path"),
    [
        (admin_calls.Policy.of_authority(), "/admin/policy"),
        (admin_calls.Policy.of_provisioner("a/b"), "/admin/provisioners/a%2Fb/policy"),
        (
            admin_calls.Policy.of_external_key("acme", reference="../r"),
            "/admin/acme/policy/acme/reference/..%2Fr",
        ),
        (admin_calls.Policy.of_external_key("acme", key="k"), "/admin/acme/policy/acme/key/k"),
    ],
)
def test_a_name_stays_one_segment_of_the_path(whose: admin_calls.Policy, path: str) -> None:
    assert admin_calls.put_policy(whose, {}, new=True).path == path
    assert admin_calls.put_policy(whose, {}, new=False).method == "PUT"


def test_a_refusal_has_the_authoritys_words() -> None:
    body = {"type": "notFound", "detail": "resource not found", "message": "no policy"}
    with pytest.raises(RefusedError, match="no policy") as caught:
        answer(admin_calls.policy(admin_calls.Policy.of_authority()), body, 404)
    assert caught.value.status == 404
