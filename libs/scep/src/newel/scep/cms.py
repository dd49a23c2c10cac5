"""CMS structures (RFC 5652), read leniently: devices write BER, with indefinite lengths.

The one module that knows the ASN.1 library; it returns plain values. Sizes are bounded by the caller,
the depth of indefinite lengths by the library.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

from asn1crypto import cms as untyped  # pyright: ignore[reportMissingTypeStubs]

from newel.crypto import der
from newel.scep.constants import IssuerAndSerial, MessageError

_cms = cast("Any", untyped)

MAX_CERTIFICATES = 16
MAX_RECIPIENTS = 8
_TAG_OF_SET = b"\x31"


class SignedData(NamedTuple):
    """A signed message of one signer, as it was read; nothing is verified."""

    content_type: str
    content: bytes
    """Empty where the message has none."""
    certificates: dict[IssuerAndSerial, bytes]
    """DER, by issuer and serial number."""
    signer: IssuerAndSerial
    digest: str
    """Object identifier."""
    signature_algorithm: str
    """Object identifier."""
    signature: bytes
    attributes: bytes
    """The signed attributes as the DER SET that is signed (§5.4)."""


class Envelope(NamedTuple):
    """Encrypted content and the content key for each recipient."""

    recipients: dict[IssuerAndSerial, bytes]
    cipher: str
    """Object identifier."""
    parameters: bytes
    """The initialization vector."""
    encrypted: bytes


@contextmanager
def _read_as(what: str) -> Generator[None]:
    """Turn what the library raises for octets that are not the structure into MessageError."""
    try:
        yield
    except MessageError:
        raise
    except (
        ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError,
    ) as error:  # fmt: skip # one line each would say no more
        raise MessageError(f"the octets are not {what}: {str(error)[:120]}") from None


def read_signed_data(data: bytes) -> SignedData:
    """Read a ContentInfo of signed data with exactly one signer. Raises :class:`MessageError`."""
    with _read_as("CMS signed data"):
        info = _cms.ContentInfo.load(data, strict=True)
        if info["content_type"].native != "signed_data":
            raise MessageError("the message is not CMS signed data")
        signed = info["content"]
        signers = signed["signer_infos"]
        if len(signers) != 1:
            raise MessageError(f"the message has {len(signers)} signers where one is expected")
        (signer,) = signers
        if signer["sid"].name != "issuer_and_serial_number":
            raise MessageError("the signer is not named by issuer and serial number")
        inner = signed["encap_content_info"]
        content = inner["content"]
        return SignedData(
            content_type=inner["content_type"].dotted,
            content=bytes(content) if content.native is not None else b"",
            certificates=dict(_certificates(signed["certificates"])),
            signer=_issuer_and_serial(signer["sid"].chosen),
            digest=signer["digest_algorithm"]["algorithm"].dotted,
            signature_algorithm=signer["signature_algorithm"]["algorithm"].dotted,
            signature=bytes(signer["signature"]),
            attributes=_signed_attributes(signer["signed_attrs"]),
        )


def _signed_attributes(attributes: Any) -> bytes:
    raw: bytes = attributes.dump()
    if not raw:
        raise MessageError("the message has no signed attributes")
    # signed as a SET, sent with an implicit tag (§5.4); they are DER (§5.3)
    return _TAG_OF_SET + raw[1:]


def _certificates(found: Any) -> Iterator[tuple[IssuerAndSerial, bytes]]:
    for number, each in enumerate(found if found.native is not None else ()):
        if number == MAX_CERTIFICATES:
            raise MessageError(f"the message has more than {MAX_CERTIFICATES} certificates")
        if each.name == "certificate":
            tbs = each.chosen["tbs_certificate"]
            yield _issuer_and_serial(tbs), each.chosen.dump()


def _issuer_and_serial(value: Any) -> IssuerAndSerial:
    return IssuerAndSerial(value["issuer"].dump(), value["serial_number"].native)


def read_envelope(data: bytes) -> Envelope:
    """Read a ContentInfo of enveloped data for RSA recipients. Raises :class:`MessageError`."""
    with _read_as("CMS enveloped data"):
        info = _cms.ContentInfo.load(data, strict=True)
        if info["content_type"].native != "enveloped_data":
            raise MessageError("the content is not CMS enveloped data")
        enveloped = info["content"]
        content = enveloped["encrypted_content_info"]
        algorithm = content["content_encryption_algorithm"]
        encrypted = content["encrypted_content"]
        return Envelope(
            recipients=dict(_recipients(enveloped["recipient_infos"])),
            cipher=algorithm["algorithm"].dotted,
            parameters=der.only(algorithm["parameters"].dump(), der.OCTET_STRING).content,
            encrypted=bytes(encrypted) if encrypted.native is not None else b"",
        )


def _recipients(found: Any) -> Iterator[tuple[IssuerAndSerial, bytes]]:
    for number, each in enumerate(found):
        if number == MAX_RECIPIENTS:
            raise MessageError(f"the envelope has more than {MAX_RECIPIENTS} recipients")
        if each.name != "ktri" or each.chosen["rid"].name != "issuer_and_serial_number":
            continue
        if each.chosen["key_encryption_algorithm"]["algorithm"].native == "rsaes_pkcs1v15":
            yield _issuer_and_serial(each.chosen["rid"].chosen), bytes(each.chosen["encrypted_key"])
