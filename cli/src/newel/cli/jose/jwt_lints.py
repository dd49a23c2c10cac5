"""Rules for JSON Web Tokens: RFC 7515, RFC 7518, RFC 7519, and the current practices of RFC 8725.

A rule takes a token and returns true for what passes. Its name begins as zlint's do: `e_` for what a
standard forbids, `w_` for what a practice advises against, `n_` for what is worth knowing.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from newel.cli.errors import CliError
from newel.cli.jose import jws_messages
from newel.cli.jose.jose_algorithms import ECDSA, HMAC, RSA_SIGNATURES

DATES = ("exp", "nbf", "iat")
WORDS = ("iss", "sub", "jti")
LAST_SECOND = 253_402_300_799
"""The end of the year 9999: what is later was meant in milliseconds."""

SIGNATURE_OCTETS = {"HS256": 32, "HS384": 48, "HS512": 64, "ES256": 64, "ES384": 96, "ES512": 132}
SMALLEST_RSA = 256
"""Octets of a signature by 2048 bits, the least that RFC 7518 §3.3 allows."""

ALGORITHMS = {*HMAC, *RSA_SIGNATURES, *ECDSA.values(), "EdDSA", "Ed25519"}

Members = list[tuple[str, Any]]
"""An object with the members that stand in it twice."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose signature is not verified."""

    members: Members
    claim_members: Members | None
    """None where the payload is not a JSON object."""

    signature: bytes

    @property
    def header(self) -> dict[str, Any]:
        """The protected header."""
        return dict(self.members)

    @property
    def claims(self) -> dict[str, Any]:
        """The claims; {} where there are none."""
        return dict(self.claim_members or ())

    @property
    def algorithm(self) -> str:
        """The algorithm as it is named; "" where it is missing or not a string."""
        name = self.header.get("alg")
        return name if isinstance(name, str) else ""


def read_token(text: str) -> Token:
    """Read a JWT in the compact serialization (RFC 7519 §3). Raises CliError for what is none."""
    stripped = text.strip()
    if stripped.startswith("{"):
        raise CliError("error parsing token: a JWT has the compact serialization (RFC 7519 §3)")
    message = jws_messages.parse(stripped)
    members = read_members(jws_messages.decode(message.protected))
    signature = jws_messages.decode(message.signature_text)
    return Token(members or [], read_members(message.payload), signature)


def read_members(data: bytes) -> Members | None:
    """Return the members of a JSON object; None for anything else."""
    last: Members = []

    def keep(members: Members) -> dict[str, Any]:
        nonlocal last
        last = members
        return dict(members)

    try:
        value = json.loads(data.decode(), object_pairs_hook=keep)
    except (ValueError, RecursionError):
        return None
    return last if isinstance(value, dict) else None  # the outermost object is read last


