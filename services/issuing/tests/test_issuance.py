"""Issuance through its contract: what a certificate says, and what is refused."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fixtures.authority import EPOCH, CertificateAuthority, PeerSigner, make_authority
from fixtures.issuing import IssuingHarness, make_request, open_harness, sqlite_url, stamp
from newel.crypto import keys
from newel.crypto.extensions import MUST_STAPLE, TLS_FEATURE
from newel.crypto.profile import CommonName
from newel.issuing.config import ProfileConfig, Urls
from newel.proto.common.v1 import error_pb2
from newel.proto.events.v1 import events_pb2
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.step.extension import OID, ProvisionerExtension, ProvisionerType


def parse(certificate: pb.Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate.der)


async def test_leaf_carries_what_the_profile_says(harness: IssuingHarness) -> None:
    """It has SAN, EKU, key usage by key type, SKI, AKI, AIA, CRL DP, step's extension."""
    leaf = parse(await harness.one(make_request("a.example", "*.b.example")))
    issuer = harness.authority.intermediate
    leaf.verify_directly_issued_by(issuer)
    extensions = leaf.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example", "*.b.example"]
    purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_encipherment
    assert extensions.get_extension_for_class(
        x509.SubjectKeyIdentifier
    ).value == x509.SubjectKeyIdentifier.from_public_key(leaf.public_key())  # pyright: ignore[reportArgumentType]
    authority = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert authority.key_identifier == own.digest
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [each.access_location.value for each in access] == [
        "http://ca.example/ocsp",
        f"http://ca.example/issuers/{harness.authority.id}.crt",
    ]
    points = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    (point,) = points
    assert point.full_name is not None
    assert point.full_name[0].value == f"http://ca.example/crl/{harness.authority.id}.crl"
    step = extensions.get_extension_for_oid(x509.ObjectIdentifier(OID))
    assert not step.critical
    assert isinstance(step.value, x509.UnrecognizedExtension)
    assert ProvisionerExtension.decode(step.value.value) == ProvisionerExtension(
        ProvisionerType.JWK, "admin", "kid"
    )


async def test_rsa_leaf_may_encipher_keys(harness: IssuingHarness) -> None:
    public_key = keys.spki(keys.generate("RSA-2048").public_key())
    leaf = parse(await harness.one(make_request(public_key=public_key)))
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.key_encipherment


async def test_default_validity_is_24_hours_backdated_a_minute(harness: IssuingHarness) -> None:
    """The defaults of step-ca."""
    leaf = parse(await harness.one())
    assert leaf.not_valid_before_utc == EPOCH - dt.timedelta(minutes=1)
    assert leaf.not_valid_after_utc == EPOCH + dt.timedelta(hours=24, seconds=-1)


async def test_validity_asked_for_is_given(harness: IssuingHarness) -> None:
    start, end = EPOCH - dt.timedelta(seconds=30), EPOCH + dt.timedelta(minutes=10)
    leaf = parse(await harness.one(make_request(not_before=stamp(start), not_after=stamp(end))))
    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (start, end)


STAPLED = pb.Extension(oid=TLS_FEATURE, value=MUST_STAPLE.value)


async def test_must_staple_stands_in_the_certificate_and_in_its_renewal(
    harness: IssuingHarness,
) -> None:
    certificate = await harness.one(make_request(extensions=[STAPLED]))
    renewal = pb.Renewal(idempotency_key=b"renewal-1", certificate=certificate.der)
    renewal.provisioner.CopyFrom(make_request().provisioner)
    (renewed,) = await harness.renew(renewal)
    for der in (certificate.der, renewed.certificate.der):
        found = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(
            x509.TLSFeature
        )
        assert list(found.value) == [x509.TLSFeatureType.status_request]
        assert not found.critical


@pytest.mark.parametrize("why", ["no responder", "the profile's word"])
async def test_must_staple_that_cannot_be_honoured_is_refused(
    authority: CertificateAuthority, tmp_path: Path, why: str
) -> None:
    settings: dict[str, Any] = (
        {"urls": Urls()}
        if why == "no responder"
        else {"profiles": {"leaf": ProfileConfig(must_staple=False)}}
    )
    harness = await open_harness(sqlite_url(tmp_path), authority, **settings)
    (result,) = await harness.issue(make_request(extensions=[STAPLED]))
    assert result.error.type == "badCSR"
    assert "stapled" in result.error.detail
    assert not harness.signer.signed
    await harness.database.close()


async def test_the_callers_usual_validity_takes_the_place_of_the_profiles(
    harness: IssuingHarness,
) -> None:
    for usual in (dt.timedelta(minutes=3), dt.timedelta(days=90)):
        seconds = int(usual.total_seconds())
        leaf = parse(await harness.one(make_request(default_duration_seconds=seconds)))
        assert leaf.not_valid_after_utc == EPOCH + usual - dt.timedelta(seconds=1)
        end = stamp(EPOCH + dt.timedelta(minutes=10))
        asked = make_request(default_duration_seconds=seconds, not_after=end)
        assert parse(await harness.one(asked)).not_valid_after_utc == EPOCH + dt.timedelta(
            minutes=10
        )


