"""Lints of JSON Web Tokens: a token that passes, and for each rule one that breaks it and no other."""

import base64
import json
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.running import NEWEL
from newel.cli.errors import CliError
from newel.cli.jose import jwt_lints

HEADER: dict[str, Any] = {"alg": "ES256", "typ": "JWT", "kid": "one"}
CLAIMS: dict[str, Any] = {
    "iss": "admin",
    "sub": "https://www.example/",
    "aud": ["https://ca.example/1.0/sign", "sign"],
    "exp": 1_800_000_300,
    "nbf": 1_800_000_000,
    "iat": 1_800_000_000.5,
    "jti": "b8f6",
}


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def join(header: str, claims: str, signature: int = 64) -> str:
    return ".".join((encode(header.encode()), encode(claims.encode()), encode(bytes(signature))))


def change_members(original: dict[str, Any], change: dict[str, Any]) -> str:
    members = {name: value for name, value in (original | change).items() if value is not None}
    return json.dumps(members)


def with_header(signature: int = 64, **change: Any) -> str:
    return join(change_members(HEADER, change), json.dumps(CLAIMS), signature)


def with_claims(**change: Any) -> str:
    return join(json.dumps(HEADER), change_members(CLAIMS, change))


CASES: list[tuple[str, str]] = [
    ("e_jwt_alg_missing", with_header(alg=None)),
    ("e_jwt_alg_missing", with_header(alg=256)),
    ("e_jwt_alg_none", with_header(0, alg="none")),
    ("e_jwt_alg_none", with_header(0, alg="nOnE")),
    ("w_jwt_alg_unknown", with_header(alg="es256")),
    ("e_jwt_signature_length", with_header(63)),
    ("e_jwt_signature_length", with_header(0)),
    ("e_jwt_signature_length", with_header(128, alg="RS256")),
    ("e_jwt_signature_length", with_header(31, alg="HS256")),
    ("e_jwt_header_member_twice", join('{"kid": "two", ' + json.dumps(HEADER)[1:], json.dumps(CLAIMS))),
    ("e_jwt_claim_twice", join(json.dumps(HEADER), '{"sub": "x", ' + json.dumps(CLAIMS)[1:])),
    ("e_jwt_crit_form", with_header(crit=[])),
    ("e_jwt_crit_form", with_header(crit="kid")),
    ("e_jwt_crit_form", with_header(crit=["exp"])),
    ("e_jwt_crit_form", with_header(crit=["kid", "kid"])),
    ("e_jwt_crit_form", with_header(crit=[["kid"]])),
    ("e_jwt_b64", with_header(b64=False)),
    ("e_jwt_kid_not_a_string", with_header(kid=1)),
    ("e_jwt_date_not_a_number", with_claims(exp="1800000300")),
    ("e_jwt_date_not_a_number", with_claims(iat=True)),
    ("e_jwt_string_claim", with_claims(sub=17)),
    ("e_jwt_aud_form", with_claims(aud=["sign", 1])),
    ("e_jwt_aud_form", with_claims(aud={"name": "sign"})),
    ("e_jwt_string_not_a_uri", with_claims(sub="12:30")),
    ("e_jwt_string_not_a_uri", with_claims(aud="name: with a blank")),
    ("e_jwt_never_valid", with_claims(nbf=1_800_000_300)),
    ("w_jwt_date_in_milliseconds", with_claims(exp=1_800_000_300_000)),
    ("w_jwt_exp_missing", with_claims(exp=None)),
    ("w_jwt_iss_missing", with_claims(iss=None)),
    ("w_jwt_aud_missing", with_claims(aud=None)),
    ("w_jwt_aud_missing", with_claims(aud=[])),
    ("w_jwt_key_from_header", with_header(jku="https://keys.example/")),
    ("w_jwt_key_from_header", with_header(jwk={"kty": "EC"})),
    ("n_jwt_typ_missing", with_header(typ=None)),
    ("n_jwt_jti_missing", with_claims(jti=None)),
    ("n_jwt_x5t_of_sha1", with_header(x5t="wJzO")),
]  # fmt: skip # a rule and its token on a line
ALONE = {"e_jwt_claims_not_an_object"}
"""Without claims other rules fail too."""


def find_broken(text: str) -> set[str]:
    results = jwt_lints.find_results(jwt_lints.read_token(text))
    return {rule for rule, verdict in results.items() if verdict["result"] != "pass"}


@pytest.mark.parametrize(
    "text",
    [
        with_header(),
        with_header(256, alg="PS256"),
        with_header(32, alg="HS256"),
        with_header(alg="EdDSA"),
        with_header(crit=["kid"]),
        join(change_members(HEADER, {"x5t": "wJzO", "x5t#S256": "wJzO"}), json.dumps(CLAIMS)),
        with_claims(aud="sign", nbf=None),
        with_claims(sub="plain words"),
    ],
)
def test_a_good_token_passes_every_rule(text: str) -> None:
    assert find_broken(text) == set()


@pytest.mark.parametrize(("rule", "text"), CASES)
def test_a_rule_is_broken_alone(rule: str, text: str) -> None:
    assert find_broken(text) == {rule}


@pytest.mark.parametrize("claims", ["[]", '"x"', "17", "no JSON", ""])
def test_claims_that_are_no_object_are_found(claims: str) -> None:
    assert "e_jwt_claims_not_an_object" in find_broken(join(json.dumps(HEADER), claims))


def test_every_rule_has_a_token_that_breaks_it_and_says_what_it_asks() -> None:
    names = {rule.__name__ for rule in jwt_lints.RULES}
    assert names == {rule for rule, _ in CASES} | ALONE
    for rule in jwt_lints.RULES:
        assert "RFC " in str(rule.__doc__)


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", '{"payload": ""}', "..", "e30.e30.!"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(CliError):
        jwt_lints.read_token(text)


VALUES: list[Any] = [
    None, True, False, -1, 10**30, 1e308, float("inf"), float("nan"), "", "none", "a:b", "\x00:", "kid",
    [], [None], ["kid"], [["kid"]], [{}], {}, {"alg": "none"},
]  # fmt: skip # values in rows
NAMES = ["alg", "kid", "crit", "b64", "typ", "x5t", "exp", "nbf", "iat", "aud", "iss", "sub", "jti"]
MEMBERS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=6)


@settings(deadline=None)
@given(MEMBERS, MEMBERS)
def test_no_value_stops_the_rules(header: dict[str, Any], claims: dict[str, Any]) -> None:
    text = join(json.dumps(header), json.dumps(claims))
    results = jwt_lints.find_results(jwt_lints.read_token(text))
    assert {each["result"] for each in results.values()} <= {"pass", "error", "warn", "info"}


def lint(text: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NEWEL, "crypto", "jwt", "lint", *flags], input=text, capture_output=True, text=True, check=False
    )  # fmt: skip # a command line


def test_the_report_is_that_of_certificates() -> None:
    done = lint(with_claims(exp=None))
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report["version"] == 3
    assert report["lints"]["e_jwt_alg_none"] == {"result": "pass"}
    assert report["lints"]["w_jwt_exp_missing"] == {
        "result": "warn",
        "details": "Advise an end of the token's life (RFC 7519 §4.1.4).",
    }
    present = {name for name, value in report.items() if value is True}
    assert present == {"warnings_present"}
    short = json.loads(lint(with_claims(exp=None), "--failed-only").stdout)
    assert list(short["lints"]) == ["w_jwt_exp_missing"]


def test_no_token_is_an_error() -> None:
    done = lint("nonsense")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error parsing token")
