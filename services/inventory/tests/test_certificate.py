"""The quick reader says what pyca's parser says."""

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.inventory.certificate import UnreadableCertificateError, read_certificate

KEY = ec.generate_private_key(ec.SECP256R1())
NEW_YEAR_2026 = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
MOMENTS = st.datetimes(
    min_value=dt.datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=dt.datetime(2140, 1, 1),  # noqa: DTZ001 - see above
    timezones=st.just(dt.UTC),
)
LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=60)
NAMES = st.lists(
    st.one_of(
        LABEL.map(x509.DNSName),
        LABEL.map(lambda label: x509.RFC822Name(f"{label}@example.com")),
        LABEL.map(lambda label: x509.UniformResourceIdentifier(f"spiffe://example/{label}")),
        st.ip_addresses().map(x509.IPAddress),
    ),
    max_size=40,
)

# pyca counts the octets of UTF-8
COMMON_NAMES = st.text(min_size=1, max_size=64).filter(lambda text: len(text.encode()) <= 64)


def build_certificate(
    common_name: str | None,
    names: list[x509.GeneralName],
    not_before: dt.datetime,
    not_after: dt.datetime,
    *,
    critical: bool = False,
) -> bytes:
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")]
    if common_name is not None:
        subject.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The issuer's own CN")]),
        subject_name=x509.Name(subject),
        public_key=KEY.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=not_before,
        not_valid_after=not_after,
    ).add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=critical)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(KEY.public_key()), critical=False
    )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def spell_name(name: x509.GeneralName) -> str:
    kinds: dict[type[x509.GeneralName], str] = {
        x509.DNSName: "dns",
        x509.RFC822Name: "email",
        x509.IPAddress: "ip",
    }
    return f"{kinds.get(type(name), 'uri')}:{name.value}"


@settings(max_examples=150, deadline=None)
@given(st.none() | COMMON_NAMES, NAMES, MOMENTS, MOMENTS, st.booleans())
def test_agrees_with_pyca(
    common_name: str | None,
    names: list[x509.GeneralName],
    one: dt.datetime,
    other: dt.datetime,
    critical: bool,
) -> None:
    der = build_certificate(common_name, names, min(one, other), max(one, other), critical=critical)
    facts = read_certificate(der)
    oracle = x509.load_der_x509_certificate(der)
    assert facts.common_name == (common_name or "")
    assert facts.names == tuple(spell_name(name) for name in names)
    assert facts.not_before == oracle.not_valid_before_utc.timestamp()
    assert facts.not_after == oracle.not_valid_after_utc.timestamp()
    assert facts.fingerprint == oracle.fingerprint(hashes.SHA256())


def test_the_far_future_of_rfc_5280_is_readable() -> None:
    # RFC 5280 §4.1.2.5: 99991231235959Z means no expiry
    end = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("::1"))]
    facts = read_certificate(build_certificate("a", names, NEW_YEAR_2026, end))
    assert facts.not_after == 253402300799
    assert facts.names == ("ip:::1",)


@given(st.binary(max_size=200))
def test_anything_else_is_refused(octets: bytes) -> None:
    with pytest.raises(UnreadableCertificateError):
        read_certificate(octets)


def test_a_torn_certificate_is_refused() -> None:
    names: list[x509.GeneralName] = [x509.DNSName("a.example")]
    der = build_certificate("a.example", names, NEW_YEAR_2026, NEW_YEAR_2026 + dt.timedelta(days=1))
    for cut in range(len(der)):
        with pytest.raises(UnreadableCertificateError):
            read_certificate(der[:cut])
