"""A person logs in to SSH with an OpenID provider: our oauth, the real step-ca, the real agent."""

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.openid import OpenIdProvider, put_browser
from fixtures.pki import InternalPki
from fixtures.scenarios import Shell
from fixtures.ssh_programs import agent
from fixtures.step_ca import step_ca

pytestmark = pytest.mark.needs("step", "step-ca", "ssh-agent", "curl")


def test_the_provider_vouches_and_the_agent_holds_the_certificate(
    tmp_path: Path, internal_pki: InternalPki
) -> None:
    trusted = {name: str(internal_pki.roots) for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE")}
    files = internal_pki.files("localhost")
    with (
        OpenIdProvider(files.certificate, files.key, client=("client", "secret")) as provider,
        agent(tmp_path) as socket,
    ):
        provider.person["email"] = "Joe.Doe@example.com"

        def people(ca: dict[str, Any]) -> None:
            ca["authority"]["provisioners"].append({
                "type": "OIDC", "name": "people", "clientID": "client", "clientSecret": "secret",
                "configurationEndpoint": f"{provider.url}/.well-known/openid-configuration",
                "claims": {"enableSSHCA": True},
            })  # fmt: skip # a table

        with step_ca(tmp_path / "state", "--ssh", edit=people, env=trusted) as authority:
            joe = Shell(tmp_path / "joe", "ours", authority, {"SSH_AUTH_SOCK": socket, **trusted})
            put_browser(joe.home / "bin")
            said = joe.bootstrap().read_messages("step ssh login --provisioner people")
            assert "✔ SSH Agent: yes" in said
            (held,) = json.loads(joe.type_line("step ssh list --output json"))
            assert held["comment"] == "Joe.Doe@example.com"
            assert held["principals"] == ["joedoe", "Joe.Doe", "Joe.Doe@example.com"]
            assert "already present" in joe.read_messages("step ssh login --provisioner people")
