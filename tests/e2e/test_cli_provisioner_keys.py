"""Keys of JWK provisioners, opened here and chosen by id; and what an authority says that lacks something."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fakes.client_auth_proxy import serve_proxy
from fixtures.machine import Machine, authority, machine, root_fingerprint, stranger
from fixtures.processes import free_port
from fixtures.running import serve_newel
from newel.cli.jose import jwk_files
from newel.client.trust import client_tls
from newel.client.web import make_opener
from newel.jose import base64url

__all__ = ["authority", "machine", "stranger"]


def provisioners(machine: Machine) -> list[dict[str, Any]]:
    return json.loads(machine.newel("ca", "provisioner", "list").stdout)


def test_no_request_carries_a_password_or_a_private_key(machine: Machine, tmp_path: Path) -> None:
    """A proxy that reads everything sees neither, from the first certificate to its revocation."""
    folder = tmp_path / "front"
    folder.mkdir()
    password = machine.authority.password_file.read_text().strip()
    (first,) = [each for each in provisioners(machine) if each["name"] == "admin"]
    opened = jwk_files.parse(
        first["encryptedKey"].encode(), "it", str(machine.authority.password_file)
    )
    with serve_proxy(machine.authority, folder) as proxy:
        url = ["--ca-url", proxy.url]
        machine.newel(
            "ca", "certificate", "a.example", "a.crt", "a.key", *url, *machine.provisioner
        )
        token = machine.newel("ca", "token", "a.example", *url, *machine.provisioner).stdout.strip()
        machine.newel("ca", "certificate", "a.example", "b.crt", "b.key", "--token", token, *url)
        serial = str(machine.read("a").serial_number)
        token = machine.newel(
            "ca", "token", serial, "--revoke", *url, *machine.provisioner
        ).stdout.strip()
        machine.newel("ca", "revoke", serial, "--token", token, *url)
        seen = "".join(f"{each.path}{each.headers}" for each in proxy.asked).encode()
        seen += b"".join(each.body for each in proxy.asked)
    paths = {each.path.partition("?")[0] for each in proxy.asked}
    assert paths == {"/provisioners", "/sign", "/revoke"}
    assert seen.count(b'"ott": "eyJ') == 3
    keys = [(machine.home / name).read_text().splitlines()[1:-1] for name in ("a.key", "b.key")]
    secrets = [password, opened["d"], *keys[0], *keys[1]]
    assert [secret for secret in secrets if secret.encode() in seen] == []


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Generator[Machine]:
    """A machine that knows a Newel authority with two more provisioners, one of them without escrow."""
    home, ports = tmp_path_factory.mktemp("several"), (free_port(), free_port())
    state = tmp_path_factory.mktemp("several-state") / "state"
    with serve_newel(state, *ports) as (known, _):
        machine = Machine(known, home)
        words = ["--ca-url", known.url, "--fingerprint", root_fingerprint(known)]
        machine.newel("ca", "bootstrap", *words)
    (home / "pw").write_text("its own")
    add = [
        "ca",
        "provisioner",
        "add",
        "--type",
        "JWK",
        "--ca-config",
        str(state / "config/ca.json"),
    ]
    machine.newel(*add, "second", "--create", "--password-file", "pw")
    machine.newel("crypto", "jwk", "create", "own.pub", "own.key", "--no-password", "--insecure")
    machine.newel(*add, "own", "--public-key", "own.pub")
    with serve_newel(state, *ports):
        yield machine


def test_without_escrow_the_key_itself_is_asked_for(several: Machine) -> None:
    """The password opens nothing, and the owner of the key needs none."""
    (own,) = [each for each in provisioners(several) if each["name"] == "own"]
    assert "encryptedKey" not in own
    asked = ["ca", "token", "a.example", "--provisioner", "own"]
    said = several.fail(*asked, "--password-file", "pw")
    assert "the provisioner's key is not kept by the authority: name its file by '--key'" in said
    token = several.newel(*asked, "--key", "own.key").stdout.strip()
    several.newel("ca", "certificate", "a.example", "a.crt", "a.key", "--token", token)


def test_a_provisioner_is_chosen_among_several_by_name_or_by_key(several: Machine) -> None:
    """There is no menu, and a wrong name is answered with the names that exist."""
    kids = {
        each["name"]: each["key"]["kid"] for each in provisioners(several) if each["type"] == "JWK"
    }
    assert set(kids) == {"admin", "second", "own"}
    passwords = {"admin": str(several.authority.password_file), "second": "pw"}
    for name, password in passwords.items():
        kid = kids[name]
        for flags in (["--kid", kid], ["--issuer", name], ["--kid", kid, "--issuer", name]):
            token = several.newel("ca", "token", "a", *flags, "--password-file", password).stdout
            header, claims = (
                json.loads(base64url.decode(part)) for part in token.strip().split(".")[:2]
            )
            assert (header["kid"], claims["iss"]) == (kid, name)
    for flags in (
        ["--kid", "none"], ["--issuer", "missing"], ["--kid", kids["admin"], "--issuer", "second"],
    ):  # fmt: skip # a command line
        said = several.fail("ca", "token", "a", *flags, "--password-file", "pw")
        assert f"The authority has: admin (JWK) [kid: {kids['admin']}]" in said
        assert f"second (JWK) [kid: {kids['second']}]" in said
    said = several.fail("ca", "token", "a", "--password-file", "pw")
    assert "Without a terminal it is answered by --provisioner or --kid." in said
    assert "second (JWK)" in said


@pytest.mark.parametrize(
    "words",
    [
        ["ca", "policy", "authority", "view"],
        ["ca", "policy", "authority", "remove"],
        ["ca", "policy", "authority", "x509", "allow", "dns", "*.example"],
        ["ca", "admin", "list"],
        ["ca", "acme", "eab", "list", "acme"],
    ],
)
def test_an_authority_without_remote_management_is_told_from_one_without_a_policy(
    machine: Machine, words: list[str]
) -> None:
    said = machine.fail(*words)
    assert f"the authority {machine.authority.url} is not managed remotely" in said
    assert "You must login" not in said


@pytest.mark.parametrize(
    "words",
    [
        ["ssh", "certificate", "ada", "id", "--no-password", "--insecure"],
        ["ssh", "config", "--roots"],
        ["ssh", "hosts"],
    ],
)
@pytest.mark.parametrize("authority", ["up"], indirect=True)
def test_an_authority_without_ssh_says_so(machine: Machine, words: list[str]) -> None:
    password = ["--provisioner-password-file", str(machine.authority.password_file)]
    more = ["--provisioner", "admin", *password] if words[1] == "certificate" else []
    assert "authority issues no SSH certificates" in machine.newel(*words, *more, good=False).stderr
    assert not (machine.home / "id-cert.pub").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"nothing", "does not contain a valid PEM encoded certificate"),
        (None, "no such file or directory"),
    ],
)
def test_an_identity_that_cannot_be_read_is_said(
    machine: Machine, content: bytes | None, reason: str
) -> None:
    file = machine.home / "me.crt"
    if content is not None:
        file.write_bytes(content)
    index = machine.home / "step/config/identity.json"
    index.write_text(json.dumps({"type": "mTLS", "crt": str(file), "key": str(file)}))
    said = machine.newel("ca", "health").stderr
    assert said.startswith(f"The identity {file} is not shown to the authority: ")
    assert reason in said
    index.unlink()
    assert machine.newel("ca", "health").stderr == ""


def test_the_recording_front_is_what_clients_speak_to(machine: Machine, tmp_path: Path) -> None:
    """The judge of the first test: it does see what is sent."""
    folder = tmp_path / "front"
    folder.mkdir()
    with serve_proxy(machine.authority, folder) as proxy:
        tls = client_tls(machine.authority.root.read_text())
        make_opener(tls).open(f"{proxy.url}/health?secret", timeout=60).close()
        assert proxy.asked[0].path == "/health?secret"
        assert "Host: localhost" in proxy.asked[0].headers
