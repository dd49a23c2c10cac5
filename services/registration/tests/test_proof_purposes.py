"""Each kind of proof at each endpoint: it opens what it was made for, and nothing else.

A new kind of proof or a new endpoint gets its row here.
"""

import datetime as dt
from typing import Any, NamedTuple

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.registration import CA, RegistrationHarness, request_for
from newel.crypto import keys
from newel.jose import jwk, jws
from newel.step import renew_token, tokens

VICTIM = "victim.example.com"
ENDPOINTS = ("/sign", "/renew", "/re-sign", "/rekey", "/revoke")
ONE_TIME = (
    *("sign", "revoke", "renew", "rekey", "ssh/sign", "ssh/revoke", "ssh/renew", "ssh/rekey"),
    *("admin/provisioners", "acme/acme/new-order"),
)
BEARER = ("renew", "rekey", "sign", "revoke")

OPENS: dict[str, set[str]] = {
    "one-time token for sign": {"/sign"},
    "one-time token for revoke": {"/revoke"},
    "one-time token for no purpose": {"/sign"},
    "renew token for renew": {"/renew", "/re-sign"},
    "client certificate": {"/renew", "/re-sign", "/rekey", "/revoke"},
}
"""Which endpoints a proof opens; one that is not here opens none."""

PROOFS = (
    *(f"one-time token for {purpose}" for purpose in ONE_TIME),
    "one-time token for no purpose",
    "one-time token with SSH options",
    *(f"renew token for {purpose}" for purpose in BEARER),
    "renew token with the standard chain",
    "administrator's token",
    "provisioner's key alone",
    "ACME request by kid",
    "ACME request by jwk",
    "client certificate",
    "server certificate",
    "nothing",
)


class PresentedProof(NamedTuple):
    """What a client shows: a text, in every place a text may stand, or a certificate in TLS."""

    text: str = ""
    certificate: bytes | None = None


def one_time(ra: RegistrationHarness, purpose: str, serial: int, **more: Any) -> str:
    """A token of the provisioner's key whose subject is right for its purpose."""
    subject = str(serial) if "revoke" in purpose else VICTIM
    audience = f"{CA}/{purpose if 'acme' in purpose else '1.0/' + purpose}"
    return ra.admin.token(
        subject, ra.clock.now(), audience=more.pop("audience", audience), sans=[subject], **more
    )


def by_holder(leaf: bytes, key: keys.PrivateKey, now: dt.datetime, header: str, aud: str) -> str:
    """A token by a certificate's own key, its chain in a header of this name."""
    made = renew_token.make([leaf], key, aud, now)  # pyright: ignore[reportArgumentType] - P-256
    head = msgspec.json.decode(msgspec.json.encode(tokens.parse(made).header))
    head[header] = head.pop("x5cInsecure")
    payload = tokens.parse(made).payload
    return jws.sign_compact(msgspec.json.encode(head), payload, key)  # pyright: ignore[reportArgumentType]


def acme_request(ra: RegistrationHarness, key: keys.PrivateKey, by: str, url: str) -> str:
    """An ACME request in the flattened serialization (RFC 8555 §6.2)."""
    who = {"kid": f"{CA}/acme/acme/account/1"} if by == "kid" else None
    public = jwk.required_members(key.public_key())  # pyright: ignore[reportArgumentType]
    head = {"alg": "ES256", "url": url, "nonce": "x", **(who or {"jwk": public})}
    text = jws.sign_compact(msgspec.json.encode(head), b"{}", key)  # pyright: ignore[reportArgumentType]
    names = ("protected", "payload", "signature")
    return msgspec.json.encode(dict(zip(names, text.split("."), strict=True))).decode()


