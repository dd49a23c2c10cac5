"""A caller may ask for fewer usages than the profile's, and for others only where the profile says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Oid

from fixtures.authority import CertificateAuthority
from fixtures.issuing import IssuingHarness, make_request, open_harness
from newel.crypto import keys
from newel.issuing.config import ProfileConfig
from newel.proto.issuing.v1 import issuing_pb2 as pb

SERVER, CLIENT = Oid.SERVER_AUTH.dotted_string, Oid.CLIENT_AUTH.dotted_string
CODE = Oid.CODE_SIGNING.dotted_string
NULL = b"\x05\x00"
FORBIDDEN = (
    {"extended_key_usages": [Oid.OCSP_SIGNING.dotted_string]},
    {"extended_key_usages": [CLIENT, Oid.OCSP_SIGNING.dotted_string]},
    {"extended_key_usages": [Oid.ANY_EXTENDED_KEY_USAGE.dotted_string]},
    {"extended_key_usages": ["keyAgreement"]},
    {"extended_key_usages": ["1.2.a"]},
    {"key_usages": ["keyCertSign"]},
    {"key_usages": ["digitalSignature", "cRLSign"]},
    {"key_usages": ["digitalSignature", "encipherOnly"]},
    {"key_usages": [CODE]},
)


def purposes(der: bytes) -> list[str]:
    found = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(
        x509.ExtendedKeyUsage
    )
    return [each.dotted_string for each in found.value]


async def test_fewer_purposes_stay_fewer_when_renewed(harness: IssuingHarness) -> None:
    made = await harness.one(
        make_request(extended_key_usages=[CLIENT], key_usages=["digitalSignature"])
    )
    assert purposes(made.der) == [CLIENT]
    (again,) = await harness.renew(pb.Renewal(idempotency_key=b"renewal-1", certificate=made.der))
    assert purposes(again.certificate.der) == [CLIENT]
    assert purposes((await harness.one()).der) == [SERVER, CLIENT]


@pytest.mark.attack("template-purpose")
@pytest.mark.parametrize(
    "asked",
    [
        {"extended_key_usages": [Oid.OCSP_SIGNING.dotted_string]},
        {"extended_key_usages": [CLIENT, Oid.CODE_SIGNING.dotted_string]},
        {"extended_key_usages": [Oid.ANY_EXTENDED_KEY_USAGE.dotted_string]},
        {"key_usages": ["keyCertSign"]},
        {"key_usages": ["digitalSignature", "cRLSign"]},
        {"key_usages": ["keyEncipherment"]},
    ],
)
async def test_other_usages_are_refused(
    harness: IssuingHarness, asked: dict[str, list[str]]
) -> None:
    (refused,) = await harness.issue(make_request(**asked))  # pyright: ignore[reportArgumentType] # a table
    assert refused.error.type == "malformed"
    assert not harness.signer.signed


@pytest.fixture
async def open_to_templates(
    authority: CertificateAuthority, tmp_path: Path
) -> AsyncIterator[IssuingHarness]:
    profile = ProfileConfig(caller_usages=("*",), caller_extensions=("*",))
    harness = await open_harness(
        f"sqlite:///{tmp_path}/open.db", authority, profiles={"leaf": profile}
    )
    yield harness
    await harness.database.close()


async def test_other_purposes_are_given_where_the_profile_says_so_and_renewed(
    open_to_templates: IssuingHarness,
) -> None:
    made = await open_to_templates.one(
        make_request(extended_key_usages=[CODE, "1.2.3.4"], key_usages=["contentCommitment"])
    )
    assert purposes(made.der) == [CODE, "1.2.3.4"]
    (again,) = await open_to_templates.renew(
        pb.Renewal(idempotency_key=b"renewal-1", certificate=made.der)
    )
    assert purposes(again.certificate.der) == [CODE, "1.2.3.4"]
    usage = x509.load_der_x509_certificate(again.certificate.der).extensions
    assert usage.get_extension_for_class(x509.KeyUsage).value.content_commitment
    assert purposes((await open_to_templates.one()).der) == [SERVER, CLIENT]


@pytest.mark.attack("template-purpose")
@pytest.mark.parametrize("asked", FORBIDDEN)
async def test_no_profile_gives_the_usages_of_an_authority(
    open_to_templates: IssuingHarness, asked: dict[str, list[str]]
) -> None:
    (refused,) = await open_to_templates.issue(make_request(**asked))  # pyright: ignore[reportArgumentType] # a table
    assert refused.error.type == "malformed"
    assert not open_to_templates.signer.signed


@pytest.mark.attack("template-authority")
@pytest.mark.parametrize(
    "oid",
    ["2.5.29.19", "2.5.29.30", "2.5.29.33", "1.3.6.1.4.1.37476.9000.64.1", "1.3.6.1.5.5.7.1.24"],
)
async def test_no_profile_lets_callers_forge_what_the_authority_says(
    open_to_templates: IssuingHarness, oid: str
) -> None:
    (refused,) = await open_to_templates.issue(
        make_request(extensions=[pb.Extension(oid=oid, value=NULL)])
    )
    assert refused.error.type == "malformed"
    given = await open_to_templates.one(
        make_request(extensions=[pb.Extension(oid="1.2.3.4", value=NULL)])
    )
    found = x509.load_der_x509_certificate(given.der).extensions
    assert found.get_extension_for_oid(x509.ObjectIdentifier("1.2.3.4"))


async def test_a_certificate_without_any_purpose_left_is_not_renewed(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    """A code signer must not become a server because its profile changed."""
    url = f"sqlite:///{tmp_path}/purposes.db"
    profile = ProfileConfig(caller_usages=("codeSigning",))
    harness = await open_harness(url, authority, profiles={"leaf": profile})
    made = await harness.one(make_request(extended_key_usages=[CODE]))
    await harness.database.close()
    harness = await open_harness(url, authority)
    (refused,) = await harness.renew(pb.Renewal(idempotency_key=b"renewal-1", certificate=made.der))
    assert "none of the certificate's purposes" in refused.error.detail
    await harness.database.close()


async def test_encipherment_is_for_rsa_keys_only(open_to_templates: IssuingHarness) -> None:
    usages = ["digitalSignature", "dataEncipherment"]
    rsa = keys.spki(keys.generate("RSA-2048").public_key())
    for key, expected in ((None, False), (rsa, True)):
        made = await open_to_templates.one(make_request(key_usages=usages, public_key=key))
        found = x509.load_der_x509_certificate(made.der).extensions
        assert found.get_extension_for_class(x509.KeyUsage).value.data_encipherment is expected
