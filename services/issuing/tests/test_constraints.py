"""X02: no spelling of a name gets around the name constraints of the chain."""

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509

from fixtures.authority import make_authority
from fixtures.issuing import make_request, open_house, sqlite_url
from newel.crypto import names
from newel.crypto.distinguished_names import Attribute, common_name
from newel.crypto.extensions import NAME_CONSTRAINTS, Extension
from newel.issuing.constraints import NameConstraints, UnknownConstraintError
from newel.runtime.errors import NewelError

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


@pytest.fixture
def constraints(tmp_path: Path) -> NameConstraints:
    authority = make_authority(tmp_path, constraints=extension(list(PERMITTED), list(EXCLUDED)))
    return NameConstraints([authority.intermediate, authority.root])


@pytest.mark.parametrize(
    "name",
    ["example.com", "a.example.com", "*.a.example.com", "10.1.2.3", "u@example.com",
     "spiffe://a.example.com/x", "https://a.example.com:8443/x"],
)  # fmt: skip
def test_names_within(constraints: NameConstraints, name: str) -> None:
    constraints.check([names.parse_san(name)], [])


@pytest.mark.attack("X02")
@pytest.mark.parametrize(
    "name",
    ["example.org", "badexample.com", "EXAMPLE.ORG", "secret.example.com", "SECRET.example.com",
     "a.secret.example.com", "*.secret.example.com", "*.example.com", "11.0.0.1", "10.9.1.1",
     "::ffff:10.9.0.1", "::1", "u@sub.example.com", "u@example.org", "https://example.com/",
     "https://badexample.com/", "https://a.example.org/"],
)  # fmt: skip
def test_names_beyond(constraints: NameConstraints, name: str) -> None:
    with pytest.raises(NewelError, match="name constraints"):
        constraints.check([names.parse_san(name)], [])


@pytest.mark.attack("X02")
@pytest.mark.parametrize("text", ["example.org", "Secret.Example.com", "11.0.0.1", "u@example.org"])
def test_common_names_are_held_to_the_same(constraints: NameConstraints, text: str) -> None:
    """Some clients take a common name for a host."""
    with pytest.raises(NewelError, match="name constraints"):
        constraints.check([], [common_name(text)])


def test_a_person_is_no_host(constraints: NameConstraints) -> None:
    constraints.check([], [common_name("Jane Doe"), Attribute("2.5.4.10", "example.org")])


def test_other_kinds_of_constraints_are_not_ignored(tmp_path: Path) -> None:
    name = x509.DirectoryName(x509.Name([]))
    authority = make_authority(tmp_path, constraints=extension([name], None))
    with pytest.raises(UnknownConstraintError):
        NameConstraints([authority.intermediate])


@pytest.mark.attack("X02")
async def test_nothing_beyond_is_issued(tmp_path: Path) -> None:
    authority = make_authority(tmp_path, constraints=extension(list(PERMITTED), list(EXCLUDED)))
    house = await open_house(sqlite_url(tmp_path), authority)
    good, bad = await house.issue(make_request("a.example.com"), make_request("a.example.org"))
    assert good.HasField("certificate")
    assert bad.error.type == "rejectedIdentifier"
    assert len(house.signer.signed) == 1
    await house.database.close()
