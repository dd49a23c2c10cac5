"""A renewal has what the old certificate had, less what its profile has lost; names with underscores."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from fixtures.authority import CertificateAuthority
from fixtures.issuing import IssuingHarness, make_request, open_harness
from newel.crypto import extensions
from newel.issuing.config import ProfileConfig
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.step.extension import OID as STEP_EXTENSION

OWN = "1.3.6.1.4.1.32473.1"
NULL = b"\x05\x00"


async def reopen(harness: IssuingHarness, folder: Path, **profile: Any) -> IssuingHarness:
    await harness.database.close()
    url = f"sqlite:///{folder}/issuing.db"
    return await open_harness(url, harness.authority, profiles={"leaf": ProfileConfig(**profile)})


def kinds(der: bytes) -> set[str]:
    certificate = x509.load_der_x509_certificate(der)
    return {each.oid.dotted_string for each in certificate.extensions}


async def renew(harness: IssuingHarness, der: bytes) -> pb.IssueResult:
    (result,) = await harness.renew(pb.Renewal(idempotency_key=b"the renewal", certificate=der))
    return result


async def test_an_extension_that_the_profile_has_lost_is_not_renewed(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/issuing.db"
    allowed = ProfileConfig(caller_extensions=(OWN,))
    harness = await open_harness(url, authority, profiles={"leaf": allowed})
    staple = extensions.MUST_STAPLE
    given = [
        pb.Extension(oid=OWN, value=NULL),
        pb.Extension(oid=staple.oid, value=staple.value),
    ]
    old = await harness.one(make_request(extensions=given))
    assert {OWN, staple.oid, STEP_EXTENSION} <= kinds(old.der)
    same = await renew(harness, old.der)
    assert kinds(same.certificate.der) == kinds(old.der)
    harness = await reopen(harness, tmp_path, must_staple=False)
    (result,) = await harness.renew(
        pb.Renewal(idempotency_key=b"another renewal", certificate=old.der)
    )
    assert kinds(result.certificate.der) == kinds(old.der) - {OWN, staple.oid}
    await harness.database.close()


async def test_names_may_have_underscores_where_the_profile_says_so(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/issuing.db"
    allowed = ProfileConfig(allow_underscores=True)
    harness = await open_harness(url, authority, profiles={"leaf": allowed})
    old = await harness.one(make_request("ca_internal.example", "a.example"))
    assert (await renew(harness, old.der)).certificate.der
    harness = await reopen(harness, tmp_path)
    (fresh,) = await harness.issue(make_request("ca_internal.example"))
    (again,) = await harness.renew(
        pb.Renewal(idempotency_key=b"another renewal", certificate=old.der)
    )
    assert [fresh.error.type, again.error.type] == ["rejectedIdentifier"] * 2
    await harness.database.close()


@pytest.mark.parametrize("name", ["a.*_b.example", "a_b.", "a..b_c", "a_b.10"])
async def test_an_underscore_makes_no_other_name_good(
    authority: CertificateAuthority, tmp_path: Path, name: str
) -> None:
    allowed = ProfileConfig(allow_underscores=True)
    harness = await open_harness(
        f"sqlite:///{tmp_path}/issuing.db", authority, profiles={"leaf": allowed}
    )
    (result,) = await harness.issue(make_request(name))
    assert result.error.type == "rejectedIdentifier"
    await harness.database.close()
