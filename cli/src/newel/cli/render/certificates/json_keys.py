"""Public keys in the JSON of a certificate."""

import base64
import hashlib
from typing import Any

from newel.crypto.reader import public_keys

# FIPS 186-5: p, n and b of the curves, and their base points
_CURVES = {
    "P-256": (
        0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    "P-384": (
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFF0000000000000000FFFFFFFF,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
        0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    ),
    "P-521": (
        (1 << 521) - 1,
        (1 << 521) - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7,
        0x51953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
        0xC6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66,
        0x11839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650,
    ),
}


def text(octets: bytes) -> str:
    """Return octets as JSON has them: base64."""
    return base64.b64encode(octets).decode()


def members(spki: bytes) -> dict[str, Any]:
    """Return a SubjectPublicKeyInfo: its algorithm, its numbers and its fingerprint."""
    key = public_keys.parse_public_key(spki)
    found: dict[str, Any] = {"key_algorithm": {"name": key.kind or "unknown_algorithm"}}
    if key.kind == "RSA":
        found["rsa_public_key"] = {
            "exponent": int.from_bytes(key.parts["e"], "big"),
            "modulus": text(key.parts["n"]),
            "length": len(key.parts["n"]) * 8,
        }
    elif key.kind == "ECDSA":
        found["ecdsa_public_key"] = curve_members(key)
    elif key.kind == "DSA":
        found["dsa_public_key"] = {
            name: text(key.parts[part])
            for name, part in zip("gpqy", ("G", "P", "Q", "pub"), strict=True)
        }
    found["fingerprint_sha256"] = hashlib.sha256(spki).hexdigest()
    return found


def curve_members(key: public_keys.PublicKey) -> dict[str, Any]:
    """Return a point with the curve it is on."""
    shared: dict[str, Any] = {}
    if key.curve in _CURVES:
        for name, number in zip(("p", "n", "b", "gx", "gy"), _CURVES[key.curve], strict=True):
            shared[name] = text(public_keys.unsigned_octets(number))
    point = {name: text(key.parts[name].lstrip(b"\0")) for name in "xy"}
    facts = {"curve": key.curve, "length": key.bits, "pub": text(key.octets)}
    return dict(sorted((shared | point | facts).items()))
