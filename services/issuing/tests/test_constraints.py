"""No spelling of a name gets around the name constraints of the chain."""

import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.authority import make_authority
from fixtures.issuing import IssuingHarness, make_request, open_harness, sqlite_url
from newel.crypto.extensions import NAME_CONSTRAINTS, Extension
from newel.proto.issuing.v1 import issuing_pb2 as pb

PERMITTED = [
    x509.DNSName("example.com"),
    x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")),
    x509.RFC822Name("example.com"),
    x509.UniformResourceIdentifier(".example.com"),
]
EXCLUDED = [x509.DNSName("secret.example.com"), x509.IPAddress(ipaddress.ip_network("10.9.0.0/16"))]


def extension(
    permitted: list[x509.GeneralName] | None, excluded: list[x509.GeneralName] | None
) -> Extension:
    value = x509.NameConstraints(permitted, excluded)
    return Extension(NAME_CONSTRAINTS, critical=True, value=value.public_bytes())


BEYOND = [
    "example.org",
    "badexample.com",
    "secret.example.com",
    "a.secret.example.com",
    "*.secret.example.com",
    "*.example.com",
]


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[IssuingHarness]:
    authority = make_authority(tmp_path, constraints=extension(list(PERMITTED), list(EXCLUDED)))
    opened = await open_harness(sqlite_url(tmp_path), authority)
    yield opened
    await opened.database.close()


@pytest.mark.attack("X02")
@pytest.mark.parametrize("name", BEYOND)
async def test_no_name_beyond_is_issued(harness: IssuingHarness, name: str) -> None:
    (result,) = await harness.issue(make_request(name))
    assert result.error.type == "rejectedIdentifier"
    assert not harness.signer.signed


@pytest.mark.attack("X02")
@pytest.mark.parametrize("name", [b"\x0b\x00\x00\x01", b"\x0a\x09\x01\x01", bytes(15) + b"\x01"])
async def test_no_address_beyond_is_issued(harness: IssuingHarness, name: bytes) -> None:
    request = make_request("a.example.com")
    request.names.append(pb.GeneralName(ip=name))
    (result,) = await harness.issue(request)
    assert result.error.type == "rejectedIdentifier"


@pytest.mark.attack("X02")
@pytest.mark.parametrize("text", ["example.org", "Secret.Example.com", "11.0.0.1"])
async def test_no_common_name_beyond_is_issued(harness: IssuingHarness, text: str) -> None:
    """Some clients take a common name for a host."""
    request = make_request("a.example.com")
    request.subject[0].value = text
    (result,) = await harness.issue(request)
    assert result.error.type == "rejectedIdentifier"


async def test_names_within_are_issued(harness: IssuingHarness) -> None:
    request = make_request("a.example.com", "*.b.example.com", "example.com")
    request.names.append(pb.GeneralName(ip=bytes([10, 1, 2, 3])))
    request.subject[0].value = "Jane Doe"
    assert (await harness.one(request)).der


@pytest.mark.attack("X02")
async def test_renewal_is_held_to_the_same(tmp_path: Path) -> None:
    """The next issuer is constrained: what the last one issued is not renewed under it."""
    url = sqlite_url(tmp_path)
    free = await open_harness(url, make_authority(tmp_path, name="Free"))
    old = await free.one(make_request("a.example.org"))
    await free.database.close()
    bound = make_authority(tmp_path, constraints=extension(list(PERMITTED), list(EXCLUDED)))
    harness = await open_harness(url, bound)
    renewal = pb.Renewal(idempotency_key=b"renewal-1", certificate=old.der)
    (result,) = await harness.renew(renewal)
    assert result.error.type == "rejectedIdentifier"
    await harness.database.close()
