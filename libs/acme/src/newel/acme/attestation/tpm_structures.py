"""The structures of TPM 2.0 that an attestation is made of (Trusted Platform Module Library, part 2)."""

import enum
import hashlib
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from newel.acme.attestation.errors import AttestationError
from newel.crypto.keys import PublicKey

_MAGIC = 0xFF544347  # TPM_GENERATED_VALUE: "\xffTCG"
_ATTEST_CERTIFY = 0x8017
_RSA, _ECC, _NULL = 0x0001, 0x0023, 0x0010
_RSASSA, _ECDSA, _RSAES, _ECDAA = 0x0014, 0x0018, 0x0015, 0x001A
_HASHES = {0x000B: "sha256", 0x000C: "sha384", 0x000D: "sha512"}
_CURVES: dict[int, type[ec.EllipticCurve]] = {
    0x0003: ec.SECP256R1,
    0x0004: ec.SECP384R1,
    0x0005: ec.SECP521R1,
}
_DEFAULT_EXPONENT = 65537


class Attribute(enum.IntFlag):
    """The bits of TPMA_OBJECT that say where a key may be and what it may do."""

    FIXED_TPM = 1 << 1
    FIXED_PARENT = 1 << 4
    SENSITIVE_DATA_ORIGIN = 1 << 5
    RESTRICTED = 1 << 16
    SIGN = 1 << 18


class Certification(NamedTuple):
    """TPMS_ATTEST of TPM2_Certify: the caller's data and the name of the certified object."""

    extra_data: bytes
    name: bytes


class Public(NamedTuple):
    """TPMT_PUBLIC: a key, its attributes, and the name that the TPM calls it by."""

    key: PublicKey
    attributes: Attribute
    name: bytes


class _Reader:
    """Reads big-endian fields one after the other."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._offset, self._what = data, 0, what

    def take(self, size: int) -> bytes:
        found = self._data[self._offset : self._offset + size]
        if len(found) != size:
            raise AttestationError(f"{self._what} ends too early")
        self._offset += size
        return found

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def read_sized(self) -> bytes:
        """Read a TPM2B: two octets of length, then as many octets."""
        return self.take(self.integer(2))

    def end(self) -> None:
        if self._offset != len(self._data):
            raise AttestationError(f"octets follow after {self._what}")


def parse_certification(data: bytes) -> Certification:
    """Parse ``certInfo``. Raises :class:`AttestationError`."""
    reader = _Reader(data, "certInfo")
    if reader.integer(4) != _MAGIC:
        raise AttestationError("certInfo was not made by a TPM (magic)")
    if reader.integer(2) != _ATTEST_CERTIFY:
        raise AttestationError("certInfo is not of TPM2_Certify (type)")
    reader.read_sized()  # qualifiedSigner
    extra_data = reader.read_sized()
    reader.take(17 + 8)  # clockInfo and firmwareVersion
    name = reader.read_sized()
    reader.read_sized()  # qualifiedName
    reader.end()
    return Certification(extra_data, name)


def parse_public(data: bytes) -> Public:
    """Parse ``pubArea``, of a key. Raises :class:`AttestationError`."""
    reader = _Reader(data, "pubArea")
    kind, algorithm = reader.integer(2), reader.integer(2)
    name_hash = _HASHES.get(algorithm)
    if name_hash is None:
        raise AttestationError("pubArea: the hash of the name is not of the SHA-2 family")
    attributes = Attribute(reader.integer(4))
    reader.read_sized()  # authPolicy
    if kind == _RSA:
        key = _parse_rsa(reader)
    elif kind == _ECC:
        key = _parse_ecc(reader)
    else:
        raise AttestationError("pubArea: the key is neither RSA nor of an elliptic curve")
    reader.end()
    digest = hashlib.new(name_hash, data).digest()
    return Public(key, attributes, algorithm.to_bytes(2, "big") + digest)


def parse_signature(data: bytes, key: PublicKey) -> bytes:
    """Parse ``sig``, a TPMT_SIGNATURE with SHA-256, as ``key`` verifies it. Raises :class:`AttestationError`."""
    reader = _Reader(data, "sig")
    scheme = reader.integer(2)
    if _HASHES.get(reader.integer(2)) != "sha256":
        raise AttestationError("sig: the hash is not SHA-256")
    if isinstance(key, rsa.RSAPublicKey) and scheme == _RSASSA:
        found = reader.read_sized()
    elif isinstance(key, ec.EllipticCurvePublicKey) and scheme == _ECDSA:
        r, s = reader.read_sized(), reader.read_sized()
        found = encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    else:
        raise AttestationError("sig: the scheme is not one for the attestation key")
    reader.end()
    return found


def _parse_rsa(reader: _Reader) -> rsa.RSAPublicKey:
    _skip_symmetric(reader)
    _skip_scheme(reader)
    reader.integer(2)  # keyBits: the modulus says it as well
    exponent = reader.integer(4) or _DEFAULT_EXPONENT
    modulus = int.from_bytes(reader.read_sized(), "big")
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise AttestationError(f"pubArea: the RSA key cannot be used: {error}") from None


def _parse_ecc(reader: _Reader) -> ec.EllipticCurvePublicKey:
    _skip_symmetric(reader)
    _skip_scheme(reader)
    curve = _CURVES.get(reader.integer(2))
    if reader.integer(2) != _NULL:  # kdf
        reader.integer(2)
    x, y = (int.from_bytes(reader.read_sized(), "big") for _ in range(2))
    if curve is None:
        raise AttestationError("pubArea: the curve is none of P-256, P-384 and P-521")
    try:
        return ec.EllipticCurvePublicNumbers(x, y, curve()).public_key()
    except ValueError:
        raise AttestationError("pubArea: the key is not a point of its curve") from None


def _skip_symmetric(reader: _Reader) -> None:
    if reader.integer(2) != _NULL:
        reader.take(4)  # keyBits and mode


def _skip_scheme(reader: _Reader) -> None:
    scheme = reader.integer(2)
    if scheme in {_NULL, _RSAES}:
        return
    reader.integer(2)  # hashAlg
    if scheme == _ECDAA:
        reader.integer(2)  # count
