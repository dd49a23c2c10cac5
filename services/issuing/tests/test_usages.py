"""A caller may ask for fewer usages than the profile's, never for others; a renewal has no more."""

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Oid

from fixtures.issuing import IssuingHarness, make_request
from newel.proto.issuing.v1 import issuing_pb2 as pb

SERVER, CLIENT = Oid.SERVER_AUTH.dotted_string, Oid.CLIENT_AUTH.dotted_string


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
