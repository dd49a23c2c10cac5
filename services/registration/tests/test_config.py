"""The configuration, and what becomes of provisioners when it changes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.registration import JwkKey, open_registration, request_for
from newel.crypto import keys
from newel.registration.config import Config
from newel.registration.storage import ProvisionerTable
from newel.runtime.config import ConfigError, validate


@pytest.mark.parametrize(
    "fault",
    [
        {"provisioners": [{"type": "ACME", "name": "a"}, {"type": "ACME", "name": "a"}]},
        {"provisioners": [{"type": "Ldap", "name": "a"}]},
        {"claims": {"minTLSCertDuration": "2h", "maxTLSCertDuration": "1h"}},
        {"backdate": "soon"},
        {"dns_names": []},
        {"dns_names": ["a..b"]},
        {"claims": {"maxTLSDuration": "1h"}},
        {"provisioners": [{"type": "ACME", "name": "a", "options": {"webhooks": [{"name": "w"}]}}]},
        {"provisioners_file": "/nowhere/provisioners_file"},
        {"unknown": 1},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_faults_are_named_before_anything_starts(fault: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(fault))):
        validate(Config, fault, "ca.json")


def test_names_of_the_server_are_taken_as_people_write_them() -> None:
    config = Config(dns_names=("[::1]", "ca_internal"))
    assert config.dns_names == ("::1", "ca_internal")


async def test_the_configuration_decides_which_provisioners_there_are(
    authority: CertificateAuthority, database_url: str
) -> None:
    one, two = JwkKey("one", keys.generate()), JwkKey("two", keys.generate())

    async def names(*own: JwkKey) -> list[str]:
        records = tuple(each.record() for each in own)
        ra = await open_registration(database_url, authority, provisioners=records)
        listed = (await ra.call("GET", "/provisioners")).json()["provisioners"]
        await ra.database.close()
        return [each["name"] for each in listed]

    assert await names(one, two) == ["one", "two"]
    assert await names(two) == ["two"]
    assert await names(two, one) == ["two", "one"]
    assert await names() == []


def test_provisioners_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "provisioners.json"
    file.write_text('[{"type": "ACME", "name": "first"}]')
    second = {"type": "ACME", "name": "second"}
    given = {"provisioners": [second], "provisioners_file": str(file)}
    config = validate(Config, given, "registration.toml")
    assert [each.name for each in config.records()] == ["first", "second"]
    file.write_text('{"type": "ACME"}')
    with pytest.raises(ConfigError, match="provisioners"):
        validate(Config, given, "registration.toml")


async def test_a_change_by_another_replica_is_taken_over(
    authority: CertificateAuthority, database_url: str
) -> None:
    ra = await open_registration(database_url, authority, refresh_provisioners="20ms")
    other = JwkKey("other", keys.generate())
    token, csr = other.token("foo.internal"), request_for("foo.internal")
    assert (await ra.sign(token, csr)).status_code == 401
    from newel.step.provisioners import from_mapping, to_json

    seeds = {"other": to_json(from_mapping(other.record()))}
    await ProvisionerTable(ra.database).seed(seeds, "", EPOCH)
    task = asyncio.get_running_loop().create_task(_refresh(ra))
    await asyncio.sleep(0.3)
    task.cancel()
    assert (await ra.sign(token, csr)).status_code == 201
    admins = ra.admin.token("foo.internal")
    assert (await ra.sign(admins, csr)).status_code == 401
    await ra.database.close()


async def _refresh(ra: Any) -> None:
    await ra.service.tasks["provisioners"]()
