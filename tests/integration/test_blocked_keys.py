"""X13: a key that was declared compromised gets nothing, whichever way it comes; other keys get what they ask."""

import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.acme_account import Client, make_csr
from fixtures.authority import EPOCH, CertificateAuthority, make_authority
from fixtures.birth_certificates import CLIENT, BirthAuthority
from fixtures.issuing import IssuingHarness, open_harness
from fixtures.registration import CA, JwkKey, RegistrationHarness, open_registration, request_for
from fixtures.scep_client import SCEPClient, request_of, rsa_key
from fixtures.scep_harness import CHALLENGE, SCEPHarness
from fixtures.scep_harness import record as scep_record
from fixtures.ssh_api import ENABLED, SSHPOP, encode, pop_token, read_certificate, sign, ssh_token
from newel.acme import key_change
from newel.crypto import keys
from newel.crypto.ssh.certificates import Certificate
from newel.crypto.ssh.public_keys import wire_of
from newel.issuing.app import ForeignCertificate, open_foreign_records
from newel.issuing.config import SSHIssuerConfig
from newel.registration.acme import ids
from newel.registration.refusals import BLOCKED_KEY, RefusalCounts
from newel.runtime.clock import ManualClock
from newel.runtime.database.contract import Statement, Write
from newel.runtime.rpc.local import LocalServer

MAKER = BirthAuthority.root(EPOCH - dt.timedelta(days=1))
_PROVE = Statement(
    "UPDATE acme_authorizations SET status = 'valid', validated_at = $2 WHERE account = $1"
)


@dataclass(frozen=True, slots=True)
class Site:
    """Both authorities, with every kind of provisioner that a key can come by."""

    ra: RegistrationHarness
    issuing: IssuingHarness
    refused: RefusalCounts

    async def certificate(self, key: Any, name: str = "a.internal") -> x509.Certificate | None:
        """What a one-time token gets."""
        answer = await self.ra.sign(self.ra.admin.token(name), request_for(name, key=key))
        if answer.status_code != 201:
            return None
        return x509.load_pem_x509_certificate(answer.json()["crt"].encode())


@dataclass(frozen=True, slots=True)
class Before:
    """What a key has got before it is blocked."""

    certificate: x509.Certificate
    host: Certificate
    account: Client


