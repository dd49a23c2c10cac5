"""``/ssh/sign`` by every kind of provisioner that issues SSH certificates: for whom, under which names."""

import base64
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from fakes.clouds import TENANT, Cloud, KeyServer
from fakes.token_issuer import TokenIssuer
from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.birth_certificates import BirthAuthority
from fixtures.instances import ACCOUNT, ADDRESS, INSTANCE, PRIVATE_NAME, EC2Instance, certify
from fixtures.meshes import Mesh, host_token
from fixtures.pki import InternalPki
from fixtures.registration import CA, JwkKey, RegistrationHarness, open_registration, read_message
from fixtures.ssh_api import read_certificate, sign, ssh_token
from newel.crypto import keys
from newel.step.tokens import SSHOptions

NOW = int(EPOCH.timestamp())
BEGIN = EPOCH - dt.timedelta(hours=12)
MAKER = BirthAuthority.root(BEGIN - dt.timedelta(days=10))
DEVICE = MAKER.leaf(BEGIN)
NET = Mesh.make(BEGIN - dt.timedelta(days=10))
NODE = NET.host(BEGIN)
KEY = rsa.generate_private_key(65537, 2048)
SIGN, SSH_SIGN = f"{CA}/1.0/sign", f"{CA}/1.0/ssh/sign"
USER, HOST = SSHOptions(cert_type="user"), SSHOptions(cert_type="host")
ROBOT = "robot@p.iam.gserviceaccount.com"
ENGINE: Mapping[str, Any] = {
    "instance_id": "42", "instance_name": "foo", "project_id": "p", "zone": "z",
    "instance_creation_timestamp": NOW - 60,
}  # fmt: skip # a table
GOOGLE: Mapping[str, Any] = {
    "iss": "https://accounts.google.com", "sub": "1234567890", "email": ROBOT, "email_verified": True,
    "iat": NOW, "nbf": NOW, "exp": NOW + 3600, "google": {"compute_engine": ENGINE},
}  # fmt: skip # a table
MICROSOFT: Mapping[str, Any] = {
    "iss": f"https://sts.windows.net/{TENANT}/", "aud": "https://management.azure.com/", "tid": TENANT,
    "oid": "OBJECT", "sub": "OBJECT", "iat": NOW, "nbf": NOW, "exp": NOW + 3600,
    "xms_mirid": "/subscriptions/S/resourcegroups/G/providers/Microsoft.Compute/virtualMachines/foo",
}  # fmt: skip # a table
ACCOUNT_TOKEN: Mapping[str, Any] = {
    "iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:payments:api",
    "kubernetes.io/serviceaccount/namespace": "payments",
    "kubernetes.io/serviceaccount/service-account.name": "api",
}  # fmt: skip # a table


class World:
    """What every kind's tokens are made with."""

    def __init__(self, cloud: Cloud, issuer: TokenIssuer, admin: JwkKey) -> None:
        self.cloud = cloud
        self.issuer = issuer
        self.admin = admin

    def jwk(self, options: SSHOptions) -> str:
        return ssh_token(self.admin, cert_type=options.cert_type, principals=options.principals)

    def x5c(self, options: SSHOptions) -> str:
        audience = f"{SSH_SIGN}#x5c/devices"
        return DEVICE.token(
            "devices", subject="alice", audience=audience, now=EPOCH, sans=None, ssh=options
        )

    def nebula(self, options: SSHOptions) -> str:
        audience = f"{SSH_SIGN}#nebula/mesh"
        return host_token(NODE, "mesh", subject="host", audience=audience, now=EPOCH, ssh=options)

    def person(self, email: str) -> str:
        claims = {"iss": self.issuer.url, "sub": "7", "aud": "c", "iat": NOW, "exp": NOW + 3600}
        return self.issuer.sign({**claims, "email": email, "email_verified": True, "nonce": "n"})

    def service_account(self) -> str:
        return self.issuer.sign(dict(ACCOUNT_TOKEN))

    def amazon(self, name: str) -> str:
        return EC2Instance(KEY, name).token(INSTANCE)

    def google(self, name: str, **claims: Any) -> str:
        audience = {"aud": f"{SIGN}#gcp/{name}"}
        return self.cloud.token({**GOOGLE, **audience, **claims})

    def azure(self) -> str:
        return self.cloud.token(dict(MICROSOFT))


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture(scope="module")
def key_server(cloud: Cloud, pki: InternalPki) -> Iterator[KeyServer]:
    files = pki.files("localhost")
    with KeyServer(cloud, files.certificate, files.key) as running:
        yield running


