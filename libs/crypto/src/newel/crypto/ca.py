"""The certificates of a ceremony: roots, intermediates, OCSP responders, internal TLS.

Each function returns the DER TBSCertificate; the caller signs it and calls
:func:`newel.crypto.certificate.assemble`. Validity is inclusive at both ends.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from newel.crypto import certificate, extensions, keys, names
from newel.crypto.extensions import Extension


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of every certificate: serial octets, a DER Name, a DER SubjectPublicKeyInfo."""

    serial: bytes
    subject: bytes
    spki: bytes
    not_before: dt.datetime
    not_after: dt.datetime


@dataclass(frozen=True, slots=True)
class Pointers:
    """The URLs of the issuer's certificate, OCSP responders and CRLs."""

    ocsp: Sequence[str] = ()
    ca_issuers: Sequence[str] = ()
    crl: Sequence[str] = ()

    def extensions(self) -> list[Extension]:
        """Return the extensions with these URLs."""
        found: list[Extension] = []
        if self.ocsp or self.ca_issuers:
            found.append(extensions.authority_information_access(self.ocsp, self.ca_issuers))
        if self.crl:
            found.append(extensions.crl_distribution_points(self.crl))
        return found


NOWHERE = Pointers()


def root_tbs(
    body: Body, path_length: int | None = 1, constraints: Extension | None = None
) -> bytes:
    """Encode a root: its own issuer, to be signed with its own key."""
    wanted = _authority(body.spki, path_length, constraints)
    algorithm = keys.signature_algorithm(keys.load_public_key(body.spki))
    return _encode(body, algorithm, body.subject, wanted)


def intermediate_tbs(
    body: Body,
    issuer: x509.Certificate,
    path_length: int | None = 0,
    constraints: Extension | None = None,
    pointers: Pointers = NOWHERE,
) -> bytes:
    """Encode a CA below ``issuer``, whose path length must allow it."""
    if body.not_after > issuer.not_valid_after_utc:
        raise ValueError("the CA would outlive its issuer")
    _check_path_length(issuer, path_length)
    wanted = _authority(body.spki, path_length, constraints)
    wanted += [_authority_key_identifier(issuer), *pointers.extensions()]
    return _encode(body, _algorithm(issuer), certificate.issuer_name(issuer), wanted)


def ocsp_responder_tbs(body: Body, issuer: x509.Certificate) -> bytes:
    """Encode a delegated responder of ``issuer`` (RFC 6960 §4.2.2.2) whose status is not checked."""
    wanted = [
        extensions.key_usage(["digitalSignature"]),
        extensions.extended_key_usage([extensions.OCSP_SIGNING]),
        extensions.subject_key_identifier(keys.key_identifier(body.spki)),
        _authority_key_identifier(issuer),
        extensions.ocsp_no_check(),
    ]
    return _encode(body, _algorithm(issuer), certificate.issuer_name(issuer), wanted)


def internal_tbs(
    body: Body, issuer: x509.Certificate, general_names: Sequence[names.GeneralName]
) -> bytes:
    """Encode a service's certificate for mutual TLS between the project's own services."""
    if not general_names:
        raise ValueError("an internal certificate needs a name")
    rsa = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" in body.spki[:32]
    wanted = [
        extensions.key_usage(["digitalSignature", *(["keyEncipherment"] if rsa else [])]),
        extensions.extended_key_usage([extensions.SERVER_AUTH, extensions.CLIENT_AUTH]),
        extensions.subject_key_identifier(keys.key_identifier(body.spki)),
        _authority_key_identifier(issuer),
        extensions.subject_alt_name(general_names, critical=body.subject == b"\x30\x00"),
    ]
    return _encode(body, _algorithm(issuer), certificate.issuer_name(issuer), wanted)


def _authority(
    spki: bytes, path_length: int | None, constraints: Extension | None
) -> list[Extension]:
    wanted = [
        extensions.basic_constraints(ca=True, path_length=path_length),
        extensions.key_usage(["keyCertSign", "cRLSign"]),
        extensions.subject_key_identifier(keys.key_identifier(spki)),
    ]
    return wanted if constraints is None else [*wanted, constraints]


def read_path_length(authority: x509.Certificate) -> int | None:
    """Return how many CAs may be below one; None for any number. Raises ValueError for what is no CA."""
    try:
        found = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise ValueError("the issuer is not a CA") from None
    if not found.ca:
        raise ValueError("the issuer is not a CA")
    return found.path_length


def _check_path_length(issuer: x509.Certificate, path_length: int | None) -> None:
    limit = read_path_length(issuer)
    if limit is not None and (path_length is None or path_length >= limit):
        raise ValueError(f"the issuer's path length {limit} does not allow {path_length}")


def _authority_key_identifier(issuer: x509.Certificate) -> Extension:
    return extensions.authority_key_identifier(certificate.issuer_key_identifier(issuer))


def _algorithm(issuer: x509.Certificate) -> bytes:
    spki = certificate.subject_public_key_info(issuer)
    return keys.signature_algorithm(keys.load_public_key(spki))


def _encode(body: Body, algorithm: bytes, issuer: bytes, wanted: Sequence[Extension]) -> bytes:
    validity = (body.not_before, body.not_after)
    return certificate.encode_tbs(
        body.serial, algorithm, issuer, validity, body.subject, body.spki, wanted
    )
