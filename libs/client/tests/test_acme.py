"""The ACME exchange, played by hand: what the client asks for, and what it does not believe."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from newel.acme import external_account
from newel.client import acme, acme_accounts
from newel.client.acme_accounts import ExternalAccountKey
from newel.client.acme_events import Flow, Pause, Prove, Request, Response
from newel.client.acme_session import Session
from newel.client.errors import AnswerError, RefusedError

SERVER = "https://acme.example"
DIRECTORY = {
    name: f"{SERVER}/{name}" for name in ("newNonce", "newAccount", "newOrder", "keyChange")
}
AUTHORIZATION = {
    "status": "pending",
    "identifier": {"type": "dns", "value": "a.example"},
    "challenges": [{"type": "dns-01", "url": f"{SERVER}/challenge", "token": "t"}],
}
ORDER = {
    "status": "pending",
    "authorizations": [f"{SERVER}/authorization"],
    "finalize": f"{SERVER}/finalize",
}
KEY = ec.generate_private_key(ec.SECP256R1())
WANTED = acme.OrderRequest([("dns", "*.a.example")], b"csr", challenge="dns-01")


class Server:
    """Answers each path with what it was given, the last answer again and again."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self.answers = {
            "directory": DIRECTORY,
            "newNonce": {},
            "newAccount": {"status": "valid"},
            **answers,
        }
        self.asked: list[tuple[str, Any]] = []
        self.proved: list[Prove] = []

    def play(self, flow: Flow[Any]) -> Any:
        """The exchange's result."""
        answer: Response | None = None
        try:
            while True:
                event = flow.send(answer)
                answer = self.answer(event) if isinstance(event, Request) else None
                if isinstance(event, Prove):
                    self.proved.append(event)
                assert not isinstance(event, Pause) or len(self.asked) < 20
        except StopIteration as end:
            return end.value

    def answer(self, request: Request) -> Response:
        name = request.url.removeprefix(f"{SERVER}/")
        self.asked.append((name, payload(request.body)))
        found = self.answers[name]
        if isinstance(found, list) and found:
            found = found.pop(0) if len(found) > 1 else found[0]
        status, body = found if isinstance(found, tuple) else (200, found)
        headers = {"replay-nonce": f"n{len(self.asked)}", "location": f"{SERVER}/{name}/1"}
        return Response(status, headers, json.dumps(body).encode())

    def payloads(self, name: str) -> list[Any]:
        return [content for path, content in self.asked if path == name]


def payload(body: bytes) -> Any:
    """What a signed request says; None for a POST-as-GET and for what is not signed."""
    text = json.loads(body)["payload"] if body else ""
    return json.loads(base64.urlsafe_b64decode(text + "==")) if text else None


def directory() -> str:
    return f"{SERVER}/directory"


@pytest.mark.attack("acme-server")
@pytest.mark.parametrize(
    "name", ["b.example", "a.example.b.example", "*.a.example", "", "a.example; id"]
)
def test_only_what_was_ordered_is_proved(name: str) -> None:
    other = AUTHORIZATION | {"identifier": {"type": "dns", "value": name}}
    server = Server({"newOrder": ORDER, "authorization": other})
    with pytest.raises(AnswerError, match="was not ordered"):
        server.play(acme.obtain(directory(), KEY, WANTED))
    assert server.proved == []


def test_a_name_is_the_same_in_any_case_and_script() -> None:
    order = acme.make_order(KEY, ["*.BÜCHER.example", "192.0.2.1", "2001:DB8::1"])
    names = ["*.xn--bcher-kva.example", "192.0.2.1", "2001:db8::1"]
    assert [value.lower() for _, value in order.identifiers] == names
    assert [kind for kind, _ in order.identifiers] == ["dns", "ip", "ip"]
    canonical = {"type": "dns", "value": "xn--bcher-kva.example"}
    server = Server({"newOrder": ORDER, "authorization": AUTHORIZATION | {"identifier": canonical}})
    with pytest.raises(AnswerError, match="offers no http-01 challenge"):
        server.play(acme.obtain(directory(), KEY, order))
    with pytest.raises(ValueError, match="cannot be proved by ACME"):
        acme.identifier("ada@a.example")


def test_a_refused_challenge_gives_its_reason() -> None:
    error = {"detail": "no such record"}
    invalid = AUTHORIZATION | {"status": "invalid", "challenges": [{"error": error}]}
    answers = {"newOrder": ORDER, "authorization": [AUTHORIZATION, invalid], "challenge": {}}
    server = Server(answers)
    with pytest.raises(RefusedError, match="no such record"):
        server.play(acme.obtain(directory(), KEY, WANTED))
    (proved,) = server.proved
    assert (proved.kind, proved.identifier) == ("dns-01", "a.example")


def test_a_challenge_nobody_offers() -> None:
    server = Server({"newOrder": ORDER, "authorization": AUTHORIZATION})
    with pytest.raises(AnswerError, match="offers no http-01 challenge"):
        server.play(acme.obtain(directory(), KEY, WANTED._replace(challenge="http-01")))


@pytest.mark.parametrize(
    ("known", "given", "changed"),
    [
        ([], [], []),
        (["mailto:a@x"], [], []),
        (["mailto:a@x"], ["a@x"], []),
        (["mailto:a@x"], ["b@x"], [{"contact": ["mailto:b@x"]}]),
    ],
)
def test_contacts_of_an_account_that_exists(
    known: list[str], given: list[str], changed: list[Any]
) -> None:
    account = {"status": "valid", "contact": known}
    server = Server({"newAccount": account, "newAccount/1": account})
    session = Session(directory(), KEY)
    server.play(acme_accounts.register(session, given))
    assert server.payloads("newAccount/1") == changed
    assert session.kid == f"{SERVER}/newAccount/1"


def test_an_external_account_key_signs_the_accounts_key() -> None:
    server = Server({})
    session = Session(directory(), KEY)
    server.play(acme_accounts.register(session, binding=ExternalAccountKey("id", b"secret")))
    (asked,) = server.payloads("newAccount")
    binding = json.dumps(asked["externalAccountBinding"]).encode()
    assert external_account.read_key_id(binding) == "id"
    url = f"{SERVER}/newAccount"
    external_account.verify(binding, b"secret", url=url, account_key=KEY.public_key())


def test_bad_nonces_are_replaced_but_not_for_ever() -> None:
    bad = (400, {"type": "urn:ietf:params:acme:error:badNonce", "detail": "stale"})
    server = Server({"newAccount": [bad, bad, {"status": "valid"}]})
    assert server.play(acme_accounts.find(directory(), KEY)).status == "valid"
    assert len(server.payloads("newAccount")) == 3
    with pytest.raises(AnswerError, match="refuses every nonce"):
        Server({"newAccount": bad}).play(acme_accounts.find(directory(), KEY))


@pytest.mark.parametrize("found", [{}, {"newNonce": 1}, [], "text"])
def test_a_directory_that_is_none(found: object) -> None:
    with pytest.raises(AnswerError):
        Server({"directory": found}).play(acme_accounts.find(directory(), KEY))
