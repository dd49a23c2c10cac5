"""A second provisioner, the menu, and a token made while the authority is unreachable."""

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.scenarios import Shell, keeper, start_authority
from fixtures.step_ca import change

__all__ = ["keeper"]

pytestmark = pytest.mark.needs("jq")
DOWN = "\x1b[B"
ADD = "step ca provisioner add --ca-config $(step path)/config/ca.json puppet"


def any_start(ca: dict[str, Any]) -> None:
    """Tokens older than the process are good: step-ca refuses them otherwise."""
    ca["authority"]["disableIssuedAtCheck"] = True


def test_a_second_provisioner_and_its_tokens(keeper: Shell) -> None:
    known = keeper.required_authority
    change(known.state / "config/ca.json", any_start)
    keeper.type_line(
        "step crypto jwk create puppet.pub.json puppet.key.json",
        ("Please enter the password to encrypt the private JWK", "puppets"),
    )
    kid = json.loads(keeper.read("puppet.pub.json"))["kid"]
    if keeper.ours:
        keeper.type_line(
            f"{ADD} puppet.key.json",
            ("Please enter the password to decrypt puppet.key.json", "puppets"),
            ("Please enter the password to encrypt the private JWK", "puppets"),
        )
    else:  # it takes no file there any more
        keeper.type_line(f"{ADD} --public-key puppet.pub.json --private-key puppet.key.json")
    with start_authority(known):
        listed = json.loads(keeper.type_line("step ca provisioner list"))
        assert [each["name"] for each in listed] == ["admin", "puppet"]
        assert listed[1]["key"]["kid"] == kid
        screen = keeper.type_line(
            "step ca certificate max.example.com max.crt max.key --not-after 10m",
            ("▸ admin (JWK)", DOWN),
            ("Please enter the password to decrypt the provisioner key", "puppets"),
        )
        assert "Use the arrow keys to navigate: ↓ ↑ → ←" in screen
        assert "What provisioner key do you want to use?" in screen
        assert f"Provisioner: puppet (JWK) [kid: {kid}]" in screen
        text = keeper.type_line("step certificate inspect max.crt")
        assert "Name: puppet" in text
        assert f"CredentialID: {kid}" in text
        cm = Shell(keeper.home / "cm", keeper.program, known).bootstrap()
    # the authority does not run: the token is made offline
    cm.type_line("step ca health", code=1)
    (cm.home / "puppet.key.json").write_text(keeper.read("puppet.key.json"))
    cm.type_line(
        "step crypto jwe decrypt < puppet.key.json > puppet-cleartext.key.json",
        ("Please enter the password to decrypt the content encryption key", "puppets"),
    )
    token = cm.type_line(
        f"export TOKEN=$(step ca token svc.example.com --offline --kid {kid} --issuer puppet "
        f"--key puppet-cleartext.key.json --ca-url {known.url}); echo $TOKEN"
    ).strip()
    with start_authority(known):
        host = Shell(keeper.home / "host", keeper.program, known)
        said = host.read_messages(
            f"step ca certificate --token {token} svc.example.com svc.crt svc.key"
        )
        assert f"CA: {known.url}" in said
        assert "Provisioner: puppet" in host.type_line("step certificate inspect --short svc.crt")


def test_a_key_file_is_for_a_jwk_provisioner_alone(tmp_path: Path) -> None:
    """What no authority would take leaves ca.json as it is."""
    keeper = Shell(tmp_path, "ours")
    keeper.type_line("echo p4ss > password.txt")
    keeper.type_line(
        "step ca init --name Smallstep --provisioner admin --dns localhost --address :8443 "
        "--password-file password.txt"
    )
    keeper.type_line("step crypto jwk create --no-password --insecure a.pub a.key")
    before = keeper.read("step/config/ca.json")
    for words in (
        "a.key --type OIDC",
        "a.key --create",
        "a.key --public-key a.pub",
        "a.pub",
        "no.key",
    ):
        assert keeper.read_messages(f"{ADD} {words} --password-file password.txt", code=1)
    assert keeper.read("step/config/ca.json") == before
