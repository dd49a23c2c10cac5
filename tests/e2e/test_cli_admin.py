"""Remote management: our admin, policy and eab commands and the original's, against the real step-ca."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fixtures.administrator import Administrator, of_new_authority
from fixtures.running import others

pytestmark = pytest.mark.needs("step", "step-ca")
POLICY = ["ca", "policy", "authority"]


@pytest.fixture(scope="module")
def administrator(tmp_path_factory: pytest.TempPathFactory) -> Generator[Administrator]:
    with of_new_authority(tmp_path_factory.mktemp("admin")) as someone:
        yield someone


@pytest.fixture
def alone(tmp_path: Path) -> Generator[Administrator]:
    """With an authority for one test: step-ca miscounts its super administrators after a change of role."""
    with of_new_authority(tmp_path) as someone:
        yield someone


def test_administrators_are_added_changed_and_removed(alone: Administrator) -> None:
    first = alone.ours("ca", "admin", "list")
    assert first == alone.theirs("ca", "admin", "list")
    added = alone.ours("ca", "admin", "add", "joe@example.com", "admin", "--super")
    assert added.splitlines()[1].split("\t") == ["joe@example.com", "admin (JWK)", "SUPER_ADMIN"]
    assert alone.ours("ca", "admin", "list") == alone.theirs("ca", "admin", "list")
    for flags in (["--super"], ["--super=false"], ["--provisioner", "admin"]):
        words = ["ca", "admin", "list", *flags]
        assert alone.ours(*words) == alone.theirs(*words)
    changed = alone.ours("ca", "admin", "update", "joe@example.com", "--super=false")
    assert changed.splitlines()[1].endswith("\tADMIN")
    listed = json.loads(alone.ours("ca", "admin", "list", "--output", "json"))
    assert {row["subject"]: row["type"] for row in listed} == {
        "step": "SUPER_ADMIN",
        "joe@example.com": "ADMIN",
    }
    out, err = alone.run("ca", "admin", "remove", "joe@example.com", *alone.login)
    assert not out
    assert "✔ Admin: subject: joe@example.com, provisioner: admin(JWK), type: ADMIN" in err
    assert alone.ours("ca", "admin", "list") == first


def test_what_the_authority_refuses_is_said(administrator: Administrator) -> None:
    words = ["ca", "admin", "remove", "step", *administrator.login]
    assert "super admin" in administrator.run(*words, code=1)[1]
    words = ["ca", "admin", "update", "missing", "--super", *administrator.login]
    assert "no admins with subject missing" in administrator.run(*words, code=1)[1]
    stranger = ["--admin-subject", "stranger", *administrator.login[2:]]
    assert administrator.run("ca", "admin", "list", *stranger, code=1)[1]
    wrong = [*administrator.login[:2], "--admin-provisioner", "none"]
    said = administrator.run("ca", "admin", "list", *wrong, code=1)[1]
    assert "invalid value 'none' for flag '--admin-provisioner'" in said


def test_a_certificate_serves_as_credential(administrator: Administrator) -> None:
    password = str(administrator.authority.password_file)
    administrator.run("ca", "certificate", "step", "step.crt", "step.key",
                      "--provisioner", "admin", "--password-file", password)  # fmt: skip # a command line
    flags = ["--admin-cert", "step.crt", "--admin-key", "step.key"]
    out, err = administrator.run("ca", "admin", "list", *flags)
    assert out == administrator.theirs("ca", "admin", "list")
    assert "login" not in err
    said = administrator.run("ca", "admin", "list", *flags[:2], code=1)[1]
    assert said == "flag '--admin-cert' requires the '--admin-key' flag\n"
    administrator.run("certificate", "create", "step", "own.crt", "own.key", "--profile",
                      "self-signed", "--subtle", "--no-password", "--insecure",
                      program=others("step"))  # fmt: skip # a command line
    flags = ["--admin-cert", "own.crt", "--admin-key", "own.key"]
    administrator.run("ca", "admin", "list", *flags, code=1)


def test_a_policy_grows_and_shrinks_as_the_original_makes_it(administrator: Administrator) -> None:
    """Each step is done by one program and read by the other."""
    say = "certificate issuance policy does not exist\n"
    assert administrator.ours(*POLICY, "view") == administrator.theirs(*POLICY, "view") == say
    steps = [
        ["x509", "allow", "dns", "step", "*.local"],
        ["x509", "allow", "dns", "*.local", "a.example"],
        ["x509", "deny", "ip", "10.0.0.0/8"],
        ["x509", "allow", "email", "@example.com"],
        ["x509", "allow", "uri", "urn.example"],
        ["x509", "allow", "cn", "step"],
        ["x509", "wildcards", "allow"],
        ["ssh", "user", "allow", "email", "@example.com"],
        ["ssh", "user", "deny", "principal", "root"],
        ["ssh", "host", "allow", "dns", "*.local"],
        ["x509", "allow", "dns", "a.example", "--remove"],
        ["x509", "wildcards", "deny"],
    ]
    printed = [policy(administrator.ours(*POLICY, *step)) for step in steps]
    assert policy(administrator.theirs(*POLICY, "view")) == printed[-1]
    assert policy(administrator.ours(*POLICY, "view")) == printed[-1]
    assert printed[-1]["x509"]["allow"]["dns"] == ["step", "*.local"]
    assert administrator.ours(*POLICY, "remove") == "policy deleted\n"
    assert [policy(administrator.theirs(*POLICY, *step)) for step in steps] == printed
    administrator.theirs(*POLICY, "remove")
    said = administrator.run(*POLICY, "remove", *administrator.login, code=1)[1]
    assert say.strip() in said


def policy(text: str) -> Any:
    """What a command printed, without the empty parts that say nothing."""
    return without_empty(json.loads(text))


def without_empty(value: Any) -> Any:
    """A value without empty objects, empty lists and false."""
    if isinstance(value, dict):
        inner = {name: without_empty(each) for name, each in value.items()}
        return {name: each for name, each in inner.items() if each not in ({}, [], False)}
    if isinstance(value, list):
        return [without_empty(each) for each in value]
    return value


def test_a_policy_that_locks_its_author_out_is_refused(administrator: Administrator) -> None:
    words = [*POLICY, "x509", "allow", "dns", "other.example", *administrator.login]
    assert "lock out" in administrator.run(*words, code=1)[1]
    assert "does not exist" in administrator.ours(*POLICY, "view")


def test_policies_and_keys_that_this_authority_does_not_have(administrator: Administrator) -> None:
    words = ["ca", "policy", "provisioner", "x509", "allow", "dns", "a.example"]
    said = administrator.run(*words, *administrator.login, code=1)[1]
    assert "requires the '--provisioner' flag" in said
    said = administrator.run(*words, "--provisioner", "acme", *administrator.login, code=1)[1]
    assert "not supported in standalone mode" in said
    words = [
        "ca",
        "policy",
        "acme",
        "x509",
        "allow",
        "email",
        "@a.example",
        "--provisioner",
        "acme",
    ]
    said = administrator.run(*words, *administrator.login, code=1)[1]
    assert "one of flag --eab-key-reference or --eab-key-id is required" in said
    for words in (["ca"], ["beta", "ca"]):
        for verb, rest in (("list", []), ("add", ["ref"]), ("remove", ["id"])):
            call = [*words, "acme", "eab", verb, "acme", *rest, *administrator.login]
            assert "ACME EAB key" in administrator.run(*call, code=1)[1]
