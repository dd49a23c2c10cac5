"""A request at ``/sign`` that asks for must-staple (RFC 7633) gets it; other TLS features are refused."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.registration import RegistrationHarness
from newel.crypto.extensions import MUST_STAPLE

Feature = x509.TLSFeatureType


def request_for(name: str, *features: Feature) -> str:
    builder = x509.CertificateSigningRequestBuilder(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    )
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
    )
    builder = builder.add_extension(x509.TLSFeature(features), critical=False)
    key = ec.generate_private_key(ec.SECP256R1())
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


async def test_must_staple_goes_on(ra: RegistrationHarness) -> None:
    token = ra.admin.token("foo.internal")
    answer = await ra.sign(token, request_for("foo.internal", Feature.status_request))
    assert answer.status_code == 201, answer.text
    (extension,) = ra.issuing.requests[-1].extensions
    assert (extension.oid, extension.value) == (MUST_STAPLE.oid, MUST_STAPLE.value)


@pytest.mark.parametrize(
    "features",
    [[Feature.status_request_v2], [Feature.status_request, Feature.status_request_v2]],
)
async def test_other_features_are_refused_and_leave_the_token(
    ra: RegistrationHarness, features: list[Feature]
) -> None:
    token, asked = ra.admin.token("foo.internal"), len(ra.issuing.requests)
    refused = await ra.sign(token, request_for("foo.internal", *features))
    assert refused.status_code == 400, refused.text
    assert len(ra.issuing.requests) == asked
    again = await ra.sign(token, request_for("foo.internal", Feature.status_request))
    assert again.status_code == 201
