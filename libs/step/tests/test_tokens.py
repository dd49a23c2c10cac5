"""One-time tokens: bounded parsing, the key decides the algorithm, times, the real step's tokens."""

import datetime as dt
import hmac
import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fixtures.running import others
from newel.crypto.keys import PrivateKey
from newel.jose import base64url, jwk, jws
from newel.jose.errors import InvalidSignatureError
from newel.step import tokens
from newel.step.tokens import InvalidClaimsError, MalformedTokenError

STEP = others("step")  # not our own alias of the same name
NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key()
AUDIENCE = "https://ca.internal/1.0/sign"


def compact(*parts: bytes) -> str:
    return ".".join(base64url.encode(part) for part in parts)


def token(key: PrivateKey = KEY, **more: Any) -> str:
    values: dict[str, Any] = {
        "kid": "k1",
        "issuer": "admin",
        "subject": "foo.internal",
        "audience": AUDIENCE,
        "now": NOW,
        "sans": ["foo.internal"],
    }
    return tokens.make(key, **(values | more))


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=lambda key: type(key).__name__,
)
def test_tokens_go_there_and_back(key: PrivateKey) -> None:
    text = token(
        key, root="ab" * 32, confirmation="fp", user={"a": 1}, ssh=tokens.SSHOptions("user")
    )
    verified = tokens.parse(text).verify(key.public_key())
    verified.check_times(NOW.timestamp(), max_lifetime=3600)
    claims = verified.claims
    assert (claims.iss, claims.sub, claims.sans, claims.audience) == (
        "admin",
        "foo.internal",
        ["foo.internal"],
        [AUDIENCE],
    )
    assert claims.cnf is not None
    assert claims.cnf.request == "fp"
    assert claims.step is not None
    assert claims.step.ssh is not None
    assert claims.step.ssh.cert_type == "user"
    assert len(claims.jti) == 64
    assert json.loads(verified.payload)["user"] == {"a": 1}