@pytest.fixture
async def ra(
    authority: CertificateAuthority,
    tmp_path: Path,
    pki: InternalPki,
    issuer: TokenIssuer,
    key_server: KeyServer,
) -> AsyncIterator[RegistrationHarness]:
    """One process with a provisioner of every kind, with two settings of some."""
    admin = JwkKey("admin", keys.generate())
    iid = tmp_path / "iid.pem"
    iid.write_bytes(certify(KEY).public_bytes(Encoding.PEM))
    own = {"disableCustomSANs": True}
    trust = {"caFile": str(pki.roots)}
    aws = {"type": "AWS", "iidRoots": str(iid), "accounts": [ACCOUNT]}
    gcp = {"type": "GCP", "newel": {"keysURL": key_server.google_keys, **trust}}
    account_keys = b"".join(each.as_pem(private=False) for each in issuer.keys)
    records: tuple[dict[str, Any], ...] = (
        admin.record(),
        {"type": "X5C", "name": "devices", "roots": MAKER.roots},
        {"type": "Nebula", "name": "mesh", "roots": NET.roots},
        {
            "type": "OIDC", "name": "people", "clientID": "c", "configurationEndpoint": issuer.url,
            "admins": ["root@example.com"],
        },
        {"type": "K8sSA", "name": "cluster", "publicKeys": base64.b64encode(account_keys).decode()},
        {**aws, "name": "AWS"},
        {**aws, "name": "AWS-own", **own},
        {**gcp, "name": "GCP"},
        {**gcp, "name": "GCP-own", **own},
        {**gcp, "name": "GCP-users", "disableSSHCAUser": False},
        {**gcp, "name": "GCP-users-alone", "disableSSHCAUser": False, "disableSSHCAHost": True},
        {**gcp, "name": "GCP-none", "disableSSHCAHost": True},
        {
            "type": "Azure", "name": "Azure", "tenantID": TENANT,
            "newel": {"discoveryURL": key_server.azure_discovery, **trust},
        },
    )  # fmt: skip # a table
    opened = await open_registration(
        f"sqlite:///{tmp_path}/ra.db",
        authority,
        admin=admin,
        provisioners=records,
        claims={"enableSSHCA": True},
        outgoing={"ca_file": pki.roots},
    )
    yield opened
    await opened.database.close()


@pytest.fixture
def world(ra: RegistrationHarness, cloud: Cloud, issuer: TokenIssuer) -> World:
    return World(cloud, issuer, ra.admin)


Token = Callable[[World], str]
Asked = dict[str, Any]
OWN = ["foo.c.p.internal", "foo.z.c.p.internal"]
ALL = {"certType": "host", "keyID": "db", "principals": ["db.internal"]}
GRANTED: list[tuple[str, Token, Asked, tuple[str, str, list[str]]]] = [
    ("JWK", lambda w: w.jwk(USER), {}, ("user", "alice", ["alice"])),
    ("JWK", lambda w: w.jwk(HOST), {"principals": ["a.internal"]}, ("host", "alice", ["alice"])),
    ("X5C", lambda w: w.x5c(USER), {}, ("user", "alice", ["alice"])),
    ("Nebula", lambda w: w.nebula(HOST), {}, ("host", "host", ["host"])),
    (
        "OIDC",
        lambda w: w.person("Ada.L@example.com"),
        {},
        ("user", "Ada.L@example.com", ["adal", "Ada.L", "Ada.L@example.com"]),
    ),
    ("OIDC", lambda w: w.person("root@example.com"), ALL, ("host", "db", ["db.internal"])),
    ("K8sSA", lambda w: w.service_account(), ALL, ("host", "db", ["db.internal"])),
    ("AWS", lambda w: w.amazon("AWS"), {"principals": ["w"]}, ("host", INSTANCE, ["w"])),
    ("AWS", lambda w: w.amazon("AWS-own"), {}, ("host", INSTANCE, [PRIVATE_NAME, ADDRESS])),
    ("GCP", lambda w: w.google("GCP"), {"principals": ["w"]}, ("host", "foo", ["w"])),
    ("GCP", lambda w: w.google("GCP-own"), {"principals": OWN[:1]}, ("host", "foo", OWN)),
    ("GCP", lambda w: w.google("GCP-users"), {}, ("host", "foo", OWN)),
    (
        "GCP",
        lambda w: w.google("GCP-users"),
        {"certType": "user", "principals": [ROBOT]},
        ("user", ROBOT, ["sa_1234567890", ROBOT]),
    ),
    (
        "GCP",
        lambda w: w.google("GCP-users-alone", email_verified=False),
        {},
        ("user", "sa_1234567890", ["sa_1234567890"]),
    ),
    ("Azure", lambda w: w.azure(), {"principals": ["w"]}, ("host", "foo", ["w"])),
]


