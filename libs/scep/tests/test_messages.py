"""Messages of RFC 8894, made by a real client's key, read, answered, and mutated."""

import contextlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.scep_client import SCEPClient, envelope, read_answer, request_of, rsa_key, self_signed
from newel.crypto import der
from newel.scep import cms, constants, envelopes, requests, responses, signing
from newel.scep.constants import FailInfo, MessageError, RefusedError
from newel.scep.signing import Signer

AUTHORITY = Signer(self_signed(KEY := rsa_key(), "authority", serial=77), KEY)
CLIENT = SCEPClient()
MESSAGE = CLIENT.message(b"the content", AUTHORITY.certificate)


def decrypt_message(data: bytes, *, allow_weak: bool = False) -> bytes:
    verified = requests.verify(requests.read(data))
    return envelopes.decrypt(verified.envelope, AUTHORITY.id, AUTHORITY.key, allow_weak=allow_weak)


def read_refusal(data: bytes) -> RefusedError:
    with pytest.raises(RefusedError) as found:
        decrypt_message(data)
    return found.value


def test_a_message_is_read_verified_and_decrypted() -> None:
    request = requests.read(MESSAGE)
    assert (request.message_type, request.transaction_id) == (19, CLIENT.transaction)
    assert request.sender_nonce == CLIENT.nonce
    verified = requests.verify(request)
    assert verified.signer == CLIENT.signer.certificate
    assert decrypt_message(MESSAGE) == b"the content"


@pytest.mark.parametrize("cipher", ["aes128", "aes256", "des3"])
@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
def test_every_accepted_cipher_and_digest_is_read(cipher: str, digest: str) -> None:
    data = CLIENT.message(b"octets", AUTHORITY.certificate, cipher=cipher, digest=digest)
    assert decrypt_message(data) == b"octets"


def test_des_is_refused_unless_it_is_allowed() -> None:
    data = CLIENT.message(b"octets", AUTHORITY.certificate, cipher="des")
    assert read_refusal(data).fail_info is FailInfo.BAD_ALG
    assert decrypt_message(data, allow_weak=True) == b"octets"


def test_a_digest_that_is_not_known_is_refused() -> None:
    sha256 = bytes.fromhex("0609608648016503040201")
    md5 = bytes.fromhex("0609608648016503040209")  # of the same length, and none that is known
    assert read_refusal(MESSAGE.replace(sha256, md5)).fail_info is FailInfo.BAD_ALG


@pytest.mark.parametrize(
    "oid", [constants.MESSAGE_TYPE, constants.TRANSACTION_ID, constants.SENDER_NONCE]
)
def test_an_attribute_that_is_missing_or_there_twice_is_no_message(oid: str) -> None:
    lacking = CLIENT.message(b"", AUTHORITY.certificate, without=(oid,))
    with pytest.raises(MessageError, match="missing"):
        requests.read(lacking)
    again = signing.attribute(oid, signing.printable("19"))
    with pytest.raises(MessageError, match="more than once"):
        requests.read(CLIENT.message(b"", AUTHORITY.certificate, more=(again,)))


def test_a_signature_by_another_key_is_refused() -> None:
    other = SCEPClient(certificate=CLIENT.signer.certificate)  # the certificate without its key
    found = read_refusal(other.message(b"octets", AUTHORITY.certificate))
    assert (found.fail_info, found.detail) == (
        FailInfo.BAD_MESSAGE_CHECK,
        "the signature does not verify",
    )


def test_a_content_that_was_exchanged_is_refused() -> None:
    signed = cms.read_signed_data(MESSAGE)
    other = envelope(b"another one", AUTHORITY.certificate)
    assert len(other) == len(signed.content)
    found = read_refusal(MESSAGE.replace(signed.content, other))
    assert found.detail == "the content is not what was signed"


def test_a_message_to_another_recipient_is_refused() -> None:
    key = rsa_key()
    found = read_refusal(CLIENT.message(b"octets", self_signed(key, "another authority")))
    assert found.fail_info is FailInfo.BAD_MESSAGE_CHECK


