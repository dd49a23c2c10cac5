"""Certificates name the shard of the revocation list that their own serial number belongs to."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures.authority import CertificateAuthority
from fixtures.issuing import make_request, open_harness, sqlite_url
from newel.crypto.crl_shards import find_shard
from newel.issuing.config import Urls
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.config import ConfigError, validate


async def test_a_certificate_and_its_renewal_each_name_the_shard_of_their_own_serial(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    """Fixed at issuance: to which shard a serial number belongs never changes."""
    urls = Urls(crl="http://crl.test/{issuer}/{shard}.crl", crl_shards=16)
    harness = await open_harness(sqlite_url(tmp_path), authority, urls=urls)
    certificate = await harness.one()
    renewal = pb.Renewal(idempotency_key=b"renewal-1", certificate=certificate.der)
    renewal.provisioner.CopyFrom(make_request().provisioner)
    (renewed,) = await harness.renew(renewal)
    for each in (certificate, renewed.certificate):
        leaf = x509.load_der_x509_certificate(each.der)
        (point,) = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        shard = find_shard(each.serial, 16).name
        assert point.full_name == [
            x509.UniformResourceIdentifier(f"http://crl.test/{each.issuer}/{shard}.crl")
        ]
    await harness.database.close()


@pytest.mark.parametrize(
    "urls",
    [
        {"crl": "http://crl.test/{shard}.crl"},
        {"crl": "http://crl.test/a.crl", "crl_shards": 16},
        {"crl": "http://crl.test/{shard}.crl", "crl_shards": 12},
    ],
)
def test_shards_that_no_certificate_could_name_are_refused(urls: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="shards"):
        validate(Urls, urls, "urls")
