"""An authority that another program made issues here, or is refused in one line that says why."""

import itertools
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from prometheus_client import CollectorRegistry

from fixtures.authority import EPOCH, KEY, CertificateAuthority
from fixtures.foreign_authorities import (
    CA,
    DAY,
    Extensions,
    ForeignAuthority,
    make,
    make_name,
    usage,
)
from fixtures.issuing import open_harness
from newel.crypto import pem
from newel.issuing.config import IssuerConfig
from newel.issuing.issuer_files import UnusableIssuerError
from newel.issuing.issuer_watch import IssuerWatch
from newel.issuing.issuers import Issuer, Issuers, read_issuer
from newel.issuing.metrics import Metrics
from newel.runtime.clock import ManualClock

BEGIN = EPOCH - DAY


def root(**given: Any) -> ForeignAuthority:
    return make(given.pop("subject", make_name("Root")), begin=given.pop("begin", BEGIN), **given)


def below(issuer: ForeignAuthority, **given: Any) -> ForeignAuthority:
    subject = given.pop("subject", make_name("Intermediate"))
    return make(subject, issuer, begin=given.pop("begin", BEGIN), **given)


def read(folder: Path, chain: bytes, roots: bytes) -> Issuer:
    chain_file, root_file = folder / "chain.crt", folder / "root.crt"
    chain_file.write_bytes(chain)
    root_file.write_bytes(roots)
    return read_issuer(IssuerConfig(key=KEY, certificate_file=chain_file, root_file=root_file))


async def issue(folder: Path, own: ForeignAuthority, top: ForeignAuthority) -> x509.Certificate:
    """A leaf of this authority, by the whole service."""
    chain_file, root_file = folder / "chain.crt", folder / "root.crt"
    chain_file.write_bytes(own.pem)
    root_file.write_bytes(top.pem)
    authority = CertificateAuthority(
        top.certificate, own.certificate, own.key, root_file, chain_file, top.key
    )
    harness = await open_harness(f"sqlite:///{folder}/issuing.db", authority)
    try:
        leaf = x509.load_der_x509_certificate((await harness.one()).der)
    finally:
        await harness.database.close()
    leaf.verify_directly_issued_by(own.certificate)
    return leaf


