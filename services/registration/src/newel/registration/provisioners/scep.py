"""SCEP provisioners (RFC 8894): the SCEP server decides what clients have proved, never a token."""

import base64
import binascii
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from newel.crypto import keys, loading
from newel.registration.provisioners.provisioner import Provisioner, ProvisionerContext
from newel.step.provisioners import SCEPNewel, SCEPProvisionerConfig
from newel.step.webhooks import WebhookCertificateType, WebhookKind

MIN_KEY_BITS = 2048
_MAX_FILE = 64 * 1024
_CIPHERS = {0: "AES-128-CBC", 1: "AES-128-CBC", 2: "AES-256-CBC"}
"""By encryptionAlgorithmIdentifier; 0 is what a record without one has."""


class Decrypter(NamedTuple):
    """A provisioner's own key for messages, with its certificate."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


class SCEPProvisioner(Provisioner):
    """One SCEP provisioner."""

    def __init__(self, record: SCEPProvisionerConfig, context: ProvisionerContext) -> None:
        """Read the record. Raises ValueError for one that cannot be used, or lets everybody in."""
        super().__init__(record, context)
        own = record.newel or SCEPNewel()
        self.challenge = record.challenge
        self.asks_webhook = self.webhooks is not None and self.webhooks.has(
            WebhookKind.SCEPCHALLENGE, WebhookCertificateType.X509
        )
        """Whether webhooks decide on challenges; they do so instead of the record's own."""
        if not record.challenge and not self.asks_webhook and not own.without_challenge:
            raise ValueError(
                "there is no challenge and no SCEPCHALLENGE webhook, so everybody could enrol;"
                " newel.withoutChallenge allows that"
            )
        self.without_challenge = own.without_challenge
        self.allow_des = own.allow_des
        self.capabilities = tuple(record.capabilities or ())
        self.include_root = record.include_root
        self.exclude_intermediate = record.exclude_intermediate
        self.force_common_name = record.force_cn
        self.min_key_bits = record.minimum_public_key_length or MIN_KEY_BITS
        if self.min_key_bits < MIN_KEY_BITS or self.min_key_bits % 8:
            raise ValueError(
                f"minimumPublicKeyLength: it must be a multiple of 8, at least {MIN_KEY_BITS}"
            )
        cipher = _CIPHERS.get(record.encryption_algorithm_identifier)
        if cipher is None:
            raise ValueError(
                "encryptionAlgorithmIdentifier: 1 (AES-128-CBC) and 2 (AES-256-CBC) are known;"
                " AES-GCM does not belong in enveloped data"
            )
        self.cipher = cipher
        self.decrypter = _read_decrypter(record)


def _read_decrypter(record: SCEPProvisionerConfig) -> Decrypter | None:
    """Read the provisioner's own key and certificate. Raises ValueError."""
    private = record.decrypter_key_pem or record.decrypter_key
    if not record.decrypter_certificate and not private:
        return None
    if not record.decrypter_certificate or not private:
        raise ValueError("decrypterCertificate and decrypterKeyPEM or decrypterKey go together")
    certificate = loading.load_pem_certificate(
        _decode(record.decrypter_certificate, "decrypterCertificate")
    )
    if record.decrypter_key_pem:
        octets, place = _decode(record.decrypter_key_pem, "decrypterKeyPEM"), "decrypterKeyPEM"
    else:
        octets, place = _read_file(record.decrypter_key), "decrypterKey"
    password = record.decrypter_key_password.encode() or None
    try:
        key = keys.load_private_key(octets, password)
    except keys.InvalidKeyError as error:
        raise ValueError(f"{place}: {error}") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(
            f"{place}: messages are encrypted to RSA keys of {MIN_KEY_BITS} bits or more"
        )
    public_key = certificate.public_key()
    if public_key != key.public_key():
        raise ValueError("decrypterCertificate: it is of another key than the decrypter's")
    basic = [
        each.value
        for each in certificate.extensions
        if isinstance(each.value, x509.BasicConstraints)
    ]
    if any(each.ca for each in basic):
        raise ValueError(
            "decrypterCertificate: it is a CA's; messages are encrypted to a key of their own"
        )
    return Decrypter(certificate, key)


def _decode(text: str, place: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{place}: it must be base64 of PEM") from None


def _read_file(uri: str) -> bytes:
    """Read the key's file: a path, or a URI of a file as step's own key store writes it."""
    scheme, separator, rest = uri.partition(":")
    if separator and scheme.lower() not in {"file", "softkms"}:
        raise ValueError(f"decrypterKey: keys of a {scheme!r} store are not supported; name a file")
    path = unquote(rest if separator else uri).removeprefix("//").removeprefix("path=")
    try:
        with Path(path).open("rb") as source:
            return source.read(_MAX_FILE)
    except OSError as error:
        raise ValueError(f"decrypterKey: {(error.strerror or str(error)).lower()}") from None


SCEPProvisioners = Callable[[str], SCEPProvisioner | None]
"""Finds the enabled SCEP provisioner of a name."""