async def test_a_usual_validity_ends_with_the_issuer(harness: IssuingHarness) -> None:
    end = harness.authority.intermediate.not_valid_after_utc
    harness.clock.advance(end - EPOCH - dt.timedelta(hours=1))
    leaf = parse(await harness.one(make_request(default_duration_seconds=7200)))
    assert leaf.not_valid_after_utc == end


@pytest.mark.parametrize("seconds", [-1, 2, 91 * 86_400, 2**62])
async def test_a_usual_validity_out_of_bounds_is_refused_and_never_cut(
    harness: IssuingHarness, seconds: int
) -> None:
    (result,) = await harness.issue(make_request(default_duration_seconds=seconds))
    assert result.error.type == "malformed"
    assert "day" not in result.error.detail  # durations are told as 2160h0m0s
    assert not harness.signer.signed


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (dt.timedelta(hours=-2), dt.timedelta(hours=1)),  # backdated beyond reason
        (dt.timedelta(hours=1), dt.timedelta(minutes=30)),  # ends before it begins
        (dt.timedelta(minutes=-2), dt.timedelta(minutes=-1)),  # over already
        (dt.timedelta(0), dt.timedelta(seconds=2)),  # over at once
        (dt.timedelta(0), dt.timedelta(days=91)),  # longer than the profile allows
        (dt.timedelta(days=400), dt.timedelta(days=401)),  # of another year
        (dt.timedelta(hours=2), dt.timedelta(hours=3)),  # stockpiled
    ],
)
async def test_validity_out_of_bounds_is_refused(
    harness: IssuingHarness, start: dt.timedelta, end: dt.timedelta
) -> None:
    request = make_request(not_before=stamp(EPOCH + start), not_after=stamp(EPOCH + end))
    (result,) = await harness.issue(request)
    assert result.error.type == "malformed"
    assert not harness.signer.signed


@pytest.mark.parametrize("backdate", [dt.timedelta(hours=24, seconds=1), dt.timedelta(seconds=-1)])
def test_a_backdate_without_sense_is_refused(backdate: dt.timedelta) -> None:
    with pytest.raises(ValueError, match="backdate is negative or longer than 24h"):
        ProfileConfig(backdate=backdate)


async def test_a_long_backdate_is_the_callers_too(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    """What the profile does by itself a caller may say."""
    profile = ProfileConfig(backdate=dt.timedelta(hours=3))
    harness = await open_harness(sqlite_url(tmp_path), authority, profiles={"leaf": profile})
    start = EPOCH - dt.timedelta(hours=3)
    leaf = parse(await harness.one(make_request(not_before=stamp(start))))
    assert leaf.not_valid_before_utc == start
    await harness.database.close()


@pytest.mark.parametrize(
    ("rule", "given", "found"),
    [
        (CommonName.KEEP, "", []),
        (CommonName.KEEP, "given", ["given"]),
        (CommonName.FIRST_NAME, "", ["a.example"]),
        (CommonName.FIRST_NAME, "given", ["given"]),
        (CommonName.DROP, "given", []),
    ],
)
async def test_the_common_name_follows_the_profile(
    authority: CertificateAuthority, tmp_path: Path, rule: CommonName, given: str, found: list[str]
) -> None:
    """A first name too long for a common name is left where it is."""
    profile = ProfileConfig(common_name=rule)
    harness = await open_harness(sqlite_url(tmp_path), authority, profiles={"leaf": profile})
    request = make_request(f"{'x' * 60}.example", "a.example")
    del request.subject[:]
    if given:
        request.subject.add(oid=NameOID.COMMON_NAME.dotted_string, value=given)
    leaf = parse(await harness.one(request))
    assert [each.value for each in leaf.subject] == found
    await harness.database.close()


@pytest.mark.attack("X03")
async def test_no_leaf_outlives_its_issuer(harness: IssuingHarness) -> None:
    end = harness.authority.intermediate.not_valid_after_utc
    harness.clock.advance(end - EPOCH - dt.timedelta(hours=1))
    assert parse(await harness.one()).not_valid_after_utc == end
    harness.clock.advance(dt.timedelta(hours=1))
    (late,) = await harness.issue(make_request())
    assert late.error.type == "unavailable"


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["a..example"], "rejectedIdentifier"),
        (["A.example"], "rejectedIdentifier"),
        (["a.example."], "rejectedIdentifier"),
        (["a.*.example"], "rejectedIdentifier"),
        (["x" * 64 + ".example"], "rejectedIdentifier"),
        (["under_score.example"], "rejectedIdentifier"),
        (["127.0.0.1"], "rejectedIdentifier"),
        (["b\u00fccher.example"], "rejectedIdentifier"),
        ([f"n{i}.example" for i in range(257)], "malformed"),
    ],
)
async def test_names_are_checked(harness: IssuingHarness, names: list[str], kind: str) -> None:
    """RFC 1123 §2.1 and RFC 5890: what the registration authority says is checked again."""
    (result,) = await harness.issue(make_request(*names))
    assert result.error.type == kind
    assert not harness.signer.signed
    assert harness.audit.outcomes("issue") == ["refused"]
    assert await harness.rows("SELECT 1 FROM certificates") == []


