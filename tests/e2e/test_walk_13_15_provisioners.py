"""Walks 13 and 15: a second provisioner, the menu, and a token made while the authority is away."""

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.step_ca import change
from fixtures.walks import Walker, keeper, started

__all__ = ["keeper"]

pytestmark = pytest.mark.needs("jq")
DOWN = "\x1b[B"
ADD = "step ca provisioner add --ca-config $(step path)/config/ca.json puppet"


def any_start(ca: dict[str, Any]) -> None:
    """Tokens older than the process are good: step-ca refuses them otherwise."""
    ca["authority"]["disableIssuedAtCheck"] = True


def test_walks_13_and_15_a_second_provisioner_and_its_tokens(keeper: Walker) -> None:
    known = keeper.known
    change(known.state / "config/ca.json", any_start)
    keeper.types(
        "step crypto jwk create puppet.pub.json puppet.key.json",
        ("Please enter the password to encrypt the private JWK", "puppets"),
    )
    kid = json.loads(keeper.read("puppet.pub.json"))["kid"]
    if keeper.ours:
        keeper.types(
            f"{ADD} puppet.key.json",
            ("Please enter the password to decrypt puppet.key.json", "puppets"),
            ("Please enter the password to encrypt the private JWK", "puppets"),
        )
    else:  # it takes no file there any more
        keeper.types(f"{ADD} --public-key puppet.pub.json --private-key puppet.key.json")
    with started(known):
        listed = json.loads(keeper.types("step ca provisioner list"))
        assert [each["name"] for each in listed] == ["admin", "puppet"]
        assert listed[1]["key"]["kid"] == kid
        screen = keeper.types(
            "step ca certificate max.example.com max.crt max.key --not-after 10m",
            ("▸ admin (JWK)", DOWN),
            ("Please enter the password to decrypt the provisioner key", "puppets"),
        )
        assert "Use the arrow keys to navigate: ↓ ↑ → ←" in screen
        assert "What provisioner key do you want to use?" in screen
        assert f"Provisioner: puppet (JWK) [kid: {kid}]" in screen
        text = keeper.types("step certificate inspect max.crt")
        assert "Name: puppet" in text
        assert f"CredentialID: {kid}" in text
        cm = Walker(keeper.home / "cm", keeper.program, known).bootstraps()
    # walk 15: nobody is there to be asked
    cm.types("step ca health", code=1)
    (cm.home / "puppet.key.json").write_text(keeper.read("puppet.key.json"))
    cm.types(
        "step crypto jwe decrypt < puppet.key.json > puppet-cleartext.key.json",
        ("Please enter the password to decrypt the content encryption key", "puppets"),
    )
    token = cm.types(
        f"export TOKEN=$(step ca token svc.example.com --offline --kid {kid} --issuer puppet "
        f"--key puppet-cleartext.key.json --ca-url {known.url}); echo $TOKEN"
    ).strip()
    with started(known):
        host = Walker(keeper.home / "host", keeper.program, known)
        said = host.says(f"step ca certificate --token {token} svc.example.com svc.crt svc.key")
        assert f"CA: {known.url}" in said
        assert "Provisioner: puppet" in host.types("step certificate inspect --short svc.crt")


def test_a_key_file_is_for_a_jwk_provisioner_alone(tmp_path: Path) -> None:
    """What no authority would take leaves ca.json as it is."""
    keeper = Walker(tmp_path, "ours")
    keeper.types("echo p4ss > password.txt")
    keeper.types(
        "step ca init --name Smallstep --provisioner admin --dns localhost --address :8443 "
        "--password-file password.txt"
    )
    keeper.types("step crypto jwk create --no-password --insecure a.pub a.key")
    before = keeper.read("step/config/ca.json")
    for words in (
        "a.key --type OIDC", "a.key --create", "a.key --public-key a.pub", "a.pub", "no.key",
    ):  # fmt: skip
        assert keeper.says(f"{ADD} {words} --password-file password.txt", code=1)
    assert keeper.read("step/config/ca.json") == before