@pytest.fixture
async def site(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """Both, on each database in turn."""
    authority = make_authority(tmp_path)
    is_file = database_url.startswith("sqlite")

    def schema(name: str) -> str:
        if is_file:
            return database_url.replace("service.db", f"{name}.db")
        return f"{database_url}?schema={name}"

    issuers = (
        SSHIssuerConfig(key="ssh-user", type="user"),
        SSHIssuerConfig(key="ssh-host", type="host"),
    )
    issuing = await open_harness(schema("issuing"), authority, ssh_issuers=issuers)
    assert isinstance(issuing.clock, ManualClock)
    server = LocalServer()
    for rpc in issuing.service.rpcs:
        server.add(rpc)
    admin = JwkKey("admin", keys.generate())
    records = (
        admin.record(**ENABLED), {"type": "ACME", "name": "acme"}, SSHPOP, scep_record(),
        {"type": "X5C", "name": "x5c", "roots": MAKER.roots},
    )  # fmt: skip # a table
    refused = RefusalCounts()
    monkeypatch.setattr("newel.registration.metrics.RefusalCounts", lambda: refused)
    ra = await open_registration(
        schema("registration"), authority, admin=admin, clock=issuing.clock, server=server,
        provisioners=records,
    )  # fmt: skip # a call
    yield Site(ra, issuing, refused)
    await ra.database.close()
    await issuing.database.close()


def acme_client(site: Site, key: Any) -> Client:
    return Client(site.ra.service.web["https"], key=key)


async def obtain(site: Site, key: Any) -> Before:
    certificate = await site.certificate(key)
    assert certificate
    token = ssh_token(site.ra.admin, "a.example", site.ra.clock.now(), cert_type="host")
    account = acme_client(site, keys.generate())
    assert (await account.register()).status == 201
    host = read_certificate(await sign(site.ra, token, key.public_key()))
    return Before(certificate, host, account)


async def is_certified(site: Site, key: Any, _before: Before) -> bool:
    return await site.certificate(key) is not None


async def opens_an_account(site: Site, key: Any, _before: Before) -> bool:
    return (await acme_client(site, key).register()).status == 201


async def becomes_an_accounts(site: Site, key: Any, before: Before) -> bool:
    client = before.account
    inner = key_change.make_request(client.kid, client.url("key-change"), client.key, key)
    is_changed = (await client.post("key-change", inner)).status == 200
    if is_changed:
        client.key = key
    return is_changed


async def finalizes(site: Site, key: Any, before: Before) -> bool:
    client = acme_client(site, keys.generate())
    await client.register()
    order = await client.order("b.example")
    account = ids.parse(client.kid.rpartition("/")[2])
    now = int(site.ra.clock.now().timestamp())
    await site.ra.database.apply(Write(_PROVE, (account, now)))
    done = await client.post(order["finalize"], {"csr": make_csr("b.example", key=key)})
    return done.status == 200


async def gets_ssh(site: Site, key: Any, kind: str) -> bool:
    token = ssh_token(site.ra.admin, "b.example", site.ra.clock.now(), cert_type=kind)
    return (await sign(site.ra, token, key.public_key())).status_code == 201


async def is_a_user(site: Site, key: Any, _before: Before) -> bool:
    return await gets_ssh(site, key, "user")


async def is_a_host(site: Site, key: Any, _before: Before) -> bool:
    return await gets_ssh(site, key, "host")


async def is_an_identity(site: Site, key: Any, _before: Before) -> bool:
    token = ssh_token(site.ra.admin, now=site.ra.clock.now())
    answer = await sign(site.ra, token, identityCSR=request_for("alice", key=key))
    return answer.status_code == 201


async def renews_ssh(site: Site, key: Any, before: Before) -> bool:
    token = pop_token(site.ra, before.host, key, "renew")
    return (await site.ra.post("/ssh/renew", ott=token)).status_code == 201


async def rekeys_ssh_from_it(site: Site, key: Any, before: Before) -> bool:
    token = pop_token(site.ra, before.host, key, "rekey")
    fresh = encode(wire_of(keys.generate().public_key()))
    return (await site.ra.post("/ssh/rekey", ott=token, publicKey=fresh)).status_code == 201


async def rekeys_ssh_to_it(site: Site, key: Any, _before: Before) -> bool:
    other = keys.generate()
    token = ssh_token(site.ra.admin, "c.example", site.ra.clock.now(), cert_type="host")
    host = read_certificate(await sign(site.ra, token, other.public_key()))
    token = pop_token(site.ra, host, other, "rekey")
    own = encode(wire_of(key.public_key()))
    return (await site.ra.post("/ssh/rekey", ott=token, publicKey=own)).status_code == 201


async def enrols_by_scep(site: Site, key: Any, _before: Before) -> bool:
    client = SCEPClient(key, transaction=hashlib.sha256(str(key).encode()).hexdigest())
    content = request_of(key, "d.example", common_name="d.example", challenge=CHALLENGE)
    return bool((await SCEPHarness(site.ra).ask(client, content)).certificates)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


async def renews(site: Site, _key: Any, before: Before) -> bool:
    answer = await site.ra.call("POST", "/renew", certificate=der(before.certificate))
    return answer.status_code == 201


async def rekeys_from_it(site: Site, _key: Any, before: Before) -> bool:
    body = {"csr": request_for()}
    answer = await site.ra.call("POST", "/rekey", body, certificate=der(before.certificate))
    return answer.status_code == 201


async def rekeys_to_it(site: Site, key: Any, _before: Before) -> bool:
    other = await site.certificate(keys.generate())
    assert other
    answer = await site.ra.call(
        "POST", "/rekey", {"csr": request_for(key=key)}, certificate=der(other)
    )
    return answer.status_code == 201


async def proves_by_x5c(site: Site, key: Any, _before: Before) -> bool:
    birth = MAKER.leaf(EPOCH, key=key)
    token = birth.token(
        "x5c", subject="w.internal", audience=f"{CA}/1.0/sign#x5c/x5c", now=site.ra.clock.now(),
        sans=["w.internal"],
    )  # fmt: skip # a call
    return (await site.ra.sign(token, request_for("w.internal"))).status_code == 201


async def renews_what_was_imported(site: Site, key: Any, _before: Before) -> bool:
    foreign = make_foreign(site.issuing.authority, key)
    records = open_foreign_records(site.issuing.config, site.issuing.database, site.issuing.clock)
    given = [ForeignCertificate(der(foreign), "JWK", "admin", site.ra.admin.kid)]
    assert (await records.add_certificates(given, dry_run=False)).new == 1
    answer = await site.ra.call("POST", "/renew", certificate=der(foreign))
    return answer.status_code == 201


def make_foreign(authority: CertificateAuthority, key: Any) -> x509.Certificate:
    """What another program issued with this authority's key."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "e.example")])
    key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(
        authority.intermediate.public_key()  # pyright: ignore[reportArgumentType] - of a P-256 CA
    )
    return (
        x509.CertificateBuilder(authority.intermediate.subject, name, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(EPOCH - dt.timedelta(hours=1))
        .not_valid_after(EPOCH + dt.timedelta(hours=23))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("e.example")]), critical=False)
        .add_extension(key_id, critical=False)
        .add_extension(x509.ExtendedKeyUsage(CLIENT), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


PATHS: tuple[Callable[[Site, Any, Before], Awaitable[bool]], ...] = (
    is_certified, opens_an_account, becomes_an_accounts, finalizes, is_a_user, is_a_host,
    is_an_identity, renews_ssh, rekeys_ssh_from_it, rekeys_ssh_to_it, enrols_by_scep, renews,
    rekeys_from_it, rekeys_to_it, proves_by_x5c, renews_what_was_imported,
)  # fmt: skip # a table


def make_key(path: Callable[..., Any]) -> Any:
    """A new key; devices that speak SCEP have RSA."""
    return rsa_key() if path is enrols_by_scep else keys.generate()


async def block(site: Site, certificate: x509.Certificate) -> None:
    """The provisioner's own token says that the key is compromised."""
    serial = str(certificate.serial_number)
    token = site.ra.admin.revoke_token(serial, site.ra.clock.now())
    answer = await site.ra.post("/revoke", serial=serial, ott=token, passive=True, reasonCode=1)
    assert answer.status_code == 200, answer.text


@pytest.mark.attack("X13")
async def test_a_blocked_key_gets_nothing_on_any_path(site: Site) -> None:
    got: dict[bool, list[str]] = {True: [], False: []}
    told: list[str] = []
    for path in PATHS:
        for is_blocked in (True, False):
            key = make_key(path)
            before = await obtain(site, key)
            if is_blocked:
                # one certificate of several on the key
                other = await site.certificate(key, "other.internal")
                assert other
                await block(site, other)
            site.refused.take()
            if await path(site, key, before):
                got[is_blocked].append(path.__name__)
            if any(each.kind == BLOCKED_KEY for each in site.refused.take()):
                told.append(path.__name__)
    assert got[True] == []
    assert told == [each.__name__ for each in PATHS]  # of a blocked key alone, for the alert
    assert got[False] == [each.__name__ for each in PATHS]
