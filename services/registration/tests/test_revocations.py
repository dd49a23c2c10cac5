"""Revocation by administrators: whom the inventory knows, any certificate, each written down."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.registration import CA, JwkKey, RegistrationHarness, open_registration
from newel.crypto import keys
from newel.crypto.ssh import certificates
from newel.crypto.ssh.public_keys import wire_of
from newel.proto.inventory.v1 import inventory_pb2, inventory_pb2_grpc
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.roles import Role
from newel.runtime.rpc.local import LocalChannel, LocalServer
from newel.runtime.service import RPCService
from newel.step.tokens import SSHOptions

PASSIVE = JwkKey("passive", keys.generate())


class Inventory(inventory_pb2_grpc.AdministratorsServicer):
    """Knows an administrator of each role by the name of it."""

    def __init__(self) -> None:
        self.down = False

    async def Verify(
        self, request: inventory_pb2.VerifyRequest, context: Any
    ) -> inventory_pb2.VerifyResponse:
        if self.down:
            raise NewelError(ErrorType.UNAVAILABLE, "the inventory is unreachable")
        text = request.certificate.decode()
        if text not in {*Role, ""}:
            raise NewelError(ErrorType.FORBIDDEN, "Not an administrator's.", cause="it is bob's")
        return inventory_pb2.VerifyResponse(subject="ada", serial=b"\x0a", role=text)


@pytest.fixture
def inventory() -> Inventory:
    return Inventory()


@pytest.fixture
async def front(
    authority: CertificateAuthority, inventory: Inventory, tmp_path: Any
) -> AsyncIterator[RegistrationHarness]:
    server = LocalServer()
    add = inventory_pb2_grpc.add_AdministratorsServicer_to_server
    name = "newel.inventory.v1.Administrators"
    server.add(RPCService(name, add, inventory, ("registration",)))
    admin = JwkKey("admin", keys.generate())
    opened = await open_registration(
        f"sqlite:///{tmp_path}/ra.db",
        authority,
        admin=admin,
        inventory=LocalChannel(server, "registration"),
        provisioners=(
            admin.record(claims={"enableSSHCA": True}),
            PASSIVE.record(newel={"activeRevocation": False}),
        ),
    )
    yield opened
    await opened.database.close()


async def issue(front: RegistrationHarness, provisioner: JwkKey | None = None) -> str:
    certificate, _ = await front.certificate("a.example", provisioner=provisioner)
    number = certificate.serial_number
    return number.to_bytes((number.bit_length() + 7) // 8).hex()


async def revoke(
    front: RegistrationHarness,
    serial: str,
    body: Any,
    *,
    role: str = "operator",
    media_type: str = "application/json",
) -> Any:
    return await front.call(
        "POST",
        f"/revocations/{serial}",
        body,
        certificate=role.encode(),
        headers={"content-type": media_type},
    )


async def test_an_operator_revokes_a_certificate_of_any_provisioner(
    front: RegistrationHarness,
) -> None:
    for provisioner, published in ((None, True), (PASSIVE, False)):
        serial = await issue(front, provisioner)
        before = await front.call("GET", f"/revocations/{serial}", certificate=b"viewer")
        assert before.json()["revoked"] is False
        assert before.json()["published"] is published
        done = await revoke(front, serial, {"reason": 1, "comment": "the key leaked"})
        assert done.status_code == 200, done.text
        item = front.issuing.revoked[bytes.fromhex(serial)]
        assert (item.reason, item.reason_text, item.active) == (1, "the key leaked", published)
        assert item.actor == "administrator:ada"
        after = await front.call("GET", f"/revocations/{serial}", certificate=b"viewer")
        assert after.json()["revoked"] is True
        event, outcome, facts = front.audit.lines[-2]
        assert (event, outcome, facts["actor"]) == ("revoke", "granted", "administrator:ada")
        again = await revoke(front, serial, {})
        assert again.status_code == 400
        assert again.json()["type"] == "urn:newel:error:alreadyRevoked"
        assert front.audit.lines[-1][1] == "refused"


@pytest.mark.attack("P05")
@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("", 403), ("bob", 403), (None, 401)]
)
async def test_no_one_else_revokes(
    front: RegistrationHarness, role: str | None, status: int
) -> None:
    serial = await issue(front)
    answer = await front.call(
        "POST",
        f"/revocations/{serial}",
        {},
        headers={"content-type": "application/json"},
        certificate=None if role is None else role.encode(),
    )
    assert answer.status_code == status
    assert not front.issuing.revoked
    assert front.audit.lines[-1][:2] == ("revocations.http", "refused")


async def test_an_inventory_that_does_not_answer_is_not_a_refusal(
    front: RegistrationHarness, inventory: Inventory
) -> None:
    serial = await issue(front)
    inventory.down = True
    assert (await revoke(front, serial, {})).status_code == 503
    inventory.down, front.issuing.down = False, True
    assert (await revoke(front, serial, {})).status_code == 503
    assert not front.issuing.revoked


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"reason": 7}, 400),
        ({"reason": 8}, 400),
        ({"reason": "1"}, 400),
        ({"comment": "x" * 257}, 400),
        ({"other": 1}, 400),
        (b"[]", 400),
        (b"{", 400),
        (b"", 400),
        (msgspec.json.encode({"comment": "x" * 5000}), 413),
    ],
)
async def test_another_body_is_refused(front: RegistrationHarness, body: Any, status: int) -> None:
    serial = await issue(front)
    assert (await revoke(front, serial, body)).status_code == status
    assert not front.issuing.revoked


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_form_of_another_site_is_not_read(front: RegistrationHarness, kind: str) -> None:
    serial = await issue(front)
    answer = await revoke(front, serial, b'{"comment": "="}', media_type=kind)
    assert answer.status_code == 415
    assert not front.issuing.revoked


async def test_a_serial_number_that_is_none_or_unknown_is_said_so(
    front: RegistrationHarness,
) -> None:
    for none in ("xyz", "0", "0000", "-01", "0x01", "01" * 21, "%D9%A1"):
        assert (await revoke(front, none, {})).status_code == 400, none
    assert (await revoke(front, "0102", {})).status_code == 404
    missing = await front.call("GET", "/revocations/0102", certificate=b"viewer")
    assert missing.status_code == 404
    described = await front.call("GET", "/revocations/openapi.json", certificate=b"viewer")
    assert "post" in described.json()["paths"]["/revocations/{serial}"]


async def revoke_all(
    front: RegistrationHarness, body: Any, *, role: str = "operator"
) -> httpx.Response:
    return await front.call(
        "POST",
        "/revocations",
        body,
        certificate=role.encode(),
        headers={"content-type": "application/json"},
    )


async def test_several_are_revoked_each_by_itself_and_each_written_down(
    front: RegistrationHarness,
) -> None:
    serials = [await issue(front) for _ in range(3)] + [await issue(front, PASSIVE)]
    assert (await revoke(front, serials[0], {})).status_code == 200
    before = len(front.audit.lines)
    answer = await revoke_all(
        front,
        {
            "certificates": [{"serial": each} for each in (*serials, "0102")],
            "reason": 4,
            "comment": "drill",
        },
    )
    assert answer.status_code == 200, answer.text
    outcomes = [each["outcome"] for each in answer.json()["certificates"]]
    assert outcomes == ["alreadyRevoked", "revoked", "revoked", "revoked", "notFound"]
    for serial in serials[1:]:
        item = front.issuing.revoked[bytes.fromhex(serial)]
        assert (item.reason, item.reason_text, item.actor) == (4, "drill", "administrator:ada")
        assert item.active is (serial is not serials[3])
    lines = [line for line in front.audit.lines[before:] if line[0] == "revoke"]
    assert sorted(outcome for _, outcome, _ in lines) == ["granted"] * 3 + ["refused"] * 2
    assert {facts["actor"] for _, _, facts in lines} == {"administrator:ada"}


async def test_an_authority_that_is_away_is_said_of_each_and_nothing_is_called_unknown(
    front: RegistrationHarness,
) -> None:
    serial = await issue(front)
    front.issuing.down = True
    answer = await revoke_all(front, {"certificates": [{"serial": serial}]})
    assert [each["outcome"] for each in answer.json()["certificates"]] == ["unavailable"]


async def test_ssh_certificates_are_among_several(front: RegistrationHarness) -> None:
    public = base64.b64encode(wire_of(keys.generate().public_key())).decode()
    options = SSHOptions(cert_type="user", principals=["alice"])
    token = front.admin.token("alice", EPOCH, audience=f"{CA}/1.0/ssh/sign", sans=None, ssh=options)
    answer = await front.post("/ssh/sign", publicKey=public, ott=token)
    serial = certificates.parse(base64.b64decode(answer.json()["crt"])).serial
    both = [
        {"serial": f"{serial:x}", "type": "ssh-user"},
        {"serial": await issue(front)},
        {"serial": "01" * 20, "type": "ssh-host"},
    ]
    other = [{"serial": f"{serial:x}", "type": kind} for kind in ("ssh-host", "x509")]
    wrong = await revoke_all(front, {"certificates": other})
    assert [each["outcome"] for each in wrong.json()["certificates"]] == ["notFound", "notFound"]
    assert not front.issuing.ssh_records[serial.to_bytes(8)].HasField("revoked")
    done = await revoke_all(front, {"certificates": both, "reason": 4})
    outcomes = [each["outcome"] for each in done.json()["certificates"]]
    assert outcomes == ["revoked", "revoked", "notFound"]
    assert front.issuing.ssh_records[serial.to_bytes(8)].HasField("revoked")


@pytest.mark.parametrize(
    "body",
    [
        {"certificates": []},
        {"certificates": [{"serial": "01"}] * 65},
        {"certificates": [{"serial": "xy"}]},
        {"certificates": [{"serial": "01" * 21}]},
        *[
            {"certificates": [{"serial": each}]}
            for each in (
                "",
                "0",
                "00" * 20,
                "-1",
                "+1",
                "0x1",
                "1_0",
                "01:02",
                " 1",
                "1\n",
                "\u0661",
            )
        ],
        {"certificates": [{"serial": "01", "type": "pgp"}]},
        {"certificates": ["01"]},
        {"certificates": [{"serial": "01"}], "reason": 8},
        {"certificates": [{"serial": "01"}], "dry_run": True},
        {},
    ],
)
async def test_another_list_is_refused(front: RegistrationHarness, body: Any) -> None:
    assert (await revoke_all(front, body)).status_code == 400


@pytest.mark.attack("P05")
async def test_a_viewer_revokes_none_of_several(front: RegistrationHarness) -> None:
    serial = await issue(front)
    refused = await revoke_all(front, {"certificates": [{"serial": serial}]}, role="viewer")
    assert refused.status_code == 403
    assert not front.issuing.revoked


KEY = "Ab" * 32


async def block_key(
    front: RegistrationHarness, digest: str, body: Any, *, role: str = "operator"
) -> httpx.Response:
    return await front.call(
        "POST",
        f"/revocations/keys/{digest}",
        body,
        certificate=role.encode(),
        headers={"content-type": "application/json"},
    )


async def test_an_operator_declares_a_key_compromised_that_has_no_certificate(
    front: RegistrationHarness,
) -> None:
    done = await block_key(front, KEY, {"comment": "found in a repository"})
    assert done.status_code == 200, done.text
    assert done.json() == {"key": KEY.lower(), "blocked_before": False}
    item = front.issuing.blocked[bytes.fromhex(KEY)]
    assert (item.reason_text, item.actor) == ("found in a repository", "administrator:ada")
    assert item.active
    event, outcome, facts = front.audit.lines[-1]
    assert (event, outcome, facts["actor"]) == ("block-key", "granted", "administrator:ada")
    assert facts["key_digest"] == KEY.lower()
    assert (await block_key(front, KEY.lower(), {})).json()["blocked_before"] is True


@pytest.mark.parametrize(
    ("digest", "body", "role", "status"),
    [
        (KEY, {}, "viewer", 403),
        (KEY, {}, "bob", 403),
        (KEY, {"comment": "x" * 257}, "operator", 400),
        (KEY, {"reason": 1}, "operator", 400),
        (KEY[2:], {}, "operator", 400),
        (KEY + "00", {}, "operator", 400),
        ("g" * 64, {}, "operator", 400),
    ],
)
async def test_no_one_else_and_nothing_else_blocks_a_key(
    front: RegistrationHarness, digest: str, body: Any, role: str, status: int
) -> None:
    answer = await block_key(front, digest, body, role=role)
    assert answer.status_code == status, answer.text
    assert not front.issuing.blocked


async def test_a_key_is_not_said_to_be_blocked_while_the_authority_is_away(
    front: RegistrationHarness,
) -> None:
    front.issuing.down = True
    assert (await block_key(front, KEY, {})).status_code == 503
    assert front.audit.lines[-1][:2] == ("block-key", "refused")
