"""Renewal by bearer token: the leaf's own key signs, every claim is checked in step's words."""

import base64
import datetime as dt

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from fixtures.odd_certificates import odd_certificates
from newel.jose import jws
from newel.jose.errors import InvalidSignatureError
from newel.step import renew_token, tokens
from newel.step.audiences import Audiences

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
ODD = odd_certificates(KEY, NOW)
AUDIENCES = Audiences(["ca.internal"])


def leaf(name: str = "foo.internal") -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])
    certificate = x509.CertificateBuilder(
        subject, subject, KEY.public_key(), 1, NOW, NOW + dt.timedelta(days=1)
    ).sign(KEY, hashes.SHA256())
    return certificate.public_bytes(Encoding.DER)


def test_a_token_carries_its_leaf_and_is_checked() -> None:
    text = renew_token.make([leaf(), b"intermediate"], KEY, "https://ca.internal:443/renew", NOW)
    parsed = renew_token.parse(text)
    assert parsed.chain == (leaf(), b"intermediate") or parsed.chain[1] == b"intermediate"
    parsed.check_claims(AUDIENCES, "admin", NOW.timestamp(), 3600)
    with pytest.raises(tokens.InvalidClaimsError, match="is expired"):
        parsed.check_claims(AUDIENCES, "admin", NOW.timestamp() + 400, 3600)
    with pytest.raises(tokens.InvalidClaimsError, match="too late"):
        parsed.check_claims(AUDIENCES, "admin", NOW.timestamp(), 200)
    with pytest.raises(tokens.InvalidClaimsError, match="invalid audience"):
        parsed.check_claims(Audiences(["other"]), "admin", NOW.timestamp(), 3600)


def test_another_key_or_another_chain_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(InvalidSignatureError):
        renew_token.parse(renew_token.make([leaf()], other, "https://ca.internal/renew", NOW))
    made = renew_token.make([leaf()], KEY, "https://ca.internal/renew", NOW)
    header = tokens.parse(made).header
    for chain in ([], ["!"], ["AAAA"], (header.x5c_insecure or []) * 9):
        head = msgspec.json.encode({"alg": "ES256", "x5cInsecure": chain})
        with pytest.raises(tokens.MalformedTokenError):
            renew_token.parse(jws.sign_compact(head, b"{}", KEY))


def test_subject_and_issuer_are_checked() -> None:
    head = tokens.parse(renew_token.make([leaf()], KEY, "x", NOW)).header
    for claims, words in (
        ({"sub": "bar", "exp": NOW.timestamp()}, "subject"),
        ({"sub": "foo.internal", "exp": NOW.timestamp(), "iss": "me"}, "issuer"),
    ):
        text = jws.sign_compact(msgspec.json.encode(head), msgspec.json.encode(claims), KEY)
        with pytest.raises(tokens.InvalidClaimsError, match=words):
            renew_token.parse(text).check_claims(AUDIENCES, "admin", NOW.timestamp(), 3600)


@pytest.mark.parametrize("what", ODD)
def test_a_leaf_the_x509_library_refuses_is_a_malformed_token(what: str) -> None:
    head = {"alg": "ES256", "x5cInsecure": [base64.b64encode(ODD[what]).decode()]}
    text = jws.sign_compact(msgspec.json.encode(head), b"{}", KEY)
    if what in {"an extension twice", "a name that is no text"}:  # these are looked at later
        assert renew_token.parse(text).leaf.serial_number == 77
    else:
        with pytest.raises(tokens.MalformedTokenError, match=r"leaf cannot be used|too large"):
            renew_token.parse(text)
