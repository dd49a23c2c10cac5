"""An authority that lists its hosts for known users only: a refused user signs in and asks again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes.client_auth_proxy import serve_proxy
from fakes.openid import OpenIdProvider, put_browser
from fixtures.pki import InternalPki
from fixtures.scenarios import Shell
from fixtures.ssh_programs import agent
from fixtures.step_ca import step_ca

pytestmark = pytest.mark.needs("step", "step-ca", "ssh-agent", "curl")


def test_who_is_turned_away_signs_in_and_asks_again(
    tmp_path: Path, internal_pki: InternalPki, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our command line does as the original does, and no user is refused twice."""
    for variable in ("SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(variable, str(internal_pki.roots))
    files = internal_pki.files("localhost")
    with OpenIdProvider(files.certificate, files.key, client=("client", "secret")) as provider:

        def people(ca: dict[str, Any]) -> None:
            ca["authority"]["provisioners"].append({
                "type": "OIDC", "name": "people", "clientID": "client", "clientSecret": "secret",
                "configurationEndpoint": f"{provider.url}/.well-known/openid-configuration",
                "claims": {"enableSSHCA": True},
            })  # fmt: skip # a table

        with (
            step_ca(tmp_path / "state", "--ssh", edit=people) as authority,
            serve_proxy(authority, tmp_path) as proxy,
        ):
            proxy.closed.add("/ssh/hosts")
            for program in ("step", "ours"):
                home = tmp_path / program
                home.mkdir()
                with agent(home) as socket:
                    joe = Shell(
                        home,
                        program,
                        replace(authority, port=proxy.port),
                        {"SSH_AUTH_SOCK": socket},
                    )
                    put_browser(home / "bin")
                    proxy.asked.clear()
                    assert "HOSTNAME" in joe.bootstrap().type_line("step ssh hosts")
                    assert [bool(each.peer) for each in proxy.about("/ssh/hosts")] == [False, True]
                    assert "mike@example.com" in joe.type_line("ssh-add -L")
                    joe.type_line("step ssh hosts")
                    assert len(proxy.about("/ssh/sign")) == 1
