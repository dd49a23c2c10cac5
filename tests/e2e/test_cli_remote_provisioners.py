"""Provisioners by remote management: made, changed and removed by ours as by the original, one after the other."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fixtures.administrator import Administrator, of_new_authority
from fixtures.meshes import mesh
from fixtures.needs import find_program
from fixtures.processes import free_port
from fixtures.running import others

pytestmark = pytest.mark.needs("step", "step-ca")
PROVISIONER = ["ca", "provisioner"]


@pytest.fixture(scope="module")
def administrator(tmp_path_factory: pytest.TempPathFactory) -> Generator[Administrator]:
    """With the files that flags name."""
    with of_new_authority(tmp_path_factory.mktemp("managed")) as someone:
        home = someone.home
        (home / "root.crt").write_bytes(someone.authority.root.read_bytes() * 2)
        (home / "x509.tpl").write_text('{"subject": {"commonName": "é"}}')
        (home / "data.json").write_text('{"ou": ["a", "b"]}')
        words = ["crypto", "jwk", "create", "pub.json", "priv.json", "--password-file"]
        someone.run(*words, str(someone.authority.password_file), program=others("step"))
        someone.run("crypto", "keypair", "k8s.pub", "k8s.key", "--no-password", "--insecure")
        if find_program("nebula-cert"):
            mesh(home)
        yield someone


def records(administrator: Administrator) -> dict[str, dict[str, Any]]:
    """What the original lists, by name."""
    listed = administrator.run("ca", "provisioner", "list", program=others("step"))[0]
    return {record["name"]: record for record in json.loads(listed)}


def alike(record: dict[str, Any]) -> dict[str, Any]:
    """Without what is each one's own."""
    return {name: value for name, value in record.items() if name not in {"name", "id"}}


KINDS = [
    ["--type", "ACME", "--challenge", "http-01", "--challenge", "tls-alpn-01", "--force-cn", "--x509-default-dur",
     "20m", "--attestation-format", "tpm", "--attestation-roots", "root.crt"],
    ["--type", "X5C", "--x5c-roots", "root.crt", "--disable-renewal", "--ssh-host-max-dur", "48h"],
    ["--type", "K8sSA", "--public-key", "k8s.pub"],
    ["--type", "AWS", "--aws-account", "1", "--aws-account", "2", "--instance-age", "1h", "--disable-tofu"],
    ["--type", "SSHPOP"],
    pytest.param(["--type", "Nebula", "--nebula-root", "mesh.crt"], marks=pytest.mark.needs("nebula-cert")),
    ["--type", "SCEP", "--challenge", "s3cret", "--min-public-key-length", "3072", "--include-root"],
    ["--public-key", "pub.json", "--private-key", "priv.json", "--x509-template", "x509.tpl",
     "--x509-template-data", "data.json", "--allow-renewal-after-expiry", "--ssh=false"],
]  # fmt: skip # a command line


@pytest.mark.parametrize("flags", KINDS, ids=lambda flags: flags[1])
def test_the_originals_provisioner(administrator: Administrator, flags: list[str]) -> None:
    """Made by each program, they differ in nothing; each removes what the other made."""
    made: list[dict[str, Any]] = []
    programs = [administrator.ours, administrator.theirs]
    for make, remove in (programs, programs[::-1]):
        make(*PROVISIONER, "add", "new", *flags)
        made.append(alike(records(administrator)["new"]))
        remove(*PROVISIONER, "remove", "new")
    assert made[0] == made[1]
    assert sorted(records(administrator)) == ["acme", "admin", "sshpop"]


CHANGES = [
    ["--challenge", "dns-01", "--remove-challenge", "http-01"],
    ["--x509-max-dur", "48h", "--ssh-user-min-dur", "10m"],
    ["--x509-template", "x509.tpl", "--disable-renewal"],
    ["--disable-renewal=false", "--force-cn", "--attestation-format", "apple"],
]


def test_changes_by_one_program_after_the_other(administrator: Administrator) -> None:
    """Each change is made by ours to one and by the original to the other, then the other way round."""
    names = ["Ada Lovelace", "joe@example.com"]
    programs = [administrator.ours, administrator.theirs]
    for name in names:
        administrator.ours(*PROVISIONER, "add", name, "--type", "ACME", "--challenge", "http-01")
    for flags in CHANGES:
        for name, program in zip(names, programs, strict=True):
            program(*PROVISIONER, "update", name, *flags)
        found = records(administrator)
        assert alike(found[names[0]]) == alike(found[names[1]]), flags
        programs.reverse()
    assert records(administrator)[names[0]]["challenges"] == ["dns-01"]
    administrator.ours(*PROVISIONER, "update", names[0], "--name", "ada")
    assert "ada" in records(administrator)
    for name in ("ada", names[1]):
        administrator.ours(*PROVISIONER, "remove", name)


