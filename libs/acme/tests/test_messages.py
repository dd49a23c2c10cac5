"""The objects of RFC 8555 as JSON."""

import msgspec
import pytest

from newel.acme import messages
from newel.acme.identifiers import Identifier
from newel.acme.problems import ACMEError, ErrorCode, Subproblem, problem


def test_absent_members_are_left_out_and_unknown_ones_ignored() -> None:
    order = msgspec.json.decode(
        b'{"identifiers":[{"type":"dns","value":"a.example","x":1}],"notAfter":"z","replaces":"r"}',
        type=messages.NewOrder,
    )
    assert order.identifiers == [messages.RequestedIdentifier("dns", "a.example")]
    assert order.not_after == "z"
    made = messages.Order("pending", [Identifier("dns", "a.example")], ["https://a"], "https://f")
    assert set(msgspec.json.decode(msgspec.json.encode(made))) == {
        "status",
        "identifiers",
        "authorizations",
        "finalize",
    }


def test_members_that_may_be_absent_may_be_null() -> None:
    account = b'{"contact":null,"termsOfServiceAgreed":null,"onlyReturnExisting":null}'
    made = msgspec.json.decode(account, type=messages.NewAccount)
    assert made == messages.NewAccount()
    update = msgspec.json.decode(b'{"contact":null,"status":null}', type=messages.AccountUpdate)
    assert update == messages.AccountUpdate()
    order = b'{"identifiers":[],"notBefore":null,"notAfter":null}'
    assert msgspec.json.decode(order, type=messages.NewOrder).not_after is None
    revocation = b'{"certificate":"","reason":null}'
    assert msgspec.json.decode(revocation, type=messages.Revocation).reason is None


def test_directory_names_are_those_of_the_rfc() -> None:
    meta = messages.Meta(caa_identities=("ca.example",), external_account_required=True)
    made = messages.Directory("n", "a", "o", "r", "k", meta)
    assert msgspec.json.decode(msgspec.json.encode(made)) == {
        "newNonce": "n",
        "newAccount": "a",
        "newOrder": "o",
        "revokeCert": "r",
        "keyChange": "k",
        "meta": {"caaIdentities": ["ca.example"], "externalAccountRequired": True},
    }


def test_problems_never_carry_null() -> None:
    """``subproblems: null`` breaks certbot."""
    plain = msgspec.json.decode(msgspec.json.encode(problem("badNonce", "stale", status=400)))
    assert plain == {
        "type": "urn:ietf:params:acme:error:badNonce",
        "detail": "stale",
        "status": 400,
    }
    part = Subproblem("urn:ietf:params:acme:error:dns", "no", Identifier("dns", "a.example"))
    whole = msgspec.json.decode(
        msgspec.json.encode(problem("compound", "d", subproblems=[part], algorithms=["ES256"]))
    )
    assert whole["subproblems"][0]["identifier"] == {"type": "dns", "value": "a.example"}
    assert whole["algorithms"] == ["ES256"]


def test_a_wildcards_authorization_is_for_its_base() -> None:
    assert Identifier("dns", "*.a.example").base == Identifier("dns", "a.example")
    assert Identifier("dns", "*.a.example").is_wildcard
    assert not Identifier("ip", "192.0.2.1").is_wildcard


def test_der_that_is_not_base64url_is_malformed() -> None:
    assert messages.decode_der("MAA", "csr") == b"0\x00"
    with pytest.raises(ACMEError, match="csr") as caught:
        messages.decode_der("MA==", "csr")
    assert caught.value.code == ErrorCode.MALFORMED


def test_a_problem_has_the_name_of_its_type() -> None:
    assert problem(ErrorCode.BAD_NONCE, "used before").name == "badNonce"
