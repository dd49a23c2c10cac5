"""Remote management: one session of every command by the real step and by ours, against step-ca and ours.

The transcripts are compared line by line; docs/divergences.md says why some lines differ.
"""

import json
import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fixtures.administrator import Administrator
from fixtures.running import NEWEL, Authority, others, run
from fixtures.step_ca import serve_successor, step_ca
from fixtures.transcripts import Transcript, normalize

pytestmark = pytest.mark.needs("step", "step-ca")

POLICY = ["ca", "policy", "authority"]
OF_PROVISIONER = ["ca", "policy", "provisioner"]
OF_ACCOUNT = ["ca", "policy", "acme"]
EAB = ["ca", "acme", "eab"]
PROVISIONER = ["ca", "provisioner"]
ACCOUNT = ["--provisioner", "keys", "--eab-key-reference", "ref"]
SESSION: list[list[str]] = [
    ["ca", "admin", "list"],
    ["ca", "admin", "add", "joe@example.com", "admin", "--super"],
    ["ca", "admin", "add", "joe@example.com", "admin"],
    ["ca", "admin", "add", "ann", "none"],
    ["ca", "admin", "list", "--super"],
    ["ca", "admin", "list", "--provisioner", "admin"],
    ["ca", "admin", "remove", "joe@example.com"],
    ["ca", "admin", "remove", "joe@example.com"],
    ["ca", "admin", "remove", "step"],
    [*PROVISIONER, "add", "keys", "--type", "ACME", "--require-eab", "--x509-default-dur", "20m"],
    [*PROVISIONER, "add", "keys", "--type", "ACME"],
    [*PROVISIONER, "update", "keys", "--force-cn", "--x509-template", "x509.tpl"],
    [*PROVISIONER, "update", "none", "--force-cn"],
    [*PROVISIONER, "add", "second", "--create", "--password-file", "pw", "--disable-renewal"],
    [*PROVISIONER, "update", "second", "--name", "third"],
    [*PROVISIONER, "webhook", "add", "third", "h", "--url", "https://h.example/x", "--kind", "ENRICHING"],
    [*PROVISIONER, "webhook", "add", "third", "h", "--url", "https://h.example/x", "--kind", "ENRICHING"],
    [*PROVISIONER, "webhook", "update", "third", "h", "--url", "https://h.example/y"],
    [*PROVISIONER, "update", "third", "--x509-max-dur", "30h"],
    [*PROVISIONER, "webhook", "update", "third", "none", "--url", "https://h.example/y"],
    [*PROVISIONER, "webhook", "remove", "third", "h"],
    [*PROVISIONER, "remove", "third"],
    [*PROVISIONER, "remove", "third"],
    [*PROVISIONER, "remove", "admin"],
    [*EAB, "add", "keys", "ref"],
    [*EAB, "add", "keys", "ref"],
    [*EAB, "list", "keys"],
    [*EAB, "list", "keys", "ref"],
    [*EAB, "remove", "keys", "none"],
    [*EAB, "list", "acme"],
    [*POLICY, "view"],
    [*POLICY, "remove"],
    [*POLICY, "x509", "allow", "dns", "other"],
    [*POLICY, "x509", "allow", "dns", "step", "*.local"],
    [*POLICY, "x509", "allow", "cn", "step"],
    [*POLICY, "x509", "deny", "ip", "10.0.0.0/8"],
    [*POLICY, "x509", "allow", "email", "@example.com"],
    [*POLICY, "x509", "allow", "uri", "uri.example"],
    [*POLICY, "x509", "wildcards", "allow"],
    [*POLICY, "ssh", "user", "allow", "principal", "root"],
    [*POLICY, "ssh", "host", "deny", "dns", "a.local"],
    [*POLICY, "x509", "allow", "dns", "*.local", "--remove"],
    [*POLICY, "view"],
    [*POLICY, "remove"],
    [*OF_PROVISIONER, "x509", "deny", "dns", "a.local", "--provisioner", "keys"],
    [*OF_PROVISIONER, "view", "--provisioner", "keys"],
    [*OF_PROVISIONER, "remove", "--provisioner", "keys"],
    [*OF_ACCOUNT, "x509", "allow", "dns", "*.local", *ACCOUNT],
    [*OF_ACCOUNT, "view", *ACCOUNT],
    [*OF_ACCOUNT, "remove", *ACCOUNT],
    [*PROVISIONER, "remove", "keys"],
    ["ca", "admin", "add", "ann@example.com", "admin", "--super"],
    ["ca", "admin", "update", "ann@example.com", "--super=false"],
    ["ca", "admin", "remove", "step"],
    ["ca", "admin", "remove", "ann@example.com"],
]  # fmt: skip # command lines

_VARYING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"Secret: \S+"), "Secret: SECRET"),
    (re.compile(r"[\w-]{43}(?=     ref)"), "KEY"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+00:00"), "TIME"),
)


class Session:
    """One administrator at one authority."""

    def __init__(self, authority: Authority, home: Path) -> None:
        self._user = Administrator(authority, home).bootstrap()
        (home / "x509.tpl").write_text('{"subject": {{ toJson .Subject }}}')
        (home / "pw").write_text("its own\n")

    def output(self, words: list[str]) -> str:
        """Return what our command prints, which succeeds."""
        return self._user.ours(*words)

    def certbot(self, home: Path, provisioner: str, *arguments: str) -> None:
        """Run certbot with its folders in ``home``, at another provisioner."""
        authority = self._user.authority
        directory = f"{authority.url}/acme/{provisioner}/directory"
        folders = [
            word
            for name in ("config", "work", "logs")
            for word in (f"--{name}-dir", str(home / name))
        ]
        run(
            ["certbot", *arguments, "-n", "--server", directory, *folders],
            env={**os.environ, "REQUESTS_CA_BUNDLE": str(authority.root)},
        )

    def run(self, words: list[str], program: str) -> str:
        """What a command prints, with its exit code, without what differs from run to run."""
        done = self._user.attempt(*words, *self._user.login, program=program)
        printed = done.stdout
        if printed.startswith("{"):
            printed = json.dumps(without_empty(json.loads(printed)))
        elif words[:3] == ["ca", "admin", "list"]:  # sorted by ids, which are random
            printed = "\n".join(sorted(printed.splitlines()))
        return normalize(done.returncode, printed, done.stderr, _VARYING)