def test_a_key_that_is_made_here_opens_with_its_password(administrator: Administrator) -> None:
    (administrator.home / "own").write_text("its own\n")
    flags = ["--create", "--password-file", "own"]
    administrator.ours(*PROVISIONER, "add", "ops", *flags)
    words = ["ca", "token", "x", "--provisioner", "ops", "--provisioner-password-file", "own"]
    assert administrator.run(*words, program=others("step"))[0].count(".") == 2
    before = records(administrator)["ops"]["key"]["kid"]
    administrator.ours(*PROVISIONER, "update", "ops", *flags)
    assert records(administrator)["ops"]["key"]["kid"] != before
    assert administrator.run(*words)[0].count(".") == 2
    administrator.ours(*PROVISIONER, "remove", "ops")


def test_an_empty_flag_takes_away(administrator: Administrator) -> None:
    """The escrowed key, a template: by ours as by the original; a private key alone is exchanged alone."""
    key = ["--public-key", "pub.json", "--private-key", "priv.json"]
    makers = {"one": administrator.ours, "two": administrator.theirs}
    for name, program in makers.items():
        program(*PROVISIONER, "add", name, *key, "--x509-template", "x509.tpl")
    for flags in (["--private-key", ""], ["--x509-template", ""], ["--private-key", "priv.json"]):
        for name, program in makers.items():
            program(*PROVISIONER, "update", name, *flags)
        found = records(administrator)
        assert alike(found["one"]) == alike(found["two"]), flags
        assert ("encryptedKey" in found["one"]) is ("priv.json" in flags)
    for name in makers:
        administrator.ours(*PROVISIONER, "remove", name)


def test_webhooks_outlive_a_change_of_their_provisioner(administrator: Administrator) -> None:
    administrator.ours(*PROVISIONER, "add", "hooked", "--type", "ACME")
    words = ["--url", "https://a.example", "--kind", "ENRICHING"]
    administrator.ours(*PROVISIONER, "webhook", "add", "hooked", "w", *words)
    administrator.ours(*PROVISIONER, "update", "hooked", "--force-cn")
    found = records(administrator)["hooked"]
    assert found["options"]["webhooks"][0]["name"] == "w"
    assert found["forceCN"] is True
    administrator.ours(*PROVISIONER, "remove", "hooked")


def test_what_is_refused_changes_nothing(administrator: Administrator) -> None:
    before = records(administrator)
    (administrator.home / "empty").write_text("nothing")
    cases = [
        (["add", "admin", "--type", "ACME"], "already exists"),
        (["update", "absent", "--force-cn"], "not found"),
        (["remove", "absent"], "not found"),
        (["add", "x", "--type", "ACME", "--challenge", "odd"], "invalid value 'odd'"),
        (["add", "x", "--type", "X5C", "--x5c-roots", "empty"], "empty"),
    ]
    for words, expected in cases:
        said = administrator.run(*PROVISIONER, *words, *administrator.login, code=1)[1]
        assert expected in said, said
    stranger = ["--admin-subject", "stranger", *administrator.login[2:]]
    administrator.run(*PROVISIONER, "remove", "acme", *stranger, code=1)
    assert records(administrator) == before


def test_an_authority_that_does_not_answer(administrator: Administrator, tmp_path: Path) -> None:
    """Its ca.json is changed, if it is here and keeps the provisioners."""
    nobody = ["--ca-url", f"https://localhost:{free_port()}", "--ca-config"]
    file = tmp_path / "ca.json"
    file.write_text('{"authority": {"provisioners": [{"type": "ACME", "name": "a"}]}}')
    administrator.run(*PROVISIONER, "remove", "a", *nobody, str(file))
    assert json.loads(file.read_text()) == {"authority": {"provisioners": []}}
    managed = str(administrator.authority.state / "config/ca.json")
    said = administrator.run(*PROVISIONER, "remove", "acme", *nobody, managed, code=1)[1]
    assert "managed remotely" in said
