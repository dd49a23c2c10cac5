"""The files of ``/ssh/config``: templates that see the keys and a client's data as step-ca's do."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.authority import CertificateAuthority
from fixtures.registration import RegistrationHarness, open_registration, read_message
from newel.crypto import keys
from newel.crypto.ssh.public_keys import wire_of
from newel.registration.ssh.config import SSHConfig
from newel.step import ssh_templates

KRL = "http://status.example/ssh/krl"
OTHER = wire_of(keys.generate("Ed25519"))


@pytest.fixture
async def ra(authority: CertificateAuthority, tmp_path: Path) -> AsyncIterator[RegistrationHarness]:
    for name, text in ssh_templates.TEXTS.items():
        (tmp_path / name).write_text(text)
    files = {
        kind: [{**each, "template": tmp_path / each["name"]} for each in entries]
        for kind, entries in ssh_templates.ENTRIES.items()
    }
    ssh = {
        "user_templates": files["user"],
        "host_templates": files["host"],
        "keys": [{"type": "host", "public_key": encode(OTHER), "federated": True}],
        "krl_url": KRL,
    }
    opened = await open_registration(f"sqlite:///{tmp_path}/ra.db", authority, ssh=ssh)
    yield opened
    await opened.database.close()


def encode(wire: bytes) -> str:
    return base64.b64encode(wire).decode()


async def read(ra: RegistrationHarness, path: str, kind: str, **data: str) -> dict[str, str]:
    answer = await ra.post(path, type=kind, data=data)
    files = answer.json()[f"{kind}Templates"]
    return {each["path"]: base64.b64decode(each["content"]).decode() for each in files}


async def test_clients_are_told_of_every_host_key(ra: RegistrationHarness) -> None:
    found = await read(ra, "/ssh/config", "user", StepPath="/home/joe/.step", User="joe")
    own = encode(wire_of(ra.issuing.ssh_keys["host"]))
    assert found["ssh/known_hosts"].splitlines() == [
        f"@cert-authority * ecdsa-sha2-nistp256 {own}",
        f"@cert-authority * ssh-ed25519 {encode(OTHER)}",
    ]
    assert "\tUser joe\n" in found["ssh/config"]
    assert "<no value>" not in "".join(found.values())


async def test_servers_are_told_of_the_users_key(ra: RegistrationHarness) -> None:
    found = await read(ra, "/1.0/ssh/config/host", "host", Certificate="c.pub", Key="k")
    own = encode(wire_of(ra.issuing.ssh_keys["user"]))
    assert found["/etc/ssh/ca.pub"] == f"ecdsa-sha2-nistp256 {own}\n"
    assert "HostCertificate /etc/ssh/c.pub" in found["/etc/ssh/sshd_config"]


async def test_a_variable_that_a_file_needs_is_asked_for(ra: RegistrationHarness) -> None:
    answer = await ra.post("/ssh/config", type="host", data={"Key": "k"})
    assert answer.status_code == 400
    assert "required variable 'Certificate' is missing" in read_message(answer)


async def test_clients_are_led_to_the_key_revocation_list(
    ra: RegistrationHarness, authority: CertificateAuthority, tmp_path: Path
) -> None:
    for path, url in (("/ssh/krl", KRL), ("/1.0/ssh/krl.sig", f"{KRL}.sig")):
        answer = await ra.call("GET", path)
        assert (answer.status_code, answer.headers["location"]) == (307, url)
        assert answer.json() == {"url": url}
    plain = await open_registration(f"sqlite:///{tmp_path}/plain.db", authority)
    answer = await plain.call("GET", "/ssh/krl")
    assert answer.status_code == 404
    assert "is not served here" in read_message(answer)
    await plain.database.close()


@pytest.mark.parametrize(
    "url", ["status.example/krl", "ftp://a/krl", "http://a/ krl", "http://a/#x"]
)
def test_where_the_list_is_has_to_be_a_web_address(url: str) -> None:
    for name in ("krl_url", "krl_source"):
        with pytest.raises(ValueError, match=name):
            SSHConfig.model_validate({name: url})


def test_the_list_is_served_here_or_elsewhere() -> None:
    with pytest.raises(ValueError, match="set one"):
        SSHConfig.model_validate({"krl_url": KRL, "krl_source": KRL})
