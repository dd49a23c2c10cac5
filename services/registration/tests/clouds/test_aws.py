"""AWS provisioners: which instances are admitted, under which names, how often."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.instances import (
    ACCOUNT,
    ADDRESS,
    INSTANCE,
    PRIVATE_NAME,
    EC2Instance,
    certify,
    names_of,
    read_leaf,
    sign_data,
)
from fixtures.registration import (
    CA,
    GENERAL_401,
    RegistrationHarness,
    open_registration,
    read_message,
    request_for,
)
from newel.registration.issuance import ProvisionerRef
from newel.registration.provisioners.limits import Limits
from newel.registration.provisioners.provisioner import ProvisionerContext
from newel.registration.provisioners.registry import Provisioners, load_entry
from newel.registration.storage import UsedTokenTable
from newel.runtime.clock import ManualClock
from newel.step.provisioners import AWSProvisionerConfig

KEY = rsa.generate_private_key(65537, 2048)
STRANGER = rsa.generate_private_key(65537, 2048)
FOO = request_for("foo.internal")


@pytest.fixture
def iid_roots(tmp_path: Path) -> str:
    file = tmp_path / "iid.pem"
    file.write_bytes(certify(KEY).public_bytes(Encoding.PEM))
    return str(file)


@pytest.fixture
def records(iid_roots: str) -> tuple[dict[str, Any], ...]:
    """One provisioner of each setting; their names are those of the tests' instances."""
    usual = {"type": "AWS", "iidRoots": iid_roots}
    return (
        {**usual, "name": "AWS", "accounts": [ACCOUNT], "instanceAge": "1h"},
        {**usual, "name": "own names", "disableCustomSANs": True, "disableTrustOnFirstUse": True},
        {**usual, "name": "again", "disableTrustOnFirstUse": True},
        {"type": "AWS", "name": "published"},
    )


@pytest.fixture
async def ra(
    authority: CertificateAuthority, tmp_path: Path, records: tuple[dict[str, Any], ...]
) -> AsyncIterator[RegistrationHarness]:
    url = f"sqlite:///{tmp_path}/ra.db"
    opened = await open_registration(url, authority, provisioners=records)
    yield opened
    await opened.database.close()


async def test_an_instance_gets_the_names_it_asks_for(ra: RegistrationHarness) -> None:
    answer = await ra.sign(
        EC2Instance(KEY).token("foo.internal"), request_for("foo.internal", "bar")
    )
    leaf = read_leaf(answer)
    assert names_of(answer) == ["foo.internal", "bar"]
    assert leaf.subject.rfc4514_string() == "CN=foo.internal"
    asked = ra.issuing.requests[-1].provisioner
    assert (asked.type, asked.name, asked.credential_id) == ("AWS", "AWS", ACCOUNT)
    assert dict(asked.key_values) == {"InstanceID": INSTANCE}


@pytest.mark.attack("T12")
async def test_t12_an_instance_gets_one_certificate_ever(
    authority: CertificateAuthority, database_url: str, records: tuple[dict[str, Any], ...]
) -> None:
    """Not by another token, after a restart, nor after every used token was swept."""
    first = await open_registration(database_url, authority, provisioners=records)
    instance = EC2Instance(KEY, pendingTime="2036-01-01T00:00:00Z")
    read_leaf(await first.sign(instance.token("foo.internal"), FOO))
    other = await first.sign(instance.token("bar.internal"), request_for("bar.internal"))
    assert other.json() == GENERAL_401
    await first.database.close()
    later = EPOCH + dt.timedelta(days=3000)
    again = await open_registration(
        database_url, authority, provisioners=records, clock=ManualClock(later)
    )
    assert not await UsedTokenTable(again.database).sweep(later, 100)
    refused = await again.sign(instance.token("foo.internal", later), FOO)
    assert refused.json() == GENERAL_401
    assert "already used" in str(again.audit.lines[-1])
    await again.database.close()


async def test_an_instance_may_come_again_with_another_token(ra: RegistrationHarness) -> None:
    """Where trust on first use is off: the tokens of step share an id, the content counts."""
    instance = EC2Instance(KEY, "again")
    read_leaf(await ra.sign(instance.token("foo.internal"), FOO))
    later = EPOCH + dt.timedelta(seconds=1)
    read_leaf(await ra.sign(instance.token("foo.internal", later), FOO))
    answer = await ra.sign(instance.token("foo.internal", later), FOO)
    assert answer.json() == GENERAL_401


@pytest.mark.parametrize("subject", [PRIVATE_NAME, ADDRESS, INSTANCE])
async def test_only_the_names_of_the_cloud(ra: RegistrationHarness, subject: str) -> None:
    instance = EC2Instance(KEY, "own names")
    answer = await ra.sign(instance.token(subject), request_for(common_name=subject))
    assert names_of(answer) == [PRIVATE_NAME, ADDRESS]
    part = request_for(PRIVATE_NAME, common_name=subject)
    later = instance.token(subject, EPOCH + dt.timedelta(seconds=1))
    assert names_of(await ra.sign(later, part)) == [PRIVATE_NAME, ADDRESS]