def test_a_padding_and_a_key_that_are_wrong_are_answered_alike() -> None:
    sealed = cms.read_envelope(envelope(b"octets", AUTHORITY.certificate))
    wrong_key = sealed._replace(recipients={AUTHORITY.id: b"\1" * 256})
    cut = sealed._replace(encrypted=sealed.encrypted[:-1])
    for each in (wrong_key, cut):
        with pytest.raises(RefusedError) as found:
            for _ in range(64):  # a random key yields good padding once in 256 times
                envelopes.decrypt(each, AUTHORITY.id, AUTHORITY.key)
        assert found.value.detail == envelopes.UNREADABLE


def test_a_signer_without_an_rsa_key_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    client = SCEPClient(certificate=self_signed(key))
    assert read_refusal(client.message(b"", AUTHORITY.certificate)).fail_info is FailInfo.BAD_ALG


def test_a_message_that_is_too_long_is_not_read() -> None:
    with pytest.raises(MessageError, match="longer"):
        requests.read(bytes(constants.MAX_MESSAGE + 1))


def test_success_carries_the_certificate_to_the_signer_alone() -> None:
    issued = self_signed(rsa_key(), "issued")
    verified = requests.verify(requests.read(MESSAGE))
    octets = responses.success(
        verified, der.only(issued.public_bytes(Encoding.DER)).raw, AUTHORITY, envelopes.AES_256
    )
    answer = read_answer(octets, CLIENT, AUTHORITY.certificate)
    assert (answer.status, answer.certificates) == (0, [issued])
    assert (answer.transaction, answer.recipient_nonce) == (CLIENT.transaction, CLIENT.nonce)


def test_failure_says_why_in_a_signed_answer() -> None:
    octets = responses.failure(
        requests.read(MESSAGE), AUTHORITY, FailInfo.BAD_REQUEST, "the challenge is wrong"
    )
    answer = read_answer(octets, CLIENT, AUTHORITY.certificate)
    assert (answer.status, answer.fail_info) == (2, 2)
    assert (answer.text, answer.certificates) == ("the challenge is wrong", [])


def test_certificates_only_keeps_the_order() -> None:
    listed = [self_signed(rsa_key(), name) for name in ("b", "a")]
    octets = responses.certificates_only([each.public_bytes(Encoding.DER) for each in listed])
    first, second = (octets.index(each.public_bytes(Encoding.DER)) for each in listed)
    assert first < second


@pytest.mark.parametrize("challenge", [None, "", "s3cret", "pässwort"])
def test_the_challenge_password_is_read(challenge: str | None) -> None:
    assert requests.challenge_password(request_of(CLIENT.key, challenge=challenge)) == challenge


def try_everything(data: bytes) -> None:
    """Read, verify, decrypt: whatever the octets are, nothing but the two errors may come of it."""
    with contextlib.suppress(MessageError, RefusedError, der.DERError):
        requests.challenge_password(decrypt_message(data))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_octets_of_any_kind_are_refused(data: bytes) -> None:
    try_everything(data)


CHANGES = st.tuples(
    st.integers(0, len(MESSAGE) - 1),
    st.sampled_from(("flip", "put", "cut", "repeat")),
    st.integers(1, 40),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=4))
def test_mutated_messages_are_refused(changes: list[tuple[int, str, int]]) -> None:
    octets = bytearray(MESSAGE)
    for place, change, amount in changes:
        at = min(place, len(octets) - 1)
        match change:
            case "flip":
                octets[at] ^= 1 << amount % 8
            case "put":
                octets[at] = (0x00, 0x30, 0x80, 0xA0, 0xFF)[amount % 5]
            case "cut":
                del octets[at : at + amount]
            case _:
                octets[at:at] = octets[at : at + amount]
    try_everything(bytes(octets))


def test_an_indefinite_length_is_read_as_devices_write_it() -> None:
    def indefinite(data: bytes) -> bytes:
        element = der.only(data, data[0])
        return bytes((element.tag, 0x80)) + element.content + b"\0\0"

    outer = der.children(der.only(MESSAGE).content)
    held = der.only(outer[1].raw, 0xA0).content
    loose = indefinite(der.sequence(outer[0].raw, indefinite(der.explicit(0, indefinite(held)))))
    assert decrypt_message(loose) == b"the content"


def test_indefinite_lengths_without_end_are_refused() -> None:
    for opening in (b"\x30\x80", b"\x24\x80", b"\xa0\x80"):
        try_everything(opening * 100_000)
