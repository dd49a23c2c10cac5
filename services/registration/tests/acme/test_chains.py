"""The chains that clients choose from (RFC 8555 §7.4.2)."""

import datetime as dt
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from fixtures.acme_account import make_csr
from fixtures.acme_harness import ACMEHarness, make_harness
from fixtures.authority import EPOCH
from fixtures.small_issuing import SmallIssuing
from newel.registration.acme.chains import read_alternates
from newel.runtime.config import ConfigError

Key = ec.EllipticCurvePrivateKey


def make_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def certify(
    name: str, key: Key, issuer: str, signer: Key, *, days: int = 20, ca: bool = True
) -> str:
    """Return a certificate as PEM."""

    def read(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(read(name))
        .issuer_name(read(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(EPOCH - dt.timedelta(days=1))
        .not_valid_after(EPOCH + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def write_chain(folder: Path, key: Key, *, name: str = "Small CA", days: int = 20) -> Path:
    """Write the certificate that another root gave the issuer, and that root."""
    other, file = make_key(), folder / "other.pem"
    root = certify("Other Root", other, "Other Root", other)
    file.write_text(certify(name, key, "Other Root", other, days=days) + root)
    return file


async def issue(harness: ACMEHarness) -> tuple[list[str], list[bytes]]:
    """Return the URLs of an order's chains, as its links name them, and what each answers."""
    client = await harness.register_client()
    order = await harness.ready(client, "a.example")
    done = await client.post(order["finalize"], {"csr": make_csr("a.example")})
    urls = [done["certificate"]]
    first = await client.post(urls[0])
    urls += first.links("alternate")
    replies = [first, *[await client.post(each) for each in urls[1:]]]
    for reply, own in zip(replies, urls, strict=True):
        assert reply.status == 200
        assert reply.links("alternate") == [each for each in urls if each != own]
    assert (await client.post(f"{urls[0]}/{len(urls)}")).status == 404
    for odd in ("", "0", "1", "x", "01", "-1", "²"):
        assert (await client.post(f"{urls[0]}/{odd}")).status in {400, 401, 404}
    stranger = await harness.register_client()
    assert {(await stranger.post(each)).status for each in urls} == {404}
    return urls, [reply.body for reply in replies]


async def test_a_certificate_is_offered_with_each_chain_of_its_issuer(tmp_path: Path) -> None:
    key = make_key()
    async with make_harness(
        f"sqlite:///{tmp_path}/registration.db",
        issuing_type=partial(SmallIssuing, key=key),
        alternate_chains=(write_chain(tmp_path, key),),
    ) as harness:
        urls, bodies = await issue(harness)
        assert len(urls) == 2
        own, other = map(x509.load_pem_x509_certificates, bodies)
        assert own[0] == other[0]
        assert own[1].subject == other[1].subject
        assert other[1].issuer.rfc4514_string() == "CN=Other Root"
        for chain in (own, other):
            chain[0].verify_directly_issued_by(chain[1])
        assert len(other) == 2  # without the root
        harness.clock.advance(dt.timedelta(days=20))
        urls, _ = await issue(harness)
        assert len(urls) == 1  # the other has expired


async def test_the_url_of_a_chain_stays_when_another_is_added_before_it(tmp_path: Path) -> None:
    key = make_key()
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    files = write_chain(first, key), write_chain(second, key)
    found: list[list[str]] = []
    for number, chosen in enumerate(((files[0],), (files[1], files[0]))):
        async with make_harness(
            f"sqlite:///{tmp_path}/registration{number}.db",
            issuing_type=partial(SmallIssuing, key=key),
            alternate_chains=chosen,
        ) as harness:
            urls, _ = await issue(harness)
            found.append([each.rpartition("/")[2] for each in urls[1:]])
    assert len(set(found[1])) == 2
    assert found[1][1:] == found[0]


async def test_a_chain_of_another_key_is_never_offered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with make_harness(
        f"sqlite:///{tmp_path}/registration.db",
        alternate_chains=(write_chain(tmp_path, make_key()),),
    ) as harness:
        urls, _ = await issue(harness)
        assert len(urls) == 1
    assert "no issuer has the name and key of CN=Small CA" in caplog.text


def test_a_file_without_a_chain_and_its_root_is_refused(tmp_path: Path) -> None:
    key, other, file = make_key(), make_key(), tmp_path / "chain.pem"
    issuer = certify("Small CA", key, "Other Root", other)
    root = certify("Other Root", other, "Other Root", other)
    leaf = certify("Small CA", key, "Other Root", other, ca=False)
    stranger = certify("Stranger", key, "Elsewhere", key)
    cases = {
        "": "neither PEM nor DER",
        issuer: "was not issued by any of the roots",
        leaf + root: "is not a CA's certificate",
        issuer + stranger + root: "",  # which of them it is of cannot be told
    }
    for text, why in cases.items():
        file.write_text(text)
        with pytest.raises(ConfigError, match=f"alternate_chains: .*chain.pem: .*{why}"):
            read_alternates([file])
    with pytest.raises(ConfigError, match="no such file"):
        read_alternates([tmp_path / "missing.pem"])
