"""One session of every everyday ``ca`` command by the real step, at step-ca and at ours, compared line by line.

What administrators do has a session of its own in ``test_remote_management.py``. Both authorities start from
ca.json files of the real ``step ca init``.
"""

import re
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.administrator import Administrator
from fixtures.running import NEWEL, Authority, others
from fixtures.step_ca import serve_successor, step_ca
from fixtures.transcripts import Transcript, normalize

pytestmark = pytest.mark.needs("step", "step-ca")

JWK = ["--provisioner", "admin", "--provisioner-password-file", "pw"]
SIGN = ["ca", "certificate", "a.example"]
SESSION: list[list[str]] = [
    ["ca", "health"],
    ["ca", "root", "root.crt", "--force"],
    ["ca", "roots", "roots.crt", "--force"],
    ["ca", "federation", "federation.crt", "--force"],
    [*SIGN, "a.crt", "a.key", *JWK, "--force"],
    [*SIGN, "a.crt", "a.key", *JWK, "--force", "--san", "b.example", "--san", "10.0.0.1"],
    [*SIGN, "a.crt", "a.key", *JWK, "--force", "--not-after", "1h"],
    [*SIGN, "a.crt", "a.key", *JWK, "--force", "--not-after", "48h"],
    [*SIGN, "a.crt", "a.key", *JWK, "--force", "--not-after", "1m"],
    [*SIGN, "a.crt", "a.key", *JWK, "--force", "--not-before", "48h"],
    [*SIGN, "a.crt", "a.key", *JWK, "--force", "--kty", "RSA", "--size", "2048"],
    [*SIGN, "a.crt", "a.key", *JWK, "--force", "--kty", "OKP"],
    [*SIGN, "x.crt", "x.key", "--provisioner", "none", "--provisioner-password-file", "pw"],
    [*SIGN, "x.crt", "x.key", "--provisioner", "admin", "--provisioner-password-file", "wrong"],
    ["ca", "token", "a.example", *JWK, "--output-file", "token", "--force"],
    ["certificate", "create", "c.example", "c.csr", "c.key", "--csr", "--no-password", "--insecure",
     "--force"],
    ["ca", "sign", "c.csr", "c.crt", *JWK, "--force"],
    ["ca", "sign", "c.csr", "c.crt", *JWK, "--force", "--not-after", "20h"],
    ["certificate", "verify", "c.crt", "--roots", "root.crt"],
    ["certificate", "needs-renewal", "c.crt"],
    ["ca", "renew", "c.crt", "c.key", "--force"],
    ["ca", "renew", "c.crt", "a.key", "--force"],
    ["ca", "rekey", "c.crt", "c.key", "--force"],
    ["ca", "revoke", "--cert", "c.crt", "--key", "c.key"],
    ["ca", "revoke", "--cert", "c.crt", "--key", "c.key"],
    ["ca", "renew", "c.crt", "c.key", "--force"],
    ["ca", "provisioner", "list"],
    ["ca", "policy", "authority", "view", "--admin-provisioner", "admin"],
    ["ca", "certificate", "localhost", "l.crt", "l.key", "--provisioner", "none"],
]  # fmt: skip # command lines

_VARYING = (
    (re.compile(r'"(kid|x|y|encryptedKey)": ?"[^"]*"'), r'"\1": "…"'),
    (re.compile(r"https://[\w.]+:\d+"), "URL"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?( \+0000 UTC)?"), "TIME"),
    (re.compile(r"\d{15,60}"), "SERIAL"),
)


def equip(authority: Authority, home: Path) -> Administrator:
    """A person who knows the authority, with the password of its provisioner and a wrong one."""
    home.mkdir()
    (home / "pw").write_text(authority.password_file.read_text())
    (home / "wrong").write_text("wrong\n")
    return Administrator(authority, home).bootstrap()


def transcript(person: Administrator, program: str) -> Transcript:
    """The session, each command with what it printed."""
    done = [(words, person.attempt(*words, program=program)) for words in SESSION]
    return [
        (words, normalize(each.returncode, each.stdout, each.stderr, _VARYING))
        for words, each in done
    ]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Generator[Administrator]:
    """A person at a step-ca."""
    home = tmp_path_factory.mktemp("original")
    with step_ca(home / "state") as authority:
        yield equip(authority, home / "person")


@pytest.fixture(scope="module")
def newel(tmp_path_factory: pytest.TempPathFactory) -> Generator[Administrator]:
    """The same at our authority, which took a ca.json of the same kind over."""
    home = tmp_path_factory.mktemp("newel")
    with serve_successor(home / "state") as authority:
        yield equip(authority, home / "person")


@pytest.fixture(scope="module")
def at_ours(newel: Administrator) -> Transcript:
    """The real step's session at our authority."""
    return transcript(newel, others("step"))


AT_OURS = [
    [*SIGN, "a.crt", "a.key", *JWK, "--force", "--not-before", "48h"],  # no stockpiles
    [
        "ca",
        "renew",
        "c.crt",
        "a.key",
        "--force",
    ],  # the two TLS libraries end the handshake differently
]
"""Commands of the real step that our authority answers otherwise."""
BY_OURS = [
    ["ca", "renew", "c.crt", "a.key", "--force"],  # ours compares the two before it connects
    [
        "ca",
        "policy",
        "authority",
        "view",
        "--admin-provisioner",
        "admin",
    ],  # ours asks no one for a login
]
"""Commands that our command line answers otherwise."""


def test_the_real_step_reads_the_same_at_both_authorities(
    original: Administrator, at_ours: Transcript
) -> None:
    found = [
        (words, before, said)
        for (words, before), (_, said) in zip(
            transcript(original, others("step")), at_ours, strict=True
        )
        if before != said and words not in AT_OURS
    ]
    assert found == []


def test_both_programs_read_the_same_at_our_authority(
    newel: Administrator, at_ours: Transcript
) -> None:
    found = [
        (words, before, said)
        for (words, before), (_, said) in zip(at_ours, transcript(newel, NEWEL), strict=True)
        if said.splitlines()[: len(before.splitlines())] != before.splitlines()  # ours may say more
        and words not in BY_OURS
    ]
    assert found == []