def without_empty(value: Any) -> Any:
    """A value without empty objects, which the programs print or leave out."""
    if not isinstance(value, dict):
        return value
    inner = {name: without_empty(each) for name, each in value.items()}
    return {name: each for name, each in inner.items() if each not in ({}, [], False)}


def turn_on(ca: dict[str, Any]) -> None:
    """As an operator does it who has provisioners in the file."""
    ca["authority"]["enableAdmin"] = True


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Generator[Session]:
    """At a step-ca whose provisioners have moved into its database."""
    home = tmp_path_factory.mktemp("original")
    with step_ca(home / "state", edit=turn_on) as authority:
        yield Session(authority, home)


@pytest.fixture(scope="module")
def newel(tmp_path_factory: pytest.TempPathFactory) -> Generator[Session]:
    """At our authority, which started from the same ca.json."""
    home = tmp_path_factory.mktemp("newel")
    with serve_successor(home / "state", edit=turn_on) as authority:
        yield Session(authority, home)


def transcript(session: Session, program: str) -> Transcript:
    """The session, each command with what came of it."""
    return [(words, session.run(words, program)) for words in SESSION]


@pytest.fixture(scope="module")
def at_ours(newel: Session) -> Transcript:
    """The real step's session at our authority, which ends as it began."""
    return transcript(newel, others("step"))


def differences(one: Transcript, other: Transcript) -> Transcript:
    """The second's part where it differs from the first."""
    pairs = zip(one, other, strict=True)
    return [(words, said) for (words, before), (_, said) in pairs if before != said]


BETTER = [EAB, OF_PROVISIONER, OF_ACCOUNT]
"""Commands that step-ca answers with 501."""
LAST = ["ca", "admin", "remove", "step"]
"""After a change of role, step-ca lets the last super administrator go, and with it everyone."""


def test_the_real_step_is_answered_as_by_step_ca(original: Session, at_ours: Transcript) -> None:
    theirs = transcript(original, others("step"))
    found = differences(
        theirs[:-1], at_ours[:-1]
    )  # after the last one but one, step-ca has no one left
    for words, said in found:
        assert words == LAST or words[:3] in BETTER, (words, said)
    assert found[-1][0] == LAST
    refused = [words for words, said in at_ours if said.startswith("1")]
    assert [words[:3] for words in refused if words[:3] in BETTER] == [EAB, EAB, EAB]


def test_both_programs_are_answered_alike(newel: Session, at_ours: Transcript) -> None:
    found = differences(at_ours, transcript(newel, NEWEL))
    assert not [each for each in found if "webhook" in each[0]], found
    # the original makes an empty policy before it changes it, so a refused first change leaves that
    assert [words for words, _ in found] == [[*POLICY, "x509", "allow", "dns", "other"]]
    assert "the provided policy would lock out [step] from the CA" in found[0][1]


def test_a_replacement_of_certificates_is_ordered_shown_and_ended(newel: Session) -> None:
    replacement = ["ca", "acme", "replacement"]
    ordered = newel.run([*replacement, "add", "provisioner", "acme"], NEWEL)
    assert re.search(r"^UUID +provisioner +acme +\S+Z +0 of 0 +0 +-$", ordered, re.MULTILINE), (
        ordered
    )
    listed = json.loads(newel.output([*replacement, "list", "--output", "json"]))
    assert [(each["scope"], each["value"]) for each in listed] == [("provisioner", "acme")]
    assert "was ended" in newel.run([*replacement, "end", listed[0]["id"]], NEWEL)
    assert json.loads(newel.output([*replacement, "list", "--output", "json"])) == []
    assert "the scope is one of" in newel.run([*replacement, "add", "everything"], NEWEL)
    assert "no such replacement" in newel.run([*replacement, "end", listed[0]["id"]], NEWEL)


@pytest.mark.needs("certbot", "openssl")
def test_certbot_obtains_names_that_its_key_approves_without_a_challenge(
    newel: Session, tmp_path: Path
) -> None:
    newel.output([*PROVISIONER, "add", "approved", "--type", "ACME", "--require-eab"])
    names = ["--approve", "behind.firewall.internal", "--approve", "10.1.0.0/16"]
    many = ["--accounts", "2", "--not-after", "24h", "--output", "json"]
    key = json.loads(newel.output([*EAB, "add", "approved", "ref", *names, *many]))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}Z", key["notAfter"])
    for home in (tmp_path / "first", tmp_path / "second"):
        home.mkdir()
        newel.certbot(
            home, "approved", "certonly", "--standalone", "--agree-tos", "-m", "you@example.com",
            "-d", "behind.firewall.internal", "--eab-kid", key["id"], "--eab-hmac-key", key["key"],
        )  # fmt: skip # a command line
        assert (home / "config/live/behind.firewall.internal/fullchain.pem").exists()
    assert "2 of 2 accounts" in newel.output([*EAB, "list", "approved"])
    newel.output([*EAB, "remove", "approved", key["id"], "--revoke-accounts"])
    newel.output([*PROVISIONER, "remove", "approved"])