def is_number(value: object) -> bool:
    """Say whether a JSON value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_string_or_uri(value: object) -> bool:
    """Say whether a value is a string, and a URI where it has a colon (RFC 7519 §2)."""
    if not isinstance(value, str):
        return False
    scheme, colon, _ = value.partition(":")
    return not colon or (
        scheme[:1].isascii() and scheme[:1].isalpha() and not set(value) & set(' <>"{}|\\^`')
    )


def audiences(token: Token) -> list[Any]:
    """Return the values of `aud`, one or several."""
    value = token.claims.get("aud", [])
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def are_unique(members: Members) -> bool:
    """Say whether each name stands only once."""
    return len(members) == len(dict(members))


def e_jwt_alg_missing(token: Token) -> bool:
    """Require a header that names its algorithm (RFC 7515 §4.1.1)."""
    return bool(token.algorithm)


def e_jwt_alg_none(token: Token) -> bool:
    """Require a signature (RFC 8725 §3.2)."""
    return token.algorithm.lower() != "none"


def w_jwt_alg_unknown(token: Token) -> bool:
    """Advise an algorithm of RFC 7518 §3.1 or RFC 8037 §3.1, in their spelling."""
    return token.algorithm in ALGORITHMS or token.algorithm.lower() in {"", "none"}


def e_jwt_signature_length(token: Token) -> bool:
    """Require a signature as long as the algorithm makes it (RFC 7518 §3.2 to §3.5)."""
    if token.algorithm in RSA_SIGNATURES:
        return len(token.signature) >= SMALLEST_RSA
    return len(token.signature) == SIGNATURE_OCTETS.get(token.algorithm, len(token.signature))


def e_jwt_header_member_twice(token: Token) -> bool:
    """Require that each name stands once in the header (RFC 7515 §4)."""
    return are_unique(token.members)


def e_jwt_claims_not_an_object(token: Token) -> bool:
    """Require claims that are a JSON object (RFC 7519 §7.2)."""
    return token.claim_members is not None


def e_jwt_claim_twice(token: Token) -> bool:
    """Require that each claim stands once (RFC 7519 §4)."""
    return are_unique(token.claim_members or [])


def e_jwt_crit_form(token: Token) -> bool:
    """Require that `crit` lists members of the header, at least one and each once (RFC 7515 §4.1.11)."""
    if "crit" not in token.header:
        return True
    names = token.header["crit"]
    if not isinstance(names, list) or not names:
        return False
    listed = cast("list[Any]", names)
    texts = [name for name in listed if isinstance(name, str) and name in token.header]
    return len(set(texts)) == len(listed)


def e_jwt_b64(token: Token) -> bool:
    """Require an encoded payload: `b64` false is not for JWTs (RFC 7797 §7)."""
    return token.header.get("b64", True) is True


def e_jwt_kid_not_a_string(token: Token) -> bool:
    """Require a key identifier that is a string (RFC 7515 §4.1.4)."""
    return isinstance(token.header.get("kid", ""), str)


def e_jwt_date_not_a_number(token: Token) -> bool:
    """Require numbers of seconds in `exp`, `nbf` and `iat` (RFC 7519 §2)."""
    return all(is_number(token.claims.get(name, 0)) for name in DATES)


def e_jwt_string_claim(token: Token) -> bool:
    """Require strings in `iss`, `sub` and `jti` (RFC 7519 §4.1.1, §4.1.2, §4.1.7)."""
    return all(isinstance(token.claims.get(name, ""), str) for name in WORDS)


def e_jwt_aud_form(token: Token) -> bool:
    """Require a string or a list of strings in `aud` (RFC 7519 §4.1.3)."""
    return all(isinstance(each, str) for each in audiences(token))


def e_jwt_string_not_a_uri(token: Token) -> bool:
    """Require that what has a colon in `iss`, `sub` and `aud` is a URI (RFC 7519 §2)."""
    named = [token.claims.get("iss"), token.claims.get("sub"), *audiences(token)]
    return all(is_string_or_uri(each) for each in named if isinstance(each, str))


def e_jwt_never_valid(token: Token) -> bool:
    """Require that the token begins before it expires (RFC 7519 §4.1.4, §4.1.5)."""
    end, start = token.claims.get("exp"), token.claims.get("nbf")
    return not (is_number(end) and is_number(start)) or cast("float", start) < cast("float", end)


def w_jwt_date_in_milliseconds(token: Token) -> bool:
    """Advise dates before the year 10000: later ones are in milliseconds (RFC 7519 §2)."""
    found = [token.claims.get(name, 0) for name in DATES]
    return not any(is_number(value) and value > LAST_SECOND for value in found)


def w_jwt_exp_missing(token: Token) -> bool:
    """Advise an end of the token's life (RFC 7519 §4.1.4)."""
    return "exp" in token.claims


def w_jwt_iss_missing(token: Token) -> bool:
    """Advise that the token names its issuer (RFC 8725 §3.8)."""
    return "iss" in token.claims


def w_jwt_aud_missing(token: Token) -> bool:
    """Advise that the token names who it is for (RFC 8725 §3.9)."""
    return any(audiences(token))


def w_jwt_key_from_header(token: Token) -> bool:
    """Advise a header that does not bring the key, which a recipient must not trust (RFC 8725 §3.10)."""
    return not {"jku", "jwk", "x5u"} & set(token.header)


def n_jwt_typ_missing(token: Token) -> bool:
    """Mention a header that does not say what kind of token it is (RFC 8725 §3.11)."""
    return "typ" in token.header


def n_jwt_jti_missing(token: Token) -> bool:
    """Mention a token without an identifier, by which a second use is noticed (RFC 7519 §4.1.7)."""
    return "jti" in token.claims


def n_jwt_x5t_of_sha1(token: Token) -> bool:
    """Mention a certificate that is named by SHA-1 and not by `x5t#S256` (RFC 7515 §4.1.7, §4.1.8)."""
    return "x5t" not in token.header or "x5t#S256" in token.header


Rule = Callable[[Token], bool]
RULES: tuple[Rule, ...] = tuple(
    value
    for name, value in sorted(globals().items())
    if name.startswith(("e_jwt", "w_jwt", "n_jwt"))
)
RESULTS = {"e": "error", "w": "warn", "n": "info"}


def find_results(token: Token) -> dict[str, dict[str, str]]:
    """Return the result of each rule by its name; details are what the rule asks for."""
    return {
        rule.__name__: {"result": "pass"}
        if rule(token)
        else {"result": RESULTS[rule.__name__[0]], "details": str(rule.__doc__).splitlines()[0]}
        for rule in RULES
    }