@pytest.mark.attack("A09")
@pytest.mark.parametrize("kind", ["RSA-1024", "garbage", "x25519"])
async def test_weak_keys_are_refused(harness: IssuingHarness, kind: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa, x25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if kind == "garbage":
        key = b"\x30\x03\x02\x01\x01"
    else:
        private = (
            rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
            if kind == "RSA-1024"
            else x25519.X25519PrivateKey.generate()
        )
        key = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    (result,) = await harness.issue(make_request(public_key=key))
    assert result.error.type == "badPublicKey"
    assert not harness.signer.signed


@pytest.mark.attack("T09")
@pytest.mark.parametrize("oid", ["2.5.29.19", "2.5.29.37", "2.5.29.31", "1.2.3.4"])
async def test_no_extension_beyond_the_profile(harness: IssuingHarness, oid: str) -> None:
    request = make_request(extensions=[pb.Extension(oid=oid, value=b"\x30\x00")])
    (result,) = await harness.issue(request)
    assert result.error.type == "malformed"
    assert not harness.signer.signed


async def test_profile_must_exist(harness: IssuingHarness) -> None:
    (result,) = await harness.issue(make_request(profile="no such"))
    assert result.error.type == "invalidProfile"


async def test_server_profile_has_no_provisioner_extension(harness: IssuingHarness) -> None:
    leaf = parse(await harness.one(make_request(profile="server")))
    with pytest.raises(x509.ExtensionNotFound):
        leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(OID))


async def test_a_batch_is_answered_item_by_item(harness: IssuingHarness) -> None:
    results = await harness.issue(
        make_request("a.example"), make_request("bad..name"), make_request("c.example")
    )
    assert [each.WhichOneof("outcome") for each in results] == [
        "certificate",
        "error",
        "certificate",
    ]
    assert harness.signer.calls == 1


async def test_event_is_in_the_outbox_with_the_certificate(each_harness: IssuingHarness) -> None:
    certificate = await each_harness.one(make_request("a.example"))
    ((subject, payload),) = await each_harness.rows("SELECT subject, payload FROM outbox")
    event = events_pb2.CertificateIssued.FromString(payload)
    assert subject == "newel.certificate.issued.v1"
    assert (event.der, event.serial, event.issuer) == (
        certificate.der,
        certificate.serial,
        certificate.issuer,
    )
    assert event.provisioner.name == "admin"


async def test_signer_refusal_changes_nothing_and_frees_the_key(harness: IssuingHarness) -> None:
    """The signer's own policy has the last word; its cause stays in the audit trail."""
    harness.signer.refuse = error_pb2.Error(type="forbidden", detail="no", cause="too long")
    request = make_request()
    (result,) = await harness.issue(request)
    assert result.error.type == "serverInternal"
    assert "too long" not in result.error.detail
    assert await harness.rows("SELECT 1 FROM outbox") == []
    harness.signer.refuse = None
    assert (await harness.one(request)).der


async def test_signer_down_leaves_the_intent_for_a_retry(harness: IssuingHarness) -> None:
    harness.signer.down = True
    request = make_request()
    (result,) = await harness.issue(request)
    assert result.error.type == "unavailable"
    harness.signer.down = False
    harness.clock.advance(dt.timedelta(seconds=5))
    certificate = await harness.one(request)
    assert certificate.der
    assert len(await harness.rows("SELECT 1 FROM certificates")) == 1


@pytest.mark.attack("X06")
async def test_corrupted_signature_is_never_released(harness: IssuingHarness) -> None:
    harness.signer.corrupt = True
    (result,) = await harness.issue(make_request())
    assert result.error.type == "unavailable"
    assert harness.audit.outcomes("sign") == ["invalid"]
    assert await harness.rows("SELECT 1 FROM certificates WHERE signature IS NOT NULL") == []
    assert await harness.rows("SELECT 1 FROM outbox") == []


@pytest.mark.attack("X03")
async def test_start_is_refused_when_the_signer_has_another_key(tmp_path: Path) -> None:
    from newel.issuing.issuer_files import UnusableIssuerError

    authority = make_authority(tmp_path)
    other = make_authority(tmp_path, name="Other")
    with pytest.raises(UnusableIssuerError, match="is not the key of the issuer"):
        await open_harness(sqlite_url(tmp_path), authority, signer=PeerSigner(other))