def show(
    ra: RegistrationHarness, what: str, holder: tuple[x509.Certificate, keys.PrivateKey]
) -> PresentedProof:
    certificate, key = holder
    leaf = certificate.public_bytes(Encoding.DER)
    serial, now = certificate.serial_number, ra.clock.now()
    kind, _, purpose = what.partition(" for ")

    def sign_header(header: str, path: str, signer: keys.PrivateKey = key) -> str:
        return by_holder(leaf, signer, now, header, f"{CA}/{path}")

    if "certificate" in what or what == "nothing":
        return PresentedProof(certificate=leaf if "certificate" in what else None)
    if what.startswith("ACME"):
        return PresentedProof(
            acme_request(ra, key, what.rpartition(" ")[2], f"{CA}/acme/acme/new-order")
        )
    special = {
        "one-time token for no purpose": lambda: one_time(
            ra, "sign", serial, audience="step-certificate-authority"
        ),
        "one-time token with SSH options": lambda: one_time(
            ra, "sign", serial, ssh=tokens.SSHOptions("user")
        ),
        "one-time token": lambda: one_time(ra, purpose, serial),
        "renew token": lambda: sign_header("x5cInsecure", purpose),
        "renew token with the standard chain": lambda: sign_header("x5c", "renew"),
        "administrator's token": lambda: sign_header("x5c", "admin/provisioners"),
        # it signs as if its key were the leaf's
        "provisioner's key alone": lambda: sign_header("x5cInsecure", "renew", ra.admin.key),
    }
    return PresentedProof((special.get(what) or special[kind])())


@pytest.mark.attack("T04")
@pytest.mark.parametrize("prefix", ["", "/1.0"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("what", PROOFS)
async def test_a_proof_opens_what_it_was_made_for(
    ra: RegistrationHarness, what: str, endpoint: str, prefix: str
) -> None:
    ra.issuing.serverauth_only = what == "server certificate"
    certificate, key = await ra.certificate(VICTIM)
    before = (len(ra.issuing.requests), len(ra.issuing.renewals))
    shown = show(ra, what, (certificate, key))
    strangers = keys.generate()
    body = {
        "csr": request_for(*([VICTIM] if endpoint == "/sign" else []), key=strangers),
        "serial": str(certificate.serial_number),
        "passive": True,
        **({"ott": shown.text} if shown.text else {}),
    }
    headers = {"authorization": f"Bearer {shown.text}"} if shown.text else {}
    answer = await ra.call(
        "POST", prefix + endpoint, body, headers=headers, certificate=shown.certificate
    )
    if endpoint in OPENS.get(what, ()):
        assert answer.status_code in {200, 201}, answer.text
        return
    assert 400 <= answer.status_code < 500, answer.text
    assert (len(ra.issuing.requests), len(ra.issuing.renewals)) == before
    assert not ra.issuing.revoked


@pytest.mark.attack("T04")
@pytest.mark.parametrize("path", ["/rekey", "/1.0/rekey"])
async def test_rekey_takes_mutual_tls_only(ra: RegistrationHarness, path: str) -> None:
    certificate, key = await ra.certificate(VICTIM)
    leaf = certificate.public_bytes(Encoding.DER)
    for audience in ("renew", "1.0/renew", "rekey", "1.0/rekey"):
        token = by_holder(leaf, key, ra.clock.now(), "x5cInsecure", f"{CA}/{audience}")
        headers = {"authorization": f"Bearer {token}"}
        answer = await ra.call("POST", path, {"csr": request_for()}, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["message"].endswith("missing client certificate.")
    # the refused token was not used up: at /renew it still renews the same key
    token = by_holder(leaf, key, ra.clock.now(), "x5cInsecure", f"{CA}/renew")
    headers = {"authorization": f"Bearer {token}"}
    assert (await ra.call("POST", path, {}, headers=headers)).status_code == 400
    assert (await ra.call("POST", "/renew", headers=headers)).status_code == 201


@pytest.mark.attack("T04")
@pytest.mark.parametrize("what", [each for each in PROOFS if "certificate" not in each])
async def test_no_token_is_an_acme_request(ra: RegistrationHarness, what: str) -> None:
    holder = await ra.certificate(VICTIM)
    shown = show(ra, what, holder)
    parts = shown.text.split(".") if shown.text.count(".") == 2 else ["", "", ""]
    names = ("protected", "payload", "signature")
    body = dict(zip(names, parts, strict=True))
    for resource in ("new-account", "new-order", "revoke-cert", "key-change"):
        answer = await ra.call(
            "POST",
            f"/acme/acme/{resource}",
            shown.text.encode() if shown.text.startswith("{") else body,
            headers={
                "content-type": "application/jose+json",
                "authorization": f"Bearer {shown.text}" if "." in shown.text else "",
            },
        )
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert not ra.issuing.revoked
