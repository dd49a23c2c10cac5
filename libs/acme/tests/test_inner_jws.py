"""The JWS within a JWS: key change (RFC 8555 §7.3.5) and external account binding (§7.3.4)."""

import hmac
from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from newel.acme import external_account, jws, key_change
from newel.acme.problems import ACMEError
from newel.jose import base64url, jwk

OLD, NEW, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
ACCOUNT, URL = "https://ca/acme/acme/account/1", "https://ca/acme/acme/key-change"
CURRENT = jwk.thumbprint(OLD.public_key())
MAC_KEY = bytes(range(32))


def refusal(action: Callable[[], object]) -> ACMEError:
    with pytest.raises(ACMEError) as caught:
        action()
    return caught.value


def test_a_key_change_gives_the_new_key() -> None:
    inner = key_change.make_request(ACCOUNT, URL, OLD, NEW)
    new = key_change.verify(inner, account=ACCOUNT, url=URL, current=CURRENT)
    assert jwk.thumbprint(new) == jwk.thumbprint(NEW.public_key())


@pytest.mark.attack("A07")
@pytest.mark.parametrize(
    "inner",
    [
        key_change.make_request("https://ca/acme/acme/account/2", URL, OLD, NEW),
        key_change.make_request(ACCOUNT, URL + "/", OLD, NEW),
        key_change.make_request(ACCOUNT, URL, OTHER, NEW),
        jws.sign(b"{}", NEW, url=URL),
        jws.sign(b'{"account":"x","oldKey":7}', NEW, url=URL),
        jws.sign(b"", NEW, url=URL),
        jws.sign(b"{}", NEW, url=URL, kid=ACCOUNT),
        b"{}",
    ],
)
def test_key_changes_that_break_a_rule(inner: bytes) -> None:
    error = refusal(lambda: key_change.verify(inner, account=ACCOUNT, url=URL, current=CURRENT))
    assert error.code == "malformed"


@pytest.mark.attack("A07")
def test_a_key_change_has_no_nonce_and_its_own_signature() -> None:
    content = msgspec.json.encode(
        {"account": ACCOUNT, "oldKey": jwk.required_members(OLD.public_key())}
    )
    with_nonce = jws.sign(content, NEW, url=URL, nonce="n")
    parts = msgspec.json.decode(key_change.make_request(ACCOUNT, URL, OLD, NEW))
    stolen = msgspec.json.decode(key_change.make_request(ACCOUNT, URL, OLD, OTHER))["signature"]
    forged = msgspec.json.encode({**parts, "signature": stolen})
    for inner in (with_nonce, forged):
        refusal(lambda i=inner: key_change.verify(i, account=ACCOUNT, url=URL, current=CURRENT))


def test_a_binding_verifies() -> None:
    binding = external_account.make_binding("kid-1", MAC_KEY, URL, OLD.public_key())
    assert external_account.read_key_id(binding) == "kid-1"
    external_account.verify(binding, MAC_KEY, url=URL, account_key=OLD.public_key())


def bind(payload: bytes) -> bytes:
    protected = base64url.encode(msgspec.json.encode({"alg": "HS256", "kid": "kid-1", "url": URL}))
    content = base64url.encode(payload)
    mac = hmac.digest(MAC_KEY, f"{protected}.{content}".encode(), "sha256")
    return msgspec.json.encode(
        {"protected": protected, "payload": content, "signature": base64url.encode(mac)}
    )


@pytest.mark.attack("A06")
def test_bindings_that_break_a_rule() -> None:
    public = OLD.public_key()
    good = external_account.make_binding("kid-1", MAC_KEY, URL, public)
    cases = [
        (good, bytes(32), URL, public, "unauthorized"),
        (good, MAC_KEY, URL + "?", public, "malformed"),
        (good, MAC_KEY, URL, NEW.public_key(), "malformed"),
        (jws.sign(b"{}", OLD, url=URL, kid="kid-1"), MAC_KEY, URL, public, "badSignatureAlgorithm"),
        (bind(b"no key"), MAC_KEY, URL, public, "malformed"),
    ]
    for binding, mac_key, url, key, name in cases:
        error = refusal(
            lambda b=binding, m=mac_key, u=url, k=key: external_account.verify(
                b, m, url=u, account_key=k
            )
        )
        assert error.code == name
    assert (
        refusal(lambda: external_account.read_key_id(jws.sign(b"", OLD, url=URL))).code
        == "malformed"
    )