KEY_ID = x509.SubjectKeyIdentifier(b"by another method, of another length")
SHAPES: dict[str, tuple[Extensions, Extensions]] = {
    "no key usage": (((CA, True),), ((CA, True),)),
    "key usage not critical": (((CA, True), (usage(), False)), ((CA, False), (usage(), False))),
    "no CRLs": (((CA, True),), ((CA, True), (usage(lists=False), True))),
    "key identifier of its own": (((CA, True),), ((CA, True), (KEY_ID, False))),
    "path length": (
        ((x509.BasicConstraints(ca=True, path_length=1), True),),
        ((x509.BasicConstraints(ca=True, path_length=0), True),),
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ["P-384", "RSA-2048", "Ed25519"])
async def test_an_authority_of_any_shape_and_key_issues(
    tmp_path: Path, shape: str, kind: str
) -> None:
    top = root(kind=kind, extensions=SHAPES[shape][0])
    own = below(top, kind=kind, extensions=SHAPES[shape][1])
    leaf = await issue(tmp_path, own, top)
    identifier = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    if shape == "key identifier of its own":
        assert identifier.key_identifier == KEY_ID.digest
    points = [e for e in leaf.extensions if isinstance(e.value, x509.CRLDistributionPoints)]
    assert bool(points) == (shape != "no CRLs")  # a pointer to a list that cannot be signed


@pytest.mark.parametrize(
    "subject",
    [
        make_name("x" * 200, "y" * 200),
        make_name("Z\u00fcrcher Zertifizierungsstelle \U0001f512"),
        make_name("", "An organization alone"),
        x509.Name([]),
    ],
    ids=["long", "not ASCII", "no common name", "empty"],
)
async def test_an_authority_of_any_name_issues(tmp_path: Path, subject: x509.Name) -> None:
    top = root(subject=make_name("r" * 100))
    own = below(top, subject=subject)
    if subject == x509.Name([]):
        with pytest.raises(UnusableIssuerError, match="has no name"):
            await issue(tmp_path, own, top)
        return
    assert (await issue(tmp_path, own, top)).issuer == subject


def test_files_may_be_in_any_order_with_roots_among_them_and_text_around(tmp_path: Path) -> None:
    top, other = root(), root(subject=make_name("Other"))
    middle = below(top, subject=make_name("Middle"))
    own = below(middle)
    for chain in itertools.permutations([own.pem, middle.pem, top.pem]):
        found = read(tmp_path, b"text\n".join(chain), other.pem + top.pem)
        assert found.chain == (own.der, middle.der)
        assert found.root == top.der
    assert read(tmp_path, own.der + middle.der, top.der).chain == (own.der, middle.der)


def test_a_root_certified_by_another_leads_to_the_older_one(tmp_path: Path) -> None:
    old, new = root(subject=make_name("Old")), root(subject=make_name("New"))
    crossed = make(new.certificate.subject, old, begin=BEGIN, key=new.key)
    own = below(new)
    found = read(tmp_path, own.pem + crossed.pem, new.pem + old.pem)
    assert (found.chain, found.root) == ((own.der, crossed.der), old.der)
    assert read(tmp_path, own.pem, new.pem + old.pem).root == new.der


def test_what_belongs_to_no_chain_is_left_out_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    top, own = (made := root()), below(made)
    stranger = below(root(subject=make_name("Other")), subject=make_name("Stranger"))
    found = read(tmp_path, own.pem + stranger.pem, top.pem)
    assert found.chain == (own.der,)
    assert "CN=Stranger does not belong to the issuer's chain and is ignored" in caplog.text


@pytest.mark.needs("openssl")
def test_a_root_of_version_1_signed_with_sha_1_is_trusted_as_it_is(tmp_path: Path) -> None:
    def openssl(*arguments: str, extra: str = "") -> None:
        (tmp_path / "ext").write_text(extra)
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    for name in ("root", "own"):
        new = ("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}")
        openssl(*new, "-keyout", f"{name}.key", "-out", f"{name}.csr")
    signing = ("x509", "-req", "-days", "9000")
    openssl(*signing, "-sha1", "-in", "root.csr", "-signkey", "root.key", "-out", "root.crt")
    by_root = ("-in", "own.csr", "-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial")
    extra = "basicConstraints=critical,CA:TRUE\n"
    openssl(*signing, *by_root, "-extfile", "ext", "-out", "own.crt", extra=extra)
    chain, top = ((tmp_path / f"{name}.crt").read_bytes() for name in ("own", "root"))
    assert x509.load_pem_x509_certificate(top).version is x509.Version.v1
    assert read(tmp_path, chain, top).root == pem.decode_all(top)[0]
    openssl(*signing, "-sha1", *by_root, "-extfile", "ext", "-out", "own.crt", extra=extra)
    with pytest.raises(UnusableIssuerError, match="not accepted any more, like SHA-1"):
        read(tmp_path, (tmp_path / "own.crt").read_bytes(), top)


def cases() -> dict[str, tuple[bytes, bytes, str]]:
    """What cannot issue: the chain, the roots, and what is said."""
    top = root()
    own = below(top)
    usual: Extensions = ((CA, True), (usage(certificates=False), True))
    limited = root(extensions=((x509.BasicConstraints(ca=True, path_length=0), True),))
    middle = below(limited, subject=make_name("Middle"))
    impostor = root()  # of the same name, with another key
    return {
        "a root itself": (top.pem, top.pem, "CN=Root is a root, and no service issues with"),
        "an intermediate as root": (
            below(own, subject=make_name("Low")).pem,
            own.pem,
            "CN=Intermediate is not a root",
        ),
        "a leaf": (below(top, extensions=()).pem, top.pem, "CN=Intermediate is not a CA's"),
        "a key that may not": (below(top, extensions=usual).pem, top.pem, "may not sign cert"),
        "a root that may not": (
            below(r := root(extensions=usual)).pem,
            r.pem,
            "CN=Root may not sign certificates",
        ),
        "too long a path": (below(middle).pem + middle.pem, limited.pem, "path length of CN=Root"),
        "another's": (
            own.pem,
            root(subject=make_name("Other")).pem,
            "not issued by any of the roots",
        ),
        "an impostor's": (own.pem, impostor.pem, "not issued by the certificate it names"),
        "a key alone": (pem.encode(b"\x30\x00", "PRIVATE KEY"), top.pem, "no certificate, but"),
        "nothing": (own.pem, b"", "neither PEM nor DER"),
    }


@pytest.mark.attack("X03")
@pytest.mark.parametrize("case", list(cases()))
def test_what_cannot_issue_is_refused_with_its_reason(tmp_path: Path, case: str) -> None:
    chain, roots, why = cases()[case]
    with pytest.raises(UnusableIssuerError, match=why) as refusal:
        read(tmp_path, chain, roots)
    assert str(refusal.value).startswith(str(tmp_path))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("root_life", "life", "which"),
    [(400, 1, "CN=Intermediate"), (1, 400, "CN=Root")],
)
async def test_an_authority_that_is_over_does_not_start_and_says_so_in_one_line(
    tmp_path: Path, root_life: int, life: int, which: str
) -> None:
    top = root(begin=EPOCH - 3 * DAY, life=root_life * DAY)
    own = below(top, begin=EPOCH - 3 * DAY, life=life * DAY)
    with pytest.raises(UnusableIssuerError) as refusal:
        await issue(tmp_path, own, top)
    assert f"2026-11-19 12:00 UTC, when the certificate of {which} expires" in str(refusal.value)
    assert "make a new intermediate (docs/runbooks/key-ceremony.md)" in str(refusal.value)


@pytest.mark.parametrize(
    ("life", "left", "warned"),
    [(1000, 89, True), (1000, 91, False), (30, 9, True), (30, 11, False)],
)
async def test_the_end_of_an_authority_is_warned_of_long_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, life: int, left: int, warned: bool
) -> None:
    top = root(begin=EPOCH - 2000 * DAY, life=9000 * DAY)
    own = below(top, begin=EPOCH - (life - left) * DAY, life=life * DAY)
    issuers = Issuers([read(tmp_path, own.pem, top.pem)])
    registry = CollectorRegistry()
    watch = IssuerWatch(issuers, ManualClock(EPOCH), Metrics(registry))
    watch.require_one()
    await watch.run()
    assert ("expire no later than that; make a new intermediate" in caplog.text) == warned
    (issuer,) = issuers.all()
    shown = registry.get_sample_value(
        "newel_issuing_issuer_not_after_seconds", {"issuer": issuer.id}
    )
    assert shown == (EPOCH + left * DAY).timestamp()