@pytest.mark.attack("T12")
async def test_t12_other_names_than_those_of_the_cloud(ra: RegistrationHarness) -> None:
    instance = EC2Instance(KEY, "own names")
    assert (await ra.sign(instance.token("foo.internal"), FOO)).json() == GENERAL_401
    answer = await ra.sign(
        instance.token(INSTANCE), request_for(PRIVATE_NAME, "foo.internal", common_name=INSTANCE)
    )
    assert answer.status_code == 403
    assert (
        "certificate request contains unauthorized DNS names"
        f" - got [{PRIVATE_NAME} foo.internal], allowed [{PRIVATE_NAME}]" in read_message(answer)
    )
    foreign: list[x509.GeneralName] = [x509.RFC822Name("a@b.example")]
    answer = await ra.sign(
        instance.token(INSTANCE), request_for(common_name=INSTANCE, general=foreign)
    )
    assert answer.status_code == 403


async def test_the_common_name_is_the_subject(ra: RegistrationHarness) -> None:
    answer = await ra.sign(EC2Instance(KEY, "again").token("foo.internal"), request_for("other"))
    assert answer.status_code == 403
    assert "valid common name - got other, want foo.internal." in read_message(answer)


@pytest.mark.attack("T12")
@pytest.mark.parametrize(
    ("instance", "claims", "why"),
    [
        (EC2Instance(STRANGER), {}, "no key of its region"),
        (EC2Instance(KEY, accountId="210987654321"), {}, "another account"),
        (EC2Instance(KEY, pendingTime="2026-11-21T10:59:59Z"), {}, "older than instanceAge"),
        (EC2Instance(KEY, pendingTime=None), {}, "does not say when it was created"),
        (EC2Instance(KEY), {"iss": "AWS"}, "issuer"),
        (EC2Instance(KEY), {"aud": f"{CA}/1.0/revoke#aws/AWS"}, "aud"),
        (EC2Instance(KEY), {"aud": "https://other.example/1.0/sign#aws/AWS"}, "aud"),
        (EC2Instance(KEY), {"sub": ""}, "sub"),
        (EC2Instance(KEY), {"exp": int(EPOCH.timestamp()) - 61}, "expired"),
        (EC2Instance(KEY), {"exp": None}, "never expires"),
        (EC2Instance(KEY), {"amazon": None}, "identity document"),
        (EC2Instance(KEY), {"amazon": {"document": "e30="}}, "signature"),
        (EC2Instance(KEY), {"amazon": {"document": "?", "signature": "AAAA"}}, "identity document"),
        (EC2Instance(KEY, "published"), {}, "no key of its region"),
    ],
)
async def test_t12_instances_that_are_not_admitted(
    ra: RegistrationHarness, instance: EC2Instance, claims: dict[str, Any], why: str
) -> None:
    answer = await ra.sign(instance.token("foo.internal", **claims), FOO)
    assert answer.json() == GENERAL_401
    assert why in str(ra.audit.lines[-1])
    read_leaf(await ra.sign(EC2Instance(KEY).token("foo.internal"), FOO))  # its first use is left


@pytest.mark.attack("T03")
async def test_t03_a_token_is_keyed_by_its_own_signature(ra: RegistrationHarness) -> None:
    """Not by another one, and by no other algorithm."""
    instance = EC2Instance(KEY)
    good = instance.token("foo.internal")
    instance.signature = EC2Instance(KEY, instanceId="i-other").signature
    other = instance.token("foo.internal").rpartition(".")
    assert (await ra.sign(f"{good.rpartition('.')[0]}.{other[2]}", FOO)).json() == GENERAL_401
    head = good.replace("eyJhbGciOiJIUzI1NiIs", "eyJhbGciOiJIUzUxMiIs")
    assert (await ra.sign(head, FOO)).json() == GENERAL_401


async def test_a_document_signed_as_cms_admits_too(ra: RegistrationHarness) -> None:
    instance = EC2Instance(KEY)
    instance.signature = sign_data(instance.document, KEY)
    read_leaf(await ra.sign(instance.token("foo.internal"), FOO))


async def test_an_instance_revokes_nothing(ra: RegistrationHarness) -> None:
    token = EC2Instance(KEY).token("1", aud=f"{CA}/1.0/revoke#aws/AWS")
    answer = await ra.post("/revoke", serial="1", ott=token, passive=True)
    assert answer.json() == GENERAL_401


async def test_a_record_whose_file_is_missing_is_listed_with_the_reason(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    record = {"type": "AWS", "name": "AWS", "iidRoots": "/none.pem"}
    url = f"sqlite:///{tmp_path}/ra.db"
    opened = await open_registration(url, authority, provisioners=(record,))
    listed = (await opened.call("GET", "/provisioners")).json()["provisioners"]
    assert listed[0]["state"] == "Uninitialized"
    assert listed[0]["stateReason"] == "iidRoots: /none.pem: No such file or directory"
    await opened.database.close()


async def test_a_certificate_is_renewed_while_its_account_is_listed(iid_roots: str) -> None:
    record = AWSProvisionerConfig(name="AWS", accounts=[ACCOUNT], iid_roots=iid_roots)
    context = ProvisionerContext(Limits(), True)
    provisioners = Provisioners([load_entry(record, context)])
    admitted = ProvisionerRef("AWS", "AWS", ACCOUNT)
    assert provisioners.by_certificate(admitted) is not None
    changed = msgspec.structs.replace(record, accounts=["999999999999"])
    assert Provisioners([load_entry(changed, context)]).by_certificate(admitted) is None
    assert provisioners.by_certificate(ProvisionerRef("GCP", "AWS", ACCOUNT)) is None
