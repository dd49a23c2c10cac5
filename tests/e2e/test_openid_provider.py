"""A certified OpenID provider and a real browser, with both command lines and both shapes."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from fixtures.openid import CLIENT, PROGRAMS, RunningProvider, put_chromium, run_openid_provider
from fixtures.pki import InternalPki
from fixtures.running import Authority, serve_newel
from fixtures.scenarios import Shell, make_stopped_authority
from fixtures.split import PROGRAMS as SPLIT
from fixtures.split import fresh_split
from fixtures.step_ca import change

pytestmark = [pytest.mark.needs(*PROGRAMS, "step")]
MIKE = {"sub": "248289761001", "email": "mike@example.com", "email_verified": True}


@pytest.fixture(scope="module")
def provider(
    tmp_path_factory: pytest.TempPathFactory, pki: InternalPki
) -> Generator[RunningProvider]:
    """The provider, where Mike is logged in."""
    with run_openid_provider(tmp_path_factory.mktemp("provider"), pki, MIKE) as running:
        yield running


def record(provider: RunningProvider) -> dict[str, Any]:
    """The provisioner: code signing for people of a domain."""
    return {
        "type": "OIDC", "name": "people", "clientID": CLIENT[0], "clientSecret": CLIENT[1],
        "configurationEndpoint": provider.url, "domains": ["example.com"], "admins": [MIKE["email"]],
        "claims": {"disableRenewal": True},
        "options": {"x509": {"template": CODE_SIGNING}},
    }  # fmt: skip # a table


CODE_SIGNING = """{
  "subject": {"commonName": {{ toJson .Token.email }}},
  "emailAddresses": [{{ toJson .Token.email }}],
  "keyUsage": ["digitalSignature"],
  "extKeyUsage": ["codeSigning"]
}"""


@pytest.fixture(scope="module")
def up_authority(
    tmp_path_factory: pytest.TempPathFactory, pki: InternalPki, provider: RunningProvider
) -> Generator[Authority]:
    """A `newel up` that leaves all to the provider."""
    stopped = make_stopped_authority("newel_authority", tmp_path_factory.mktemp("people"))
    change(
        stopped.state / "config/ca.json",
        lambda ca: ca["authority"].update(provisioners=[record(provider)]),
    )
    env = {"SSL_CERT_FILE": str(pki.roots)}
    with serve_newel(stopped.state, stopped.port, stopped.http_port, env=env) as (running, _):
        yield running


@pytest.fixture(scope="module")
def split_authority(pki: InternalPki, provider: RunningProvider) -> Generator[Authority]:
    """Separate services that have the same provisioner among others."""
    pki.folder.chmod(0o755)
    with fresh_split({}, registration=f'[outgoing]\nca_file = "{pki.roots}"\n') as running:
        # its profile has no code signing, so the person gets the default certificate
        running.add_provisioners([{**record(provider), "options": None}])
        yield running


@pytest.mark.parametrize(
    ("program", "shape"),
    [
        ("ours", "up_authority"),
        ("step", "up_authority"),
        pytest.param("ours", "split_authority", marks=pytest.mark.needs(*SPLIT)),
    ],
)
def test_a_person_logs_in_signs_code_and_revokes(
    program: str,
    shape: str,
    tmp_path: Path,
    pki: InternalPki,
    provider: RunningProvider,
    request: pytest.FixtureRequest,
) -> None:
    authority = request.getfixturevalue(shape)
    mike = Shell(tmp_path, program, authority, {"SSL_CERT_FILE": str(pki.roots)}).bootstrap()
    put_chromium(tmp_path, provider)
    mike.type_line("step ca certificate mike@example.com mike.crt mike.key --issuer people")
    leaf = x509.load_pem_x509_certificates((tmp_path / "mike.crt").read_bytes())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.RFC822Name) == ["mike@example.com"]
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert (ExtendedKeyUsageOID.CODE_SIGNING in usage) == (shape == "up_authority")
    mike.type_line("step ca renew mike.crt mike.key --force", code=1)
    login = (
        f"step oauth --provider {provider.url} --client-id {CLIENT[0]}"
        f" --client-secret '{CLIENT[1]}' --bare --oidc"
    )
    revoke = f'step ca revoke {leaf.serial_number} --token "$({login})"'
    if program == "step":  # the original compares the person with the serial number before it asks
        assert "do not match" in mike.read_messages(revoke, code=1)
        return
    mike.type_line(revoke)
    revoked = [each for each in authority.audit() if each["event"] == "revoke"][-1]
    assert (revoked["outcome"], revoked["actor"]) == ("granted", f"token:{MIKE['sub']}")
