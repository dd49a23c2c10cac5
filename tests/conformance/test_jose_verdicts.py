"""One JOSE library gives the verdicts of the three that it replaced.

``jose_verdicts.json`` holds what they said about the corpus, a letter for each case; ``CHANGED`` is
every difference, as ``docs/decisions/0015-one-jose.md`` explains them.
"""

import functools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import pytest

from conformance import jose_corpus as corpus
from newel.acme import jws as acme_jws
from newel.acme.account_keys import read_public_key
from newel.acme.problems import ACMEError
from newel.cli.errors import CliError
from newel.cli.jose import jose_key, jwe_messages, jwk_files, jws_messages
from newel.jose import jwe, jwk, jws
from newel.jose.errors import DecryptionError, InvalidKeyError, InvalidSignatureError
from newel.step import tokens

LETTERS = {
    "accepted": "a",
    "refused": "r",
    "malformed": "m",
    "signature": "s",
    "key": "k",
    "password": "p",
    "badPublicKey": "b",
    "badSignatureAlgorithm": "g",
    "crashed": "c",
}
RECORDED: dict[str, dict[str, str]] = json.loads((corpus.HERE / "jose_verdicts.json").read_text())

# (verdict, change of a case): the letters before and now
CHANGED = {
    # a token's text is the one base64url text of its octets
    ("token", "part 0 last + 1"): "sm",
    ("token", "part 1 last + 1"): "sm",
    ("token", "part 2 last + 1"): "am",
    ("token", "part 2 shorter"): "sm",
    ("token", "part 2 shorter by four"): "sm",
    # null is an absent member, as the step tools read it
    **{("public key", f"{member} null"): "ra" for member in ("d", "p", "q", "dp", "dq", "qi")},
    # the library cannot verify with such a key
    ("public key", "rsa of 16392 bits"): "ar",
    ("key file", "rsa of 16392 bits"): "ar",
    # a provisioner's key has no white space around it, and a header is checked as a whole
    ("provisioner key", "a blank before"): "am",
    ("provisioner key", "a line after"): "am",
    ("provisioner key", "header crit"): "pm",
    ("provisioner key", "header kid 7"): "pm",
    ("provisioner key", "header enc other"): "mp",  # every content encryption is read now
    ("provisioner key", "part 2 doubled"): "pm",
    ("provisioner key", "part 2 longer by four"): "pm",
    ("provisioner key", "part 2 shorter by four"): "pm",
    # a deeply nested header ended the command with a traceback
    ("message", "header deep"): "cr",
    ("encrypted message", "header deep"): "cr",
}


@functools.cache
def private_key(name: str) -> Any:
    if name == "oct16":
        return bytes(range(16))
    return jwk.to_private_key(msgspec.convert(corpus.KEYS[name], jwk.JWK))


def verify_token(key: str, text: str) -> str:
    try:
        public = jws.require_verifying_key(private_key(key).public_key())
        tokens.parse(text).verify(public)
    except InvalidKeyError:
        return "key"
    except tokens.MalformedTokenError:
        return "malformed"
    except InvalidSignatureError:
        return "signature"
    return "accepted"


def verify_message(key: str, text: str) -> str:
    try:
        message = jws_messages.parse(text)
        jws_messages.refuse_unknown(message)
        jws_messages.verify(message, jose_key.JOSEKey(private_key(key).public_key(), {}))
    except CliError:
        return "refused"
    return "accepted"


def verify_request(key: str, body: bytes) -> str:
    try:
        request = acme_jws.parse_request(body)
        sent = request.protected.jwk
        acme_jws.verify(request, read_public_key(sent) if sent else private_key(key).public_key())
    except ACMEError as error:
        return error.code
    return "accepted"


def read_account_key(members: dict[str, Any]) -> str:
    try:
        read_public_key(msgspec.convert(members, jwk.JWK))
    except msgspec.ValidationError:
        return "malformed"
    except ACMEError as error:
        return error.code
    return "accepted"


def read_key(read: Callable[[jwk.JWK], object]) -> Callable[[dict[str, Any]], str]:
    def judge(members: dict[str, Any]) -> str:
        try:
            read(msgspec.convert(members, jwk.JWK))
        except ValueError:
            return "refused"
        return "accepted"

    return judge


def read_key_file(members: dict[str, Any]) -> str:
    try:
        jwk_files.key_of(members)
    except CliError:
        return "refused"
    return "accepted"


def decrypt_provisioner_key(_: str, text: str) -> str:
    try:
        jwe.decrypt_with_password(text, corpus.PASSWORD)
    except DecryptionError:
        return "password"
    except ValueError:
        return "malformed"
    return "accepted"


def decrypt_message(key: str, text: str) -> str:
    opener = corpus.PASSWORD if key == "password" else jose_key.JOSEKey(private_key(key), {})
    try:
        jwe_messages.decrypt(jwe_messages.compact(text.encode(errors="replace")), opener)
    except CliError:
        return "refused"
    return "accepted"


JUDGES: dict[str, tuple[Callable[[], Iterator[Any]], Callable[..., str]]] = {
    "token": (corpus.compact_messages, verify_token),
    "message": (corpus.compact_messages, verify_message),
    "request": (corpus.acme_requests, verify_request),
    "account key": (corpus.keys, read_account_key),
    "public key": (corpus.keys, read_key(jwk.to_public_key)),
    "private key": (corpus.keys, read_key(jwk.to_private_key)),
    "key file": (corpus.keys, read_key_file),
    "provisioner key": (corpus.provisioner_keys, decrypt_provisioner_key),
    "encrypted message": (corpus.encrypted_messages, decrypt_message),
}


def group(cases: Iterable[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    """The cases by the message that they were derived from."""
    groups: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for case in cases:
        groups[case[0].split("/")[1]].append(case)
    return groups


@pytest.mark.attack("T03")
@pytest.mark.attack("P09")
@pytest.mark.parametrize("name", JUDGES)
def test_every_verdict_is_as_before_or_on_the_list(name: str) -> None:
    cases, judge = JUDGES[name]
    seen: set[tuple[str, str]] = set()
    for base, members in group(cases()).items():
        assert len(members) == len(RECORDED[name][base]), base
        for (case, *values), before in zip(members, RECORDED[name][base], strict=True):
            now = LETTERS[judge(*values)]
            change = (name, case.split("/")[-1])
            if now != before:
                assert CHANGED.get(change) == before + now, case
                seen.add(change)
    assert seen == {change for change in CHANGED if change[0] == name}
