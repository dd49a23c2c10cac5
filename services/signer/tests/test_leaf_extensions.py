"""The extensions of a leaf: those on the key's list, read as strictly as every verifier reads them."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from fixtures import statements as made
from fixtures.signer import Lines, SignerHarness, authority_files, open_harness
from fixtures.signer import settings as harness_settings
from fixtures.statements import DAY, NOW
from newel.crypto import der, extensions, keys, oids
from newel.crypto.certificate import assemble
from newel.crypto.profile import NEVER_FROM_CALLERS
from newel.runtime.clock import ManualClock
from newel.runtime.config import ConfigError, validate
from newel.runtime.errors import NewelError
from newel.signer import extension_values
from newel.signer.app import AuthorityFiles, create_authority
from newel.signer.assembly import make_role
from newel.signer.certificate_policy import CertificatePolicy, CertificateRules
from newel.signer.config import Config
from newel.signer.issuer import read_issuer
from newel.signer.metrics import Metrics
from newel.signer.roles import Role, Rule
from newel.signer.signing import Request, Signer
from newel.signer.statements import CertificateStatement, Kind, parse_certificate

KEY_USAGE, USAGES = extensions.KEY_USAGE, extensions.EXTENDED_KEY_USAGE
KEY_IDENTIFIER, NAMES = extensions.SUBJECT_KEY_IDENTIFIER, extensions.SUBJECT_ALT_NAME
ACCESS, POINTS = extensions.AUTHORITY_INFORMATION_ACCESS, extensions.CRL_DISTRIBUTION_POINTS
FEATURE, STEP, POLICIES = oids.TLS_FEATURE, oids.STEP_PROVISIONER, oids.CERTIFICATE_POLICIES
URL = der.tlv(0x86, b"http://ca.example/x")
OCSP = der.oid("1.3.6.1.5.5.7.48.1")
POINT = der.sequence(der.explicit(0, der.explicit(0, URL)))
UPN = der.tlv(0xA0, der.oid("1.3.6.1.4.1.311.20.2.3") + der.explicit(0, der.tlv(12, b"a@b.test")))
SERVER = der.oid(extensions.SERVER_AUTH)
POLICY = der.oid("2.23.140.1.2.1")
STATEMENT = der.sequence(der.oid("1.3.6.1.5.5.7.2.1"), der.tlv(0x16, b"http://ca.example/cps"))
TEXT = der.octet_string(b"text")

GOOD: list[tuple[str, bytes]] = [
    (KEY_USAGE, b"\x03\x02\x07\x80"),
    (KEY_USAGE, b"\x03\x02\x05\xa0"),
    (KEY_USAGE, b"\x03\x02\x00\x09"),
    (KEY_USAGE, b"\x03\x03\x07\x08\x80"),
    (USAGES, der.sequence(SERVER)),
    (KEY_IDENTIFIER, der.octet_string(b"x" * 20)),
    (KEY_IDENTIFIER, der.octet_string(b"x" * 32)),
    (NAMES, der.sequence(der.tlv(0x82, b"a.example"), der.tlv(0x87, b"\x0a\x00\x00\x01"))),
    (NAMES, der.sequence(der.tlv(0x82, b"_dmarc.example"))),
    (NAMES, der.sequence(der.tlv(0x81, b"me@example.org"), der.tlv(0x86, b"spiffe://a/b"))),
    (ACCESS, der.sequence(der.sequence(OCSP, URL))),
    (POINTS, der.sequence(POINT, POINT)),
    (FEATURE, der.sequence(der.integer(5))),
    (FEATURE, der.sequence(der.integer(5), der.integer(17))),
    (STEP, der.sequence(der.integer(1), TEXT, TEXT)),
    (STEP, der.sequence(der.integer(1), TEXT, TEXT, der.sequence(b"\x13\x01a", b"\x13\x01b"))),
    (extensions.BASIC_CONSTRAINTS, b"\x30\x00"),
    (POLICIES, der.sequence(der.sequence(POLICY))),
    (POLICIES, der.sequence(der.sequence(POLICY, der.sequence(STATEMENT)))),
]

BAD: list[tuple[str, bytes]] = [
    (KEY_USAGE, b"\x03\x02\x00\x80"),  # not the fewest bits
    (KEY_USAGE, b"\x03\x02\x08\x80"),
    (KEY_USAGE, b"\x03\x03\x07\x80\x00"),
    (KEY_USAGE, b"\x03\x03\x06\x80\x40"),
    (KEY_USAGE, b"\x03\x03\x07\x80\x80"),  # decipherOnly alone
    (KEY_USAGE, b"\x03\x02\x00\x81"),  # encipherOnly alone
    (KEY_USAGE, b"\x03\x01\x00"),
    (KEY_USAGE, b"\x03\x00"),
    (KEY_USAGE, b"\x04\x02\x07\x80"),
    (KEY_USAGE, b"\x03\x02\x07\x80\x05\x00"),
    (USAGES, b"\x30\x00"),
    (USAGES, der.sequence(SERVER, SERVER)),
    (USAGES, der.sequence(b"\x04" + SERVER[1:])),
    (USAGES, der.sequence(SERVER) + b"\x00"),
    (USAGES, der.sequence(b"\x06\x00")),
    (KEY_IDENTIFIER, b"\x04\x00"),
    (KEY_IDENTIFIER, der.octet_string(b"x" * 65)),
    (KEY_IDENTIFIER, der.sequence()),
    (KEY_IDENTIFIER, b"\x04\x14" + b"x" * 19),
    (NAMES, b"\x30\x00"),
    (NAMES, der.sequence(UPN)),
    (NAMES, der.sequence(der.tlv(0x82, b"a.example"), UPN)),
    (NAMES, der.sequence(der.tlv(0x82, b"a b"))),
    (NAMES, der.sequence(der.tlv(0x82, b"\xff"))),
    (NAMES, der.sequence(der.tlv(0x87, b"\x0a\x00\x00"))),
    (NAMES, der.sequence(der.tlv(0x88, b"\x2a"))),
    (NAMES, der.sequence(der.tlv(0xA4, der.sequence()))),
    (ACCESS, b"\x30\x00"),
    (ACCESS, der.sequence(der.sequence(der.oid("1.2.3"), URL))),
    (ACCESS, der.sequence(der.sequence(OCSP, der.tlv(0x82, b"a.example")))),
    (ACCESS, der.sequence(der.sequence(OCSP, der.tlv(0x86, b"no url")))),
    (ACCESS, der.sequence(der.sequence(OCSP))),
    (POINTS, der.sequence(der.sequence())),
    (POINTS, der.sequence(der.sequence(der.explicit(0, der.explicit(0, b""))))),
    (
        POINTS,
        der.sequence(der.sequence(der.explicit(0, der.explicit(0, URL)), b"\x81\x02\x01\x06")),
    ),
    (FEATURE, der.sequence(der.integer(6))),
    (FEATURE, der.sequence(der.integer(5), der.integer(5))),
    (STEP, der.sequence(der.integer(1), TEXT)),
    (STEP, der.sequence(TEXT, TEXT, TEXT)),
    (STEP, der.sequence(der.integer(1), TEXT, TEXT, der.sequence(), der.sequence())),
    (POLICIES, der.sequence(der.sequence(POLICY), der.sequence(POLICY))),
    (POLICIES, der.sequence(der.sequence(POLICY, der.sequence(der.sequence(POLICY, TEXT))))),
    (POLICIES, der.sequence(der.sequence())),
    ("1.2.3", b""),
    ("1.2.3", b"\x30\x00\x00"),
    ("1.2.3", b"\x30\x80"),
    ("1.2.4", b"\x05\x00"),  # on no list
    ("1.3.6.1.4.1.311.25.2", b"\x05\x00"),  # whom Windows logs on
]


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> SignerHarness:
    folder = tmp_path_factory.mktemp("authority")
    (folder / "password").write_text("correct horse\n")
    (folder / "password").chmod(0o600)
    files = authority_files(folder)
    create_authority(files, "Example", NOW - 10 * DAY)
    return open_harness(files, other_extensions=[POLICIES, "1.2.3"])


def with_extension(issuer: x509.Certificate, oid: str, value: bytes) -> bytes:
    """A good leaf whose extension of this kind has this value."""
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    usual = {
        KEY_USAGE: extensions.key_usage(["digitalSignature"]),
        USAGES: extensions.extended_key_usage([extensions.SERVER_AUTH]),
        "": extensions.authority_key_identifier(identifier),
    }
    usual[oid] = extensions.Extension(oid, oid == KEY_USAGE, value)
    body = made.leaf(issuer)
    fields = der.split(der.content(body))
    return der.sequence(
        *fields[:-1], der.explicit(3, der.sequence(*[e.der for e in usual.values()]))
    )


@pytest.mark.parametrize(("oid", "value"), GOOD)
async def test_what_is_made_well_is_signed(harness: SignerHarness, oid: str, value: bytes) -> None:
    (answer,) = await harness.sign("SignCertificate", with_extension(harness.issuer, oid, value))
    assert answer.signature, answer.error


@pytest.mark.attack("X05")
@pytest.mark.parametrize(("oid", "value"), BAD)
async def test_what_is_odd_or_not_on_the_list_is_refused(
    harness: SignerHarness, oid: str, value: bytes
) -> None:
    (answer,) = await harness.sign("SignCertificate", with_extension(harness.issuer, oid, value))
    assert not answer.signature
    assert answer.error.type in {"forbidden", "malformed"}
    assert harness.audit.lines[-1]["outcome"] == "refused"


@pytest.mark.attack("X05")
@pytest.mark.parametrize("oid", extension_values.NEVER)
async def test_what_belongs_to_authorities_cannot_be_allowed(
    harness: SignerHarness, oid: str, files: AuthorityFiles
) -> None:
    (answer,) = await harness.sign(
        "SignCertificate", with_extension(harness.issuer, oid, b"\x30\x00")
    )
    assert "is not for certificates that services issue" in answer.error.cause
    key = {
        "name": "intermediate",
        "store": {"kind": "file", "path": files.intermediate_key},
        "certificate": files.intermediate_certificate,
    }
    for setting in ("other_extensions", "critical_extensions"):
        configured = {"keys": [key | {"certificates": {setting: [oid]}}]}
        with pytest.raises(ConfigError, match=f"no service's key signs .*{oid}"):
            validate(Config, configured, "signer.toml")


@pytest.mark.attack("X05")
async def test_a_key_for_every_extension_and_usage_makes_no_authority_and_no_responder(
    harness: SignerHarness,
) -> None:
    """``*`` is what a process with templates of administrators has."""
    harness = open_harness(harness.files, other_extensions=["*"], extended_key_usages=["*"])
    code = extensions.extended_key_usage([oids.CODE_SIGNING])
    for oid, value in (("1.2.4", b"\x05\x00"), (USAGES, code.value)):
        (answer,) = await harness.sign(
            "SignCertificate", with_extension(harness.issuer, oid, value)
        )
        assert answer.signature, answer.error
    never = [
        (USAGES, extensions.extended_key_usage([each]).value)
        for each in (extensions.OCSP_SIGNING, extensions.ANY_EXTENDED_KEY_USAGE)
    ]
    authority = [("2.5.29.19", b"\x30\x03\x01\x01\xff"), ("1.2.4", b"no DER")]
    forbidden = [(oid, b"\x30\x00") for oid in extension_values.NEVER]
    for oid, value in (*never, *authority, *forbidden):
        (answer,) = await harness.sign(
            "SignCertificate", with_extension(harness.issuer, oid, value)
        )
        assert not answer.signature, oid


def test_what_no_key_signs_no_profile_lets_callers_give() -> None:
    assert set(extension_values.NEVER) <= NEVER_FROM_CALLERS


def policy_of(harness: SignerHarness) -> CertificatePolicy:
    issuer = read_issuer(harness.files.intermediate_certificate.read_bytes())
    algorithm = keys.signature_algorithm(issuer.public_key)
    return CertificatePolicy(
        issuer,
        algorithm,
        CertificateRules(
            90 * DAY,
            DAY,
            frozenset({extensions.SERVER_AUTH}),
            other_extensions=frozenset({POLICIES}),
        ),
    )


def mutants() -> st.SearchStrategy[tuple[str, bytes]]:
    """The good values with a few octets lost, changed or put in."""

    def change_octets(
        case: tuple[str, bytes], at: int, lost: int, noise: bytes
    ) -> tuple[str, bytes]:
        oid, value = case
        at %= len(value)
        return oid, value[:at] + noise + value[at + lost :]

    octets = st.binary(max_size=3)
    return st.builds(
        change_octets, st.sampled_from(GOOD), st.integers(0, 99), st.integers(0, 3), octets
    )


@pytest.mark.attack("X05")
@settings(max_examples=1500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutants())
def test_what_is_signed_is_what_the_library_reads(
    harness: SignerHarness, case: tuple[str, bytes]
) -> None:
    body = with_extension(harness.issuer, *case)
    try:
        policy_of(harness).check(parse_certificate(body), NOW)
    except NewelError:
        return
    certificate = x509.load_der_x509_certificate(frame(body, harness))
    read = {each.oid.dotted_string: each.value for each in certificate.extensions}
    usage, usages = read[KEY_USAGE], read[USAGES]
    assert isinstance(usage, x509.KeyUsage)
    assert not usage.key_cert_sign
    assert not usage.crl_sign
    assert isinstance(usages, x509.ExtendedKeyUsage)
    assert {each.dotted_string for each in usages} == {extensions.SERVER_AUTH}
    names: Any = read.get(NAMES, ())
    kinds = (x509.DNSName, x509.IPAddress, x509.RFC822Name, x509.UniformResourceIdentifier)
    assert all(isinstance(name, kinds) for name in names)


def frame(body: bytes, harness: SignerHarness) -> bytes:
    algorithm = keys.signature_algorithm(harness.issuer.public_key())  # pyright: ignore[reportArgumentType]
    return assemble(body, algorithm, b"\x30\x06\x02\x01\x01\x02\x01\x01")


@pytest.mark.needs("openssl")
@pytest.mark.parametrize(("oid", "value"), GOOD)
def test_what_is_signed_is_what_openssl_reads(
    harness: SignerHarness, oid: str, value: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "leaf.der"
    path.write_bytes(frame(with_extension(harness.issuer, oid, value), harness))
    command = ["openssl", "x509", "-inform", "DER", "-in", path, "-noout", "-text"]
    text = subprocess.run(
        [*command, "-certopt", "ext_error"], check=True, capture_output=True, text=True
    ).stdout
    assert "Parse Error" not in text
    assert "CA:TRUE" not in text
    assert text.count("Not Supported") == (oid == STEP)


async def test_a_bad_statement_never_harms_its_batch(harness: SignerHarness) -> None:
    good = made.leaf(harness.issuer)
    fields = der.split(der.content(good))
    bad = {
        "version 10": der.sequence(der.explicit(0, der.integer(9)), *fields[1:]),
        "version 1": der.sequence(*fields[1:-1]),
        "version 2": der.sequence(der.explicit(0, der.integer(1)), *fields[1:]),
        "no extensions": der.sequence(*fields[:-1]),
        "unique identifiers": der.sequence(*fields[:-1], b"\x81\x02\x00\x01", fields[-1]),
        "an extension twice": der.sequence(
            *fields[:-1], der.explicit(3, der.sequence(*[extensions.ocsp_no_check().der] * 2))
        ),
        "no fields": der.sequence(),
        "a key of no kind": der.sequence(*fields[:-2], der.sequence(), fields[-1]),
    }
    before = len(harness.audit.lines)
    answers = await harness.sign("SignCertificate", good, *bad.values(), good)
    assert [bool(answer.signature) for answer in answers] == [True, *[False] * len(bad), True]
    outcomes = [line["outcome"] for line in harness.audit.lines[before:]]
    assert outcomes == ["granted", *["refused"] * len(bad), "granted"]
    labels = {"key": "intermediate", "statement": "certificate", "outcome": "malformed"}
    assert harness.registry.get_sample_value("newel_signer_statements_total", labels)


@pytest.mark.parametrize("error", [RuntimeError("what?"), RecursionError(), KeyError(7)])
async def test_an_error_nobody_thought_of_is_refused_alone_and_audited(
    harness: SignerHarness, error: Exception
) -> None:
    def parse(body: bytes) -> CertificateStatement:
        if body == b"odd":
            raise error
        return parse_certificate(body)

    audit, clock = Lines(), ManualClock(NOW)
    config = Config.model_validate(harness_settings(harness.files)).keys[0]
    role = make_role(config, clock, Metrics(CollectorRegistry()))
    rule = role.rules[Kind.CERTIFICATE]
    odd = Role("odd", role.key, {Kind.CERTIFICATE: Rule(parse, rule.check)})
    signer = Signer([odd], clock, audit, Metrics(CollectorRegistry()))
    bodies = (made.leaf(harness.issuer), b"odd", made.leaf(harness.issuer))
    answers = await signer.sign(Kind.CERTIFICATE, [Request("odd", body) for body in bodies], "me")
    assert [bool(answer.signature) for answer in answers] == [True, False, True]
    assert [line["outcome"] for line in audit.lines] == ["granted", "refused", "granted"]
    assert type(error).__name__ in audit.lines[1]["cause"]


SUBJECTS: list[tuple[list[tuple[str, bytes]], bool]] = [
    ([("2.5.4.3", der.tlv(0x0C, b"a.example.com"))], True),
    ([("2.5.4.3", der.tlv(0x0C, b"A.EXAMPLE.COM."))], True),
    ([("2.5.4.3", der.tlv(0x0C, b"*.mail.example.com"))], True),
    ([("2.5.4.3", der.tlv(0x0C, b"*.example.com"))], False),
    ([("2.5.4.3", der.tlv(0x0C, b"J. Smith"))], True),
    ([("2.5.4.3", der.tlv(0x0C, b"printer"))], True),
    ([("2.5.4.3", der.tlv(0x0C, b"10.0.0.1"))], True),
    ([("2.5.4.3", der.tlv(0x0C, b"me@example.com"))], True),
    ([("2.5.4.10", der.tlv(0x0C, b"evil.com"))], True),
    ([], True),
    ([("2.5.4.3", der.tlv(0x0C, b"evil.com"))], False),
    ([("2.5.4.3", der.tlv(0x1E, "evil.com".encode("utf-16-be")))], False),
    (
        [("2.5.4.3", der.tlv(0x0C, b"a.example.com")), ("2.5.4.3", der.tlv(0x0C, b"evil.com"))],
        False,
    ),
    ([("2.5.4.3", der.tlv(0x0C, b"evil.com."))], False),
    ([("2.5.4.3", der.tlv(0x0C, b" evil.com "))], False),
    ([("2.5.4.3", der.tlv(0x0C, b"evil.com\0.example.com"))], False),
    ([("2.5.4.3", der.tlv(0x0C, b"evil.com\0 x"))], False),
    ([("2.5.4.3", der.tlv(0x0C, b"e..vil.com"))], False),
    ([("2.5.4.3", der.tlv(0x0C, b"x.secret.example.com"))], False),
    ([("2.5.4.3", der.tlv(0x0C, b"192.168.0.1"))], False),
    ([("2.5.4.3", der.tlv(0x0C, b"https://a.example.com/"))], False),
    ([("2.5.4.3", der.tlv(0x0C, b"me@evil.com"))], False),
    ([("2.5.4.3", b"\x04\x01x")], False),
    ([("1.2.840.113549.1.9.1", der.tlv(0x16, b"me@example.com"))], True),
    ([("1.2.840.113549.1.9.1", der.tlv(0x16, b"me@evil.com"))], False),
    ([("1.2.840.113549.1.9.1", der.tlv(0x16, b"someone"))], False),
    ([("0.9.2342.19200300.100.1.3", der.tlv(0x16, b"me@evil.com"))], False),
    ([("1.2.840.113549.1.9.2", der.tlv(0x16, b"router.evil.com"))], False),
    ([("1.2.840.113549.1.9.8", der.tlv(0x13, b"192.168.0.1"))], False),
]


@pytest.mark.attack("X02")
@pytest.mark.parametrize(("attributes", "allowed"), SUBJECTS)
@pytest.mark.parametrize("with_names", [False, True])
async def test_bounds_hold_for_the_names_in_the_subject(
    harness: SignerHarness, attributes: list[tuple[str, bytes]], allowed: bool, with_names: bool
) -> None:
    bounded = open_harness(
        harness.files,
        permitted_names=["dns:example.com", "email:example.com", "ip:10.0.0.0/8"],
        excluded_names=["dns:secret.example.com"],
    )
    value = der.sequence(der.tlv(0x82, b"a.example.com"))
    oid = NAMES if with_names else KEY_IDENTIFIER
    body = with_extension(harness.issuer, oid, value if with_names else der.octet_string(b"x" * 20))
    fields = der.split(der.content(body))
    fields[5] = der.sequence(
        *[der.tlv(der.SET, der.sequence(der.oid(kind), text)) for kind, text in attributes]
    )
    (answer,) = await bounded.sign("SignCertificate", der.sequence(*fields))
    assert bool(answer.signature) == allowed, answer.error


UNREADABLE: dict[str, tuple[int, bytes]] = {
    "a subject that is not UTF-8": (5, der.tlv(0x0C, b"\xff\xfe")),
    "a subject that is no text": (5, b"\x04\x01x"),
    "a subject with a NUL": (5, der.tlv(0x0C, b"good.example\0.evil.com")),
    "a long subject with a NUL": (5, der.tlv(0x0C, b"a" * 200 + b"\0")),
    "an empty common name": (5, der.tlv(0x0C, b"")),
    "a relative name of nothing": (5, b""),
    "a key of no kind": (6, der.sequence(der.sequence(der.oid("1.2.3")), b"\x03\x02\x00\x01")),
    "a key that is none": (
        6,
        der.sequence(der.sequence(der.oid("1.2.840.10045.2.1")), b"\x03\x01\x00"),
    ),
}


@pytest.mark.attack("X05")
@pytest.mark.parametrize("case", UNREADABLE)
async def test_subjects_and_keys_that_nobody_can_read_are_not_signed(
    harness: SignerHarness, case: str
) -> None:
    field, value = UNREADABLE[case]
    body = with_extension(harness.issuer, KEY_IDENTIFIER, der.octet_string(b"x" * 20))
    fields = der.split(der.content(body))
    if field == 5:
        attribute = der.sequence(der.oid("2.5.4.3"), value) if value else b""
        value = der.sequence(der.tlv(der.SET, attribute))
    fields[field] = value
    (answer,) = await harness.sign("SignCertificate", der.sequence(*fields))
    assert not answer.signature
    assert answer.error.type in {"forbidden", "malformed"}


@pytest.mark.attack("X05")
async def test_a_key_off_its_curve_is_not_certified(harness: SignerHarness) -> None:
    body = with_extension(harness.issuer, KEY_IDENTIFIER, der.octet_string(b"x" * 20))
    fields = der.split(der.content(body))
    fields[6] = fields[6][:-1] + bytes([fields[6][-1] ^ 1])
    (answer,) = await harness.sign("SignCertificate", der.sequence(*fields))
    assert not answer.signature
