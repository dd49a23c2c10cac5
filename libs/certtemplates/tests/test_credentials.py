"""``.AuthorizationCrt``: what a template sees of the certificate that proved its request."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from fixtures.birth_certificates import CLIENT, BirthAuthority
from fixtures.meshes import Mesh
from newel.certtemplates import certificates, credentials
from newel.crypto.nebula.certificates import parse
from newel.crypto.reader.certificates import parse_certificate
from newel.gotemplate.budget import Environment
from newel.gotemplate.values import Record, Slice

BEGIN = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


def show(text: str, authorization: Record | Slice) -> str:
    """Render a template that looks at the certificate."""
    template = certificates.compile_template(text)
    return template.render({"AuthorizationCrt": authorization}, Environment(BEGIN))


@pytest.fixture(scope="module")
def certificate() -> x509.Certificate:
    """A device's certificate with everything a template may ask for."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Maker"),
            x509.NameAttribute(NameOID.COMMON_NAME, "device-1"),
        ]
    )
    where = x509.UniformResourceIdentifier("http://maker.example/ca.crt")
    ocsp = x509.UniformResourceIdentifier("http://ocsp.maker.example")
    access = [
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, ocsp),
        x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where),
    ]
    purposes = (*CLIENT, x509.ObjectIdentifier("1.3.6.1.4.1.99.1"))
    root = BirthAuthority.root(BEGIN)
    names = ["device-1.maker.example", "10.0.0.1", "d@maker.example", "urn://maker/1"]
    own = root.leaf(
        BEGIN,
        names=names,
        subject=subject,
        purposes=purposes,
        extra=[(x509.AuthorityInformationAccess(access), False)],
    )
    return own.certificate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ .AuthorizationCrt.Subject.CommonName }}", "device-1"),
        ("{{ index .AuthorizationCrt.Subject.Organization 0 }}", "Maker"),
        ("{{ .AuthorizationCrt.Issuer.CommonName }}", "Maker Root"),
        ("{{ toJson .AuthorizationCrt.DNSNames }}", '["device-1.maker.example"]'),
        ("{{ toJson .AuthorizationCrt.IPAddresses }}", '["10.0.0.1"]'),
        ("{{ toJson .AuthorizationCrt.EmailAddresses }}", '["d@maker.example"]'),
        ("{{ toJson .AuthorizationCrt.URIs }}", '["urn://maker/1"]'),
        ("{{ toJson .AuthorizationCrt.OCSPServer }}", '["http://ocsp.maker.example"]'),
        ("{{ .AuthorizationCrt.NotAfter.Unix }}", str(int(BEGIN.timestamp()) + 86_400)),
        ("{{ .AuthorizationCrt.ExtKeyUsage }}", "[2]"),
        ("{{ .AuthorizationCrt.UnknownExtKeyUsage }}", "[1.3.6.1.4.1.99.1]"),
        ("{{ .AuthorizationCrt.KeyUsage }}", "1"),
        ("{{ .AuthorizationCrt.IsCA }} {{ .AuthorizationCrt.MaxPathLen }}", "false 0"),
        ("{{ .AuthorizationCrt.Version }}", "3"),
        ("{{ .AuthorizationCrt.PublicKeyAlgorithm }}", "ECDSA"),
        ('{{ typeIs "*ecdsa.PublicKey" .AuthorizationCrt.PublicKey }}', "true"),
        ("{{ with .AuthorizationCrt.CRLDistributionPoints }}x{{ end }}", ""),
        ("{{ len .AuthorizationCrt.Extensions }}", "5"),
    ],
)
def test_an_x509_certificate_has_the_fields_of_go_s(
    certificate: x509.Certificate, text: str, expected: str
) -> None:
    own = parse_certificate(_der(certificate))
    assert show(text, credentials.x509_certificate(own)) == expected


def test_the_serial_number_is_in_decimal(certificate: x509.Certificate) -> None:
    own = credentials.x509_certificate(parse_certificate(_der(certificate)))
    assert show("{{ .AuthorizationCrt.SerialNumber }}", own) == str(certificate.serial_number)


def test_the_chain_starts_with_the_leaf() -> None:
    root = BirthAuthority.root(BEGIN)
    leaf = root.below(BEGIN).leaf(BEGIN)
    chain = credentials.x509_chain(map(parse_certificate, (*leaf.chain, root.der)))
    names = "{{ range .AuthorizationCrt }}{{ .Subject.CommonName }} {{ .MaxPathLen }};{{ end }}"
    assert show(names, chain) == "device-1 0;Maker CA -1;Maker Root -1;"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ .AuthorizationCrt.Name }}", "host"),
        ("{{ toJson .AuthorizationCrt.Groups }}", '["servers"]'),
        ("{{ toJson .AuthorizationCrt.Details.Groups }}", '["servers"]'),
        ("{{ toJson .AuthorizationCrt.Networks }}", '["10.1.0.1/16"]'),
        ("{{ index .AuthorizationCrt.Details.Ips 0 }}", "10.1.0.1/16"),
        ("{{ .AuthorizationCrt.Curve }}", "CURVE25519"),
        ("{{ .AuthorizationCrt.NotBefore.Unix }}", str(int(BEGIN.timestamp()))),
    ],
)
def test_a_nebula_certificate_has_its_properties(version: int, text: str, expected: str) -> None:
    encoded, _ = Mesh.make(BEGIN, version).host(BEGIN)
    assert show(text, credentials.nebula_certificate(parse(encoded))) == expected


def _der(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)
