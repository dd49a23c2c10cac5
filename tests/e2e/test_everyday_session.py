"""One session of every everyday ``ca`` command by the real step, at step-ca and at ours, compared line by line.

What administrators do has a session of its own in ``test_remote_management.py``. Both authorities start from
ca.json files of the real ``step ca init``.
"""

import json
import os
import re
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from fixtures.processes import free_port
from fixtures.running import NEWEL, Authority, others, serve_newel
from fixtures.step_ca import step_ca

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

_NORMAL = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"kid: [\w-]+"), "kid: KID"),
    (re.compile(r'"(kid|x|y|encryptedKey)": ?"[^"]*"'), r'"\1": "…"'),
    (re.compile(r"https://[\w.]+:\d+"), "URL"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?( \+0000 UTC)?"), "TIME"),
    (re.compile(r"\d{15,60}"), "SERIAL"),
)


class Person:
    """A person's folder, with the authority's root."""

    def __init__(self, authority: Authority, home: Path) -> None:
        self.home = home
        home.mkdir(exist_ok=True)
        defaults = json.loads((authority.state / "config/defaults.json").read_text())
        (home / "pw").write_text(authority.password_file.read_text())
        (home / "wrong").write_text("wrong\n")
        flags = ["--ca-url", authority.url, "--fingerprint", defaults["fingerprint"]]
        self.run(["ca", "bootstrap", *flags, "--force"], others("step"))

    def run(self, words: list[str], program: str) -> str:
        """What a command prints, with its exit code, without what differs from run to run."""
        done = subprocess.run(
            [program, *words],
            env={**os.environ, "STEPPATH": str(self.home / "step")},
            cwd=self.home, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, start_new_session=True, timeout=60,
        )  # fmt: skip # a command line
        text = f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        for pattern, name in _NORMAL:
            text = pattern.sub(name, text)
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        return "\n".join(line for line in lines if not line.startswith("Re-run with"))


Transcript = list[tuple[list[str], str]]


@pytest.fixture(scope="module")
def sessions(
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[tuple[Person, Person]]:
    """The same person at a step-ca and at our authority, which took a ca.json of the same kind over."""
    home = tmp_path_factory.mktemp("everyday")
    with step_ca(home / "before") as before:
        password = before.password_file
    password.chmod(0o600)
    flags = ["--password-file", str(password)]
    with (
        step_ca(home / "original") as original,
        serve_newel(home / "before", free_port(), free_port(), *flags) as (newel, _),
    ):
        at_ours = Authority(newel.state, newel.port, newel.http_port, password, newel.log)
        yield Person(original, home / "theirs"), Person(at_ours, home / "ours")


def transcript(person: Person, program: str) -> Transcript:
    return [(words, person.run(words, program)) for words in SESSION]


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


def test_the_real_step_reads_the_same_at_both_authorities(sessions: tuple[Person, Person]) -> None:
    original, newel = sessions
    theirs, ours = transcript(original, others("step")), transcript(newel, others("step"))
    found = [
        (words, before, said)
        for (words, before), (_, said) in zip(theirs, ours, strict=True)
        if before != said and words not in AT_OURS
    ]
    assert found == []


def test_both_programs_read_the_same_at_our_authority(sessions: tuple[Person, Person]) -> None:
    _, newel = sessions
    theirs, ours = transcript(newel, others("step")), transcript(newel, NEWEL)
    found = [
        (words, before, said)
        for (words, before), (_, said) in zip(theirs, ours, strict=True)
        if said.splitlines()[: len(before.splitlines())] != before.splitlines()  # ours may say more
        and words not in BY_OURS
    ]
    assert found == []