@pytest.mark.parametrize(("kind", "token", "asked", "expected"), GRANTED)
async def test_a_kind_certifies_whom_its_token_proves(
    ra: RegistrationHarness,
    world: World,
    kind: str,
    token: Token,
    asked: Asked,
    expected: tuple[str, str, list[str]],
) -> None:
    made = read_certificate(await sign(ra, token(world), **asked))
    assert (made.kind, made.key_id, made.principals) == expected
    assert ra.issuing.ssh_requests[-1].provisioner.type == kind
    # proofs that end take the certificate with them
    if kind in {"X5C", "Nebula"}:
        assert made.valid_before == NOW + 12 * 3600


REFUSED: list[tuple[Token, Asked, int, str]] = [
    (lambda w: w.jwk(USER), {"certType": "host"}, 400, "certificate type does not match"),
    (lambda w: w.x5c(USER), {"validBefore": "13h"}, 403, "provisioning credential expiration"),
    (lambda w: w.nebula(USER), {}, 403, "certificate type does not match - got user, want host"),
    (
        lambda w: w.nebula(SSHOptions(cert_type="host", principals=["other"])),
        {},
        403,
        "the token names 'other'",
    ),
    (lambda w: w.person("ada@example.com"), {"certType": "host"}, 403, "got host, want user"),
    (lambda w: w.person("root@example.com"), {"certType": "host"}, 400, "keyID cannot be empty"),
    (lambda w: w.service_account(), {"keyID": "a"}, 400, "type cannot be empty"),
    (lambda w: w.amazon("AWS"), {"certType": "user"}, 403, "got user, want host"),
    (lambda w: w.amazon("AWS-own"), {"principals": ["w"]}, 400, "principals does not match"),
    (lambda w: w.google("GCP"), {"certType": "user"}, 403, "got user, want host"),
    (lambda w: w.google("GCP-own"), {"principals": ["w"]}, 400, "principals does not match"),
    (lambda w: w.google("GCP-none"), {"certType": "host"}, 401, "logs"),
    (
        lambda w: w.google("GCP-users"),
        {"certType": "user", "principals": ["root"]},
        400,
        "principals does not match - got [root], want [sa_1234567890 robot@p.iam",
    ),
    (lambda w: w.google("GCP-users-alone"), {"certType": "host"}, 403, "got host, want user"),
    (lambda w: w.azure(), {"certType": "user"}, 403, "got user, want host"),
]


@pytest.mark.attack("S01")
@pytest.mark.parametrize(("token", "asked", "status", "text"), REFUSED)
async def test_a_kind_certifies_nobody_else(
    ra: RegistrationHarness, world: World, token: Token, asked: Asked, status: int, text: str
) -> None:
    answer = await sign(ra, token(world), **asked)
    assert answer.status_code == status, ra.audit.lines[-1]
    assert text in read_message(answer)
    assert not ra.issuing.ssh_requests
    assert (ra.audit.lines[-1][0], ra.audit.lines[-1][1]) == ("ssh-sign", "refused")
