"""Nebula certificates: parse either version, read a network's authorities, verify a host's."""

import binascii
import datetime as dt
import re
from base64 import b64decode
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519

from newel.crypto.nebula import version1, version2
from newel.crypto.nebula.records import MAX_SIZE, Curve, NebulaCertificate, NebulaError, Network

HostKey: TypeAlias = x25519.X25519PublicKey | ec.EllipticCurvePublicKey

V1_LABEL, V2_LABEL = "NEBULA CERTIFICATE", "NEBULA CERTIFICATE V2"
"""The labels of PEM files, by version."""

MAX_PEM_SIZE = 1 << 20
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\s]*?)-----END \1-----")
_PARSERS = {0x0A: version1.parse, 0x30: version2.parse}
"""The parser of each version, by the first octet: field 1 of protobuf, or a SEQUENCE."""
_LABELS = {1: V1_LABEL, 2: V2_LABEL}


def parse(octets: bytes) -> NebulaCertificate:
    """Parse a certificate of either version, at most 64 KiB. Raises :class:`NebulaError`."""
    if len(octets) > MAX_SIZE:
        raise NebulaError(f"the Nebula certificate is longer than {MAX_SIZE} octets")
    parser = _PARSERS.get(octets[0] if octets else -1)
    if parser is None:
        raise NebulaError("not a Nebula certificate: it is of neither version")
    return parser(octets)


def parse_pem(text: str) -> list[NebulaCertificate]:
    """Parse every certificate of a PEM file, at least one. Raises :class:`NebulaError`."""
    if len(text) > MAX_PEM_SIZE:
        raise NebulaError(f"the PEM text is longer than {MAX_PEM_SIZE} octets")
    found = [_parse_block(label, body) for label, body in _BLOCK.findall(text)]
    if not found or _BLOCK.sub("", text).strip():
        raise NebulaError("the text is not the PEM of Nebula certificates")
    return found


def _parse_block(label: str, body: str) -> NebulaCertificate:
    try:
        certificate = parse(b64decode("".join(body.split()), validate=True))
    except binascii.Error:
        raise NebulaError("the PEM block is not base64") from None
    if label != _LABELS[certificate.version]:
        raise NebulaError(f"the PEM block {label!r} has a certificate of another version")
    return certificate


def host_key(certificate: NebulaCertificate) -> HostKey:
    """Return the public key of a host. Raises :class:`NebulaError`."""
    if certificate.curve is Curve.P256:
        return _point(certificate.public_key)
    try:
        return x25519.X25519PublicKey.from_public_bytes(certificate.public_key)
    except ValueError:
        raise NebulaError("the host's key is not an X25519 key") from None


class Authorities:
    """The authorities of the networks that are trusted."""

    def __init__(self, certificates: Iterable[NebulaCertificate]) -> None:
        """Raise :class:`NebulaError` for a certificate that is no self-signed authority."""
        self._by_fingerprint: dict[str, NebulaCertificate] = {}
        for each in certificates:
            if not each.is_ca:
                raise NebulaError(
                    f"{each.name!r} is the certificate of a host, not of an authority"
                )
            _verify_signature(each, each)
            self._by_fingerprint[each.fingerprint] = each

    def verify(self, host: NebulaCertificate, now: dt.datetime) -> None:
        """Verify a host's certificate at ``now``. Raises :class:`NebulaError`.

        1. the authority that it names is trusted and has the same curve; 2. both are valid; 3. the
        signature; 4. it is within what the authority may certify: time, groups and networks.
        """
        if host.is_ca:
            raise NebulaError("it is the certificate of an authority, not of a host")
        authority = self._by_fingerprint.get(host.issuer)
        if authority is None:
            raise NebulaError("the authority of the Nebula certificate is not trusted")
        if authority.curve is not host.curve:
            raise NebulaError("host and authority have keys of different curves")
        for each, whose in ((authority, "authority"), (host, "host")):
            if not each.not_before <= now <= each.not_after:
                raise NebulaError(f"the certificate of the {whose} is not valid now")
        _verify_signature(host, authority)
        _check_constraints(host, authority)


def _verify_signature(certificate: NebulaCertificate, authority: NebulaCertificate) -> None:
    try:
        if certificate.curve is Curve.P256:
            key = _point(authority.public_key)
            key.verify(certificate.signature, certificate.signed, ec.ECDSA(hashes.SHA256()))
        else:
            signer = ed25519.Ed25519PublicKey.from_public_bytes(authority.public_key)
            signer.verify(certificate.signature, certificate.signed)
    except InvalidSignature:
        raise NebulaError("the signature of the Nebula certificate does not verify") from None
    except ValueError:
        raise NebulaError("the authority's key cannot be read") from None


def _point(octets: bytes) -> ec.EllipticCurvePublicKey:
    """Read an uncompressed point on P-256. Raises :class:`NebulaError`."""
    try:
        if octets[:1] != b"\x04":
            raise NebulaError("the point is not uncompressed")
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets)
    except ValueError:
        raise NebulaError("the key is not a point on P-256") from None


def _check_constraints(host: NebulaCertificate, authority: NebulaCertificate) -> None:
    """Check the host against its authority, which limits nothing where it lists nothing."""
    if host.not_before < authority.not_before or host.not_after > authority.not_after:
        raise NebulaError("the host's certificate is valid outside its authority's time")
    if authority.groups and not set(host.groups) <= set(authority.groups):
        raise NebulaError("the host is in a group that its authority may not assign")
    _check_networks(host.networks, authority.networks, "an address")
    _check_networks(host.unsafe_networks, authority.unsafe_networks, "a routed network")


def _check_networks(assigned: Sequence[Network], allowed: Sequence[Network], what: str) -> None:
    by_prefix = {(each.version, each.network) for each in allowed}
    lengths = sorted({(each.version, each.network.prefixlen) for each in allowed})
    for each in assigned if allowed else ():
        fits = any(
            version == each.version
            and length <= each.network.prefixlen
            and (version, each.network.supernet(new_prefix=length)) in by_prefix
            for version, length in lengths
        )
        if not fits:
            raise NebulaError(f"the host has {what} that its authority may not assign")