@pytest.mark.parametrize("alg", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_verifies_all_its_algorithms(alg: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    text = jws.sign_compact(json.dumps({"alg": alg}).encode(), b'{"sub":"x"}', key, alg=alg)
    assert tokens.parse(text).verify(key.public_key()).claims.sub == "x"


@pytest.mark.attack("T03")
@pytest.mark.parametrize("alg", ["none", "None", "HS256", "ES384", "RS256", "EdDSA", ""])
def test_t03_the_header_cannot_choose_the_algorithm(alg: str) -> None:
    payload = tokens.parse(token()).payload
    head = json.dumps({"alg": alg, "kid": "k1"}).encode()
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = compact(head, payload, b"x").rpartition(".")[0].encode()
    forged = compact(head, payload, hmac.digest(public, signed, "sha256"))
    with pytest.raises(InvalidSignatureError):
        tokens.parse(forged).verify(PUBLIC)


@pytest.mark.attack("T03")
def test_t03_keys_in_the_header_are_not_looked_at() -> None:
    attacker = ec.generate_private_key(ec.SECP256R1())
    public = msgspec.to_builtins(jwk.from_public_key(attacker.public_key()))
    forged = token(attacker, extra_header={"jwk": public, "jku": "https://evil/", "x5u": "x"})
    with pytest.raises(InvalidSignatureError):
        tokens.parse(forged).verify(PUBLIC)


def test_a_critical_header_is_refused() -> None:
    with pytest.raises(MalformedTokenError, match="critical"):
        tokens.parse(token(extra_header={"crit": ["b64"], "b64": False}))


@pytest.mark.attack("T05")
def test_t05_times_are_kept_within_the_leeway() -> None:
    verified = tokens.parse(token()).verify(PUBLIC)
    start = NOW.timestamp()
    for moment in (start - 60, start, start + 300, start + 360):
        verified.check_times(moment, max_lifetime=3600)
    with pytest.raises(InvalidClaimsError, match="expired"):
        verified.check_times(start + 361, max_lifetime=3600)
    with pytest.raises(InvalidClaimsError, match="not valid yet"):
        verified.check_times(start - 61, max_lifetime=3600)
    with pytest.raises(InvalidClaimsError, match="too late"):
        verified.check_times(start, max_lifetime=200)


@pytest.mark.attack("T05")
def test_t05_odd_times() -> None:
    def verify(**claims: float | None) -> tokens.Token:
        text = jws.sign_compact(b'{"alg":"ES256"}', msgspec.json.encode(claims), KEY)
        return tokens.parse(text).verify(PUBLIC)

    start = NOW.timestamp()
    verify(exp=start + 5).check_times(start, max_lifetime=3600)  # iat and nbf are optional
    with pytest.raises(InvalidClaimsError, match="never expires"):
        verify(iat=start).check_times(start, max_lifetime=3600)
    with pytest.raises(InvalidClaimsError, match="in the future"):
        verify(iat=start + 61, exp=start + 300).check_times(start, max_lifetime=3600)


@pytest.mark.attack("T05")
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "odd",
    [
        *('"soon"', '"1795000000"', "[]", "{}", "true", "NaN", "Infinity"),
        *("-1", "1e12", "253402300800", "1e300", "1e400", "1" + "0" * 40),
    ],
)
def test_t05_a_time_that_is_none_is_a_malformed_token(claim: str, odd: str) -> None:
    payload = f'{{"{claim}":{odd}}}'.encode()
    with pytest.raises(MalformedTokenError):
        tokens.parse(jws.sign_compact(b'{"alg":"ES256"}', payload, KEY))


@pytest.mark.attack("T06")
def test_t06_every_spelling_of_one_token_has_one_key() -> None:
    text = jws.sign_compact(b'{"alg":"ES256"}', b'{"sub":"x"}', KEY)
    again = jws.sign_compact(
        b'{"alg":"ES256"}', b'{"sub":"x"}', KEY
    )  # another signature, the same content
    keys = {tokens.parse(t).verify(PUBLIC).key for t in (text, again)}
    assert len(keys) == 1


@pytest.mark.attack("P09")
@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "." * 16_000,
        "." * 1_000_000,
        "A" * (10 * 1024 * 1024),
        "e30.e30.AA",
        "eyJhbGciOiJFUzI1NiJ9.bm90IGpzb24.AA",
        "eyJhbGciOiJFUzI1NiJ9.e30=.AA",
        "eyJhbGciOiJFUzI1NiJ9.e30.A+/A",
        "eyJhbGciOiJFUzI1NiJ9.e30.A A",
        "eyJhbGciOiJFUzI1NiJ9.\u00e9\u00e9.AAAA",
        base64url.encode(b"[" * 9000) + ".e30.AA",
        "eyJhbGciOiJFUzI1NiJ9." + base64url.encode(b'{"user":' + b"[" * 9000) + ".AA",
    ],
    ids=lambda text: f"{text[:12]}-{len(text)}",
)
def test_p09_what_is_no_token_is_refused_cheaply(text: str) -> None:
    with pytest.raises(MalformedTokenError):
        tokens.parse(text)


def test_changed_tokens_do_not_verify() -> None:
    text = token()
    head, body, signature = text.split(".")
    other = token(subject="bar.internal").split(".")[1]
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    for forged in (f"{head}.{other}.{signature}", f"{head}.{body}.{flipped}", f"{text[:-6]}"):
        with pytest.raises(InvalidSignatureError):
            tokens.parse(forged).verify(PUBLIC)


@pytest.mark.needs("step")
def test_tokens_of_the_real_step_verify(tmp_path: Path) -> None:
    private = jwk.from_private_key(KEY)
    (tmp_path / "key.json").write_bytes(msgspec.json.encode(private))
    (tmp_path / "root").write_text("x")
    command = (
        f"{STEP} crypto jwt sign --key key.json --iss admin --aud https://ca.internal/1.0/sign"
        f" --sub foo --exp {int(NOW.timestamp()) * 2} --jti abc"
    )
    made = subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True, text=True)
    verified = tokens.parse(made.stdout.strip()).verify(PUBLIC)
    assert (verified.claims.iss, verified.claims.jti) == ("admin", "abc")
    assert verified.header.kid == private.kid
