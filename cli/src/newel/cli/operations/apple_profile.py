"""Configuration profiles of Apple devices: certificates to trust, and where to enrol by SCEP.

The keys are those of Apple's device management reference: the payloads Configuration,
com.apple.security.root and com.apple.security.scep.
"""

import plistlib
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.tokens import provisioner_choice

KEY_SIZE = 2048
_SIGNING_AND_ENCRYPTION = 5
_NAMES = {"dns": "dNSName", "email": "rfc822Name", "uri": "uniformResourceIdentifier"}


class Enrolment(NamedTuple):
    """What a device asks for, and where."""

    url: str
    provisioner: str
    challenge: str
    common_name: str
    names: tuple[str, ...] = ()
    key_size: int = KEY_SIZE


def choose(provisioners: Iterable[dict[str, Any]], wanted: str | None) -> str:
    """Return the name of the SCEP provisioner to use. Raises CliError."""
    known = [
        each["name"]
        for each in provisioners
        if str(each.get("type", "")).upper() == "SCEP" and each.get("state") != "Uninitialized"
    ]
    listed = provisioner_choice.one_of(known)
    if wanted:
        if wanted not in known:
            raise UsageError(f"invalid value '{wanted}' for flag '--provisioner'", hint=listed)
        return wanted
    if not known:
        raise CliError(
            "the authority has no SCEP provisioner",
            hint="--only-roots writes a profile that makes devices trust the authority",
        )
    if len(known) > 1:
        raise UsageError("flag '--provisioner' is required", hint=listed)
    return known[0]


def scep_url(authority: str, provisioner: str) -> str:
    """Return the URL of a provisioner's SCEP server."""
    return f"{authority}/scep/{quote(provisioner, safe='')}"


def build(
    authority: str,
    roots: Sequence[str],
    enrolment: Enrolment | None,
    identifier: str | None = None,
    organization: str | None = None,
) -> bytes:
    """Return a profile in XML that holds the roots (PEM), and the enrolment if there is one.

    What is the same makes the same octets: identifiers are derived from the authority, so that a later
    profile takes the place of an earlier one on the device.
    """
    host = urlsplit(authority).hostname or "authority"
    own = identifier or ".".join(["newel", *reversed(host.split("."))])
    payloads = [_root(own, text) for text in roots]
    if enrolment is not None:
        payloads.append(_scep(own, enrolment, organization))
    profile = _payload("Configuration", own, f"Certificates of {organization or host}")
    profile["PayloadContent"] = payloads
    if organization:
        profile["PayloadOrganization"] = organization
    return plistlib.dumps(profile)


def _payload(kind: str, identifier: str, shown: str) -> dict[str, Any]:
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, identifier)).upper(),
        "PayloadDisplayName": shown,
    }


def _root(own: str, text: str) -> dict[str, Any]:
    """Return the payload of one root (PEM), known by its fingerprint."""
    from newel.crypto import pem
    from newel.step.fingerprint import fingerprint

    der = pem.decode(text.encode())
    digest = fingerprint(der)
    payload = _payload("com.apple.security.root", f"{own}.root.{digest[:16]}", "Root certificate")
    return {
        **payload,
        "PayloadCertificateFileName": f"root-{digest[:16]}.cer",
        "PayloadContent": der,
    }


def _scep(own: str, enrolment: Enrolment, organization: str | None) -> dict[str, Any]:
    """Return the payload by which a device makes a key and enrols."""
    subject = [[["O", organization]]] if organization else []
    content: dict[str, Any] = {
        "URL": enrolment.url,
        "Name": enrolment.provisioner,
        "Subject": [*subject, [["CN", enrolment.common_name]]],
        "Keysize": enrolment.key_size,
        "Key Type": "RSA",
        "Key Usage": _SIGNING_AND_ENCRYPTION,
    }
    if enrolment.challenge:
        content["Challenge"] = enrolment.challenge
    if enrolment.names:
        content["SubjectAltName"] = _alternative_names(enrolment.names)
    identifier = f"{own}.scep.{enrolment.provisioner}"
    return {
        **_payload("com.apple.security.scep", identifier, f"Certificate {enrolment.common_name}"),
        "PayloadContent": content,
    }


def _alternative_names(given: Iterable[str]) -> dict[str, Any]:
    """Return the names by the kinds that a device can ask for. Raises UsageError for others."""
    from newel.crypto.dns_names import InvalidNameError
    from newel.crypto.names import parse_san

    found: dict[str, list[str]] = {}
    for text in given:
        try:
            name = parse_san(text)
        except InvalidNameError as error:
            raise UsageError(f"invalid value '{text}' for flag '--san': {error}") from None
        if name.kind not in _NAMES:
            raise UsageError(
                f"invalid value '{text}' for flag '--san': a device asks for domain names, e-mail"
                " addresses and URIs"
            )
        found.setdefault(_NAMES[name.kind], []).append(str(name))
    return {kind: names if len(names) > 1 else names[0] for kind, names in found.items()}


def sign(profile: bytes, certificate: str, key: str, password_file: str | None) -> bytes:
    """Return the profile as CMS signed data in DER, with the signer's chain. Raises CliError."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

    from newel.cli.operations.certificates.sources import contents
    from newel.cli.operations.keys.signing_keys import signing_key
    from newel.crypto import loading

    try:
        signer, *chain = loading.load_pem_certificates(contents(certificate))
    except loading.CertificateError as error:
        raise CliError(f"error reading {certificate}: {error}") from None
    private = signing_key(key, password_file)
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CliError("a profile is signed by an RSA or ECDSA key")
    if private.public_key() != signer.public_key():
        raise CliError("private key does not match public key")
    builder = pkcs7.PKCS7SignatureBuilder().set_data(profile)
    builder = builder.add_signer(signer, private, SHA256())
    for each in chain:
        builder = builder.add_certificate(each)
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])
