"""Which proof opens which SSH endpoint: a token made for one purpose passes for no other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.authority import CertificateAuthority
from fixtures.registration import CA, JwkKey, RegistrationHarness, open_registration, request_for
from fixtures.ssh_api import ENABLED, SSHPOP, encode, host_of, pop_token, ssh_token
from newel.crypto import keys
from newel.crypto.ssh.certificates import Certificate
from newel.crypto.ssh.public_keys import wire_of

ENDPOINTS = ("/ssh/sign", "/ssh/renew", "/ssh/rekey", "/ssh/revoke", "/sign", "/revoke")
SSH_METHODS = ("sign", "renew", "rekey", "revoke")

OPENS = {
    "JWK token for ssh/sign": "/ssh/sign",
    "JWK token for ssh/revoke": "/ssh/revoke",
    "JWK token for sign": "/sign",
    "SSHPOP token for renew": "/ssh/renew",
    "SSHPOP token for rekey": "/ssh/rekey",
    "SSHPOP token for revoke": "/ssh/revoke",
}
"""The one endpoint that a proof opens; one that is not here opens none."""

PROOFS = (
    *(f"JWK token for ssh/{method}" for method in SSH_METHODS),
    *(f"JWK token for {method}" for method in ("sign", "renew", "rekey")),
    *(f"SSHPOP token for {method}" for method in SSH_METHODS),
    "nothing",
)


@pytest.fixture
async def ssh(
    authority: CertificateAuthority, tmp_path: Path
) -> AsyncIterator[RegistrationHarness]:
    admin = JwkKey("admin", keys.generate())
    opened = await open_registration(
        f"sqlite:///{tmp_path}/ra.db",
        authority,
        admin=admin,
        provisioners=(admin.record(**ENABLED), SSHPOP),
    )
    yield opened
    await opened.database.close()


def show(
    ssh: RegistrationHarness, what: str, host: Certificate, key: keys.PrivateKey, serial: str
) -> str:
    """Make a proof whose subject is right for its purpose; ``serial`` is what is to be revoked."""
    kind, _, purpose = what.partition(" token for ")
    subject = serial if purpose.endswith("revoke") else "a.example"
    if kind == "nothing":
        return ""
    if kind == "SSHPOP":
        return pop_token(ssh, host, key, purpose, subject if purpose == "revoke" else "")
    if purpose == "ssh/sign":
        return ssh_token(ssh.admin, subject, ssh.clock.now(), cert_type="host")
    names = [subject] if purpose == "sign" else None
    return ssh.admin.token(subject, ssh.clock.now(), audience=f"{CA}/1.0/{purpose}", sans=names)


@pytest.mark.attack("T04")
@pytest.mark.attack("S03")
@pytest.mark.parametrize("prefix", ["", "/1.0"])
@pytest.mark.parametrize("what", PROOFS)
async def test_a_proof_opens_the_ssh_endpoint_it_was_made_for(
    ssh: RegistrationHarness, what: str, prefix: str
) -> None:
    host, key = await host_of(ssh)
    serial, stranger = str(host.serial), keys.generate()
    body = {
        "csr": request_for("a.example", key=stranger),
        "publicKey": encode(wire_of(stranger)),
        "serial": serial,
        "passive": True,
    }
    opened = OPENS.get(what)
    # what is opened comes last: a revoked host would be refused everywhere
    for endpoint in sorted(ENDPOINTS, key=lambda each: each == opened):
        before = len(ssh.issuing.ssh_requests), len(ssh.issuing.requests), len(ssh.issuing.revoked)
        proof = show(ssh, what, host, key, serial)
        answer = await ssh.call("POST", prefix + endpoint, body | ({"ott": proof} if proof else {}))
        if endpoint == opened:
            assert answer.status_code in {200, 201}, (endpoint, answer.text)
            continue
        assert 400 <= answer.status_code < 500, (endpoint, answer.text)
        after = len(ssh.issuing.ssh_requests), len(ssh.issuing.requests), len(ssh.issuing.revoked)
        assert after == before, endpoint
