"""Identity documents of EC2: which signatures count, in which form, and what malformed ones do."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.authority import EPOCH
from fixtures.instances import (
    ACCOUNT,
    ADDRESS,
    INSTANCE,
    PRIVATE_NAME,
    REGION,
    certify,
    make_document,
    sign_bare,
    sign_data,
    to_indefinite,
)
from newel.registration.provisioners.aws.document_keys import (
    DocumentKeys,
    published_keys,
    read_keys,
)
from newel.registration.provisioners.aws.documents import (
    MAX_DOCUMENT,
    InvalidDocumentError,
    verify_document,
)

SMALL = rsa.generate_private_key(65537, 1024)  # noqa: S505 - the size of AWS
LARGE = rsa.generate_private_key(65537, 2048)
STRANGER = rsa.generate_private_key(65537, 2048)
KEYS = DocumentKeys({REGION: [SMALL.public_key(), LARGE.public_key()]})
DOCUMENT = make_document()
FORMS = {
    "bare": sign_bare(SMALL, DOCUMENT),
    "bare of 2048 bits": sign_bare(LARGE, DOCUMENT),
    "signed data": sign_data(DOCUMENT, LARGE),
    "signed data with indefinite lengths": to_indefinite(sign_data(DOCUMENT, LARGE)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_document_is_proved_by_every_form_of_signature(form: str) -> None:
    proved = verify_document(DOCUMENT, FORMS[form], KEYS)
    assert proved == (ACCOUNT, INSTANCE, ADDRESS, REGION, EPOCH)
    assert proved.private_name == PRIVATE_NAME


@pytest.mark.attack("T12")
@pytest.mark.parametrize("form", FORMS)
def test_t12_an_altered_document_is_refused(form: str) -> None:
    with pytest.raises(InvalidDocumentError):
        verify_document(make_document(accountId="999999999999"), FORMS[form], KEYS)


@pytest.mark.attack("T12")
def test_t12_a_key_speaks_for_its_own_region_only() -> None:
    keys = DocumentKeys({REGION: [SMALL.public_key()], "us-gov-west-1": [STRANGER.public_key()]})
    with pytest.raises(InvalidDocumentError, match="no key of its region"):
        verify_document(DOCUMENT, sign_bare(STRANGER, DOCUMENT), keys)
    elsewhere = make_document(region="xx-new-1")
    with pytest.raises(InvalidDocumentError, match=r"no key of AWS for the region 'xx-new-1'"):
        verify_document(elsewhere, sign_bare(SMALL, elsewhere), keys)


@pytest.mark.attack("T12")
@pytest.mark.parametrize(
    ("signature", "problem"),
    [
        (sign_data(DOCUMENT, LARGE, STRANGER), "2 signers where one"),
        (sign_data(DOCUMENT, STRANGER, LARGE), "2 signers where one"),
        (sign_data(DOCUMENT, STRANGER), "no key of its region"),
        (sign_data(make_document(instanceId="i-other"), LARGE), "holds another document"),
        (sign_data(DOCUMENT, LARGE, digest=hashes.SHA384()), "not SHA-256"),
        (b"", "not CMS signed data"),
        (b"\x30\x03\x06\x01\x2a", "not CMS signed data"),
        (b"\x30\x80" * 40, "recursion limit"),
        (FORMS["signed data"] + b"\0", "trailing data"),
    ],
)
def test_t12_signed_data_that_proves_nothing(signature: bytes, problem: str) -> None:
    with pytest.raises(InvalidDocumentError, match=problem):
        verify_document(DOCUMENT, signature, KEYS)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (b"{", "cannot be read"),
        (b"[]", "cannot be read"),
        (b"[" * 10_000, "cannot be read"),
        (make_document(accountId=""), "account_id"),
        (make_document(instanceId=""), "instance_id"),
        (make_document(instanceId="i" * 65), "instance_id"),
        (make_document(privateIp=""), "private_ip"),
        (make_document(region=""), "region"),
        (make_document(pendingTime="yesterday"), "pendingTime"),
        (make_document(more="x" * MAX_DOCUMENT), "too long"),
    ],
)
def test_signed_documents_that_name_no_instance(document: bytes, problem: str) -> None:
    with pytest.raises(InvalidDocumentError, match=problem):
        verify_document(document, sign_bare(SMALL, document), KEYS)


def test_a_document_need_not_say_when_the_instance_was_launched() -> None:
    document = make_document(pendingTime=None)
    assert verify_document(document, sign_bare(SMALL, document), KEYS).pending_time is None


@settings(deadline=None)  # the first one loads the reader of CMS
@given(st.data())
def test_mutated_signed_data_is_refused_or_proves_the_same(data: st.DataObject) -> None:
    """One octet changed, removed or repeated anywhere: no other error, and never another document."""
    original = FORMS["signed data with indefinite lengths"]
    at = data.draw(st.integers(0, len(original) - 1))
    piece = data.draw(st.binary(max_size=3))
    mutated = original[:at] + piece + original[at + data.draw(st.integers(0, 2)) :]
    try:
        proved = verify_document(DOCUMENT, mutated, KEYS)
    except InvalidDocumentError:
        return
    assert proved.instance_id == INSTANCE


@settings(deadline=None)
@given(st.binary(max_size=400), st.binary(max_size=400))
def test_arbitrary_octets_prove_nothing(document: bytes, signature: bytes) -> None:
    with pytest.raises(InvalidDocumentError):
        verify_document(document, signature, KEYS)


def test_the_published_keys_are_of_both_sizes_and_no_key_stands_for_two_partitions() -> None:
    keys = published_keys()
    assert [key.key_size for key in keys.find("eu-central-1")] == [1024, 2048]
    assert keys.find("xx-new-1") == ()
    china = {key.public_numbers().n for key in keys.find("cn-north-1")}
    assert china.isdisjoint(key.public_numbers().n for key in keys.find("us-east-1"))
    with pytest.raises(InvalidDocumentError, match="no key of its region"):
        verify_document(DOCUMENT, sign_bare(SMALL, DOCUMENT), keys)


def write_certificates(folder: Path, *keys: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    file = folder / "iid.pem"
    file.write_bytes(b"".join(certify(key).public_bytes(Encoding.PEM) for key in keys))
    return str(file)


def test_an_operators_file_of_certificates_stands_for_every_region(tmp_path: Path) -> None:
    document = make_document(region="local-1")
    keys = read_keys(write_certificates(tmp_path, SMALL, LARGE))
    assert verify_document(document, sign_bare(SMALL, document), keys).region == "local-1"
    assert verify_document(document, sign_data(document, LARGE), keys).region == "local-1"


def test_a_file_without_usable_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file"):
        read_keys(str(tmp_path / "none.pem"))
    with pytest.raises(ValueError, match="not RSA"):
        read_keys(write_certificates(tmp_path, SMALL, ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(ValueError, match="more than 128"):
        read_keys(write_certificates(tmp_path, *[SMALL] * 129))
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    with pytest.raises(ValueError, match="holds no certificates"):
        read_keys(str(text))
    text.write_bytes(b"x" * (1 << 21))
    with pytest.raises(ValueError, match="longer than"):
        read_keys(str(text))
