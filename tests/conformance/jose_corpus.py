"""Hostile and valid JOSE messages, the same in every run: what the verdicts of a JOSE library are
recorded and compared over.

``jose_corpus.json`` holds the keys and the messages they signed or encrypted; everything else is
derived from them here.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CORPUS: dict[str, Any] = json.loads((HERE / "jose_corpus.json").read_text())
KEYS: dict[str, dict[str, str]] = CORPUS["keys"]
PRIVATE = ("d", "p", "q", "dp", "dq", "qi")
PASSWORD = b"correct horse"


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def public(name: str) -> dict[str, str]:
    return {member: text for member, text in KEYS[name].items() if member not in PRIVATE}


def compact_messages() -> Iterator[tuple[str, str, str]]:
    """Yield (case, key, compact JWS)."""
    for name, (key, text) in CORPUS["compact"].items():
        yield f"compact/{name}", key, text
        for change, changed in _changed_compact(text):
            yield f"compact/{name}/{change}", key, changed
        for other in KEYS:
            if other != key:
                yield f"compact/{name}/checked by {other}", other, text


def acme_requests() -> Iterator[tuple[str, str, bytes]]:
    """Yield (case, key, flattened JWS), each with its key in the header or named by ``kid``."""
    for name, (key, parts) in CORPUS["acme"].items():
        body = json.dumps(parts, separators=(",", ":"))
        yield f"acme/{name}", key, body.encode()
        text = ".".join((parts["protected"], parts["payload"], parts["signature"]))
        for change, changed in _changed_compact(text):
            pieces = changed.split(".")
            if len(pieces) == len(parts):
                renamed = dict(zip(("protected", "payload", "signature"), pieces, strict=True))
                yield f"acme/{name}/{change}", key, json.dumps(renamed).encode("utf-8", "replace")
        for change, changed in _changed_json(body, parts):
            yield f"acme/{name}/{change}", key, changed


def keys() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (case, members of a JWK)."""
    for name, members in KEYS.items():
        yield f"jwk/{name}", dict(members)
        yield f"jwk/{name}/public", public(name)
        for member, text in members.items():
            for change, value in _changed_member(text):
                yield f"jwk/{name}/{member} {change}", {**members, member: value}
                if member not in PRIVATE:
                    yield f"jwk/{name}/public/{member} {change}", {**public(name), member: value}
            yield f"jwk/{name}/without {member}", {k: v for k, v in members.items() if k != member}
        for other, theirs in KEYS.items():
            yield f"jwk/{name}/d of {other}", {**members, "d": theirs["d"]}
            yield f"jwk/{name}/as {other}", {**public(name), "kty": theirs["kty"]}
    for exponent in ("AA", "AQ", "Ag", "Aw", "AQAA", "AQAB", "AQAAAAE", "AQAAAAAAAAAB"):
        yield f"jwk/rsa2048/exponent {exponent}", {**public("rsa2048"), "e": exponent}
    for bits in (8, 512, 1024, 2040, 2048, 4096, 8192, 8200, 16384, 16392, 65536):
        modulus = encode(bytes([0xFF] * (bits // 8)))
        yield f"jwk/rsa of {bits} bits", {"kty": "RSA", "n": modulus, "e": "AQAB"}


def encrypted_messages() -> Iterator[tuple[str, str, str]]:
    """Yield (case, key or "password", compact JWE)."""
    for name, (key, text) in CORPUS["encrypted"].items():
        yield f"jwe/{name}", key, text
        for change, changed in _changed_encrypted(text):
            yield f"jwe/{name}/{change}", key, changed


def provisioner_keys() -> Iterator[tuple[str, str, str]]:
    """Yield the messages that are encrypted as the step tools encrypt a provisioner's key."""
    usual = "jwe/PBES2-HS256+A128KW A256GCM"
    for case, key, text in encrypted_messages():
        if case == usual or case.startswith(f"{usual}/"):
            yield case, key, text


def _changed_compact(text: str) -> Iterator[tuple[str, str]]:
    head, body, signature = text.split(".")
    header = json.loads(decode(head))
    yield from _changed_parts(text)
    for name, value in (
        *((f"alg {value}", {"alg": value}) for value in _ALGORITHMS),
        ("alg null", {"alg": None}),
        ("alg 7", {"alg": 7}),
        ("alg list", {"alg": ["ES256"]}),
        ("crit", {"crit": ["exp"], "exp": 1}),
        ("crit empty", {"crit": []}),
        ("crit null", {"crit": None}),
        ("b64", {"crit": ["b64"], "b64": False}),
        ("jwk", {"jwk": public("p384")}),
        ("jku", {"jku": "https://evil.example/", "x5u": "https://evil.example/"}),
        ("kid null", {"kid": None}),
        ("kid 7", {"kid": 7}),
        ("typ 7", {"typ": 7}),
        ("huge", {"pad": "A" * 140_000}),
    ):
        changed = encode(json.dumps({**header, **value}).encode())
        yield f"header {name}", f"{changed}.{body}.{signature}"
    bare = {name: value for name, value in header.items() if name != "alg"}
    raw = json.dumps(header)
    for name, octets in (
        ("no alg", json.dumps(bare).encode()),
        ("twice alg", (raw[:-1] + ', "alg": "none"}').encode()),
        ("escaped", raw.replace("alg", "\\u0061lg", 1).encode()),
        ("trailing", raw.encode() + b"x"),
        ("mark", b"\xef\xbb\xbf" + raw.encode()),
        ("utf-16", raw.encode("utf-16")),
        ("list", f"[{raw}]".encode()),
        ("empty", b""),
        ("null", b"null"),
        ("deep", b'{"alg":' + b"[" * 9000),
        ("not utf-8", b'{"alg":"\xff"}'),
        ("NaN", b'{"alg":"ES256","x":NaN}'),
    ):
        yield f"header {name}", f"{encode(octets)}.{body}.{signature}"
    for name, mac_key in (("jwk", json.dumps(public("p256")).encode()), ("empty", b"")):
        changed = encode(json.dumps({**header, "alg": "HS256"}).encode())
        mac = hmac.digest(mac_key, f"{changed}.{body}".encode(), hashlib.sha256)
        yield f"mac with {name}", f"{changed}.{body}.{encode(mac)}"
    octets = decode(signature)
    half = len(octets) // 2
    r, s = octets[:half], octets[half:]
    for name, forged in (
        ("swapped", s + r),
        ("zero", bytes(len(octets))),
        ("short", octets[:-1]),
        ("shorter", octets[1:]),
        ("longer", octets + b"\0"),
        ("leading zero", b"\0" + octets),
        ("padded halves", b"\0" + r + b"\0" + s),
        ("DER", _der(r) + _der(s)),
        ("ones", b"\xff" * len(octets)),
        ("none", b""),
    ):
        yield f"signature {name}", f"{head}.{body}.{encode(forged)}"


_ALGORITHMS = (
    "none", "None", "", "HS256", "HS512", "ES256", "ES384", "ES512", "ES256K", "es256", "EdDSA",
    "Ed25519", "Ed448", "RS1", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "RSA-OAEP",
)  # fmt: skip # one line per family would be longer than the test


def _changed_parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the text with one part of it spelled otherwise."""
    parts = text.split(".")
    for index, part in enumerate(parts):
        for name, changed in _changed_member(part):
            yield (
                f"part {index} {name}",
                ".".join([*parts[:index], changed or "", *parts[index + 1 :]]),
            )
        yield f"without part {index}", ".".join([*parts[:index], *parts[index + 1 :]])
    for name, changed in (
        ("a part more", text + "."),
        ("a part before", "." + text),
        ("a blank before", " " + text),
        ("a line after", text + "\n"),
        ("no dots", text.replace(".", "")),
        ("nothing", ""),
        ("dots", "." * 5000),
        ("huge", text + "A" * 200_000),
        ("not ASCII", text[:-2] + "\u00e9\u00e9"),
        ("lone surrogate", text[:-1] + "\ud800"),
    ):
        yield name, changed


def _changed_member(text: str) -> Iterator[tuple[str, str | None]]:
    middle = len(text) // 2
    flipped = "A" if text[middle : middle + 1] != "A" else "B"
    yield "flipped", text[:middle] + flipped + text[middle + 1 :]
    yield "flipped first", ("B" if text[:1] == "A" else "A") + text[1:]
    yield "last + 1", text[:-1] + chr(ord(text[-1]) + 1) if text else "x"
    yield "padded", text + "="
    yield "padded twice", text + "=="
    yield "padding within", text[:middle] + "=" + text[middle:]
    yield "blank within", text[:middle] + " " + text[middle:]
    yield "line within", text[:middle] + "\n" + text[middle:]
    yield "plus", text[:middle] + "+" + text[middle + 1 :]
    yield "slash", text[:middle] + "/" + text[middle + 1 :]
    yield "NUL", text[:middle] + "\0" + text[middle + 1 :]
    yield "shorter", text[:-1]
    yield "shorter by four", text[:-4]
    yield "longer", text + "A"
    yield "longer by four", "AAAA" + text
    yield "empty", ""
    yield "doubled", text * 2
    yield "null", None


def _changed_json(body: str, parts: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    for name, extra in (
        ("header", {"header": {"alg": "ES256"}}),
        ("header empty", {"header": {}}),
        ("header null", {"header": None}),
        ("header list", {"header": []}),
        ("signatures", {"signatures": []}),
        ("signatures null", {"signatures": None}),
        ("other", {"other": 1}),
        ("payload 7", {"payload": 7}),
        ("payload null", {"payload": None}),
        ("payload object", {"payload": {}}),
    ):
        yield f"json {name}", json.dumps({**parts, **extra}).encode()
    for member in parts:
        rest = {name: value for name, value in parts.items() if name != member}
        yield f"json without {member}", json.dumps(rest).encode()
        again = f'{body[:-1]},"{member}":"e30"}}'
        yield f"json twice {member}", again.encode()
        yield f"json first {member}", f'{{"{member}":"e30",{body[1:]}'.encode()
    yield "json trailing", body.encode() + b"{}"
    yield "json blank", b" \n" + body.encode() + b"\n"
    yield "json mark", b"\xef\xbb\xbf" + body.encode()
    yield "json utf-16", body.encode("utf-16")
    yield "json list", f"[{body}]".encode()
    yield "json cut", body.encode()[:-1]
    yield "json huge", body[:-1].encode() + b',"pad":"' + b"A" * 140_000 + b'"}'
    yield "json deep", body[:-1].encode() + b',"pad":' + b"[" * 50_000


def _changed_encrypted(text: str) -> Iterator[tuple[str, str]]:
    head, rest = text.split(".", 1)
    header = json.loads(decode(head))
    yield from _changed_parts(text)
    for name, value in (
        *((f"p2c {count!r}", {"p2c": count}) for count in (0, -1, 1, 10**9, "1000", True, None)),
        ("p2s", {"p2s": "AAAA"}),
        ("p2s padded", {"p2s": "AAAA=="}),
        ("alg none", {"alg": "none"}),
        ("alg dir", {"alg": "dir"}),
        ("alg 7", {"alg": 7}),
        ("enc none", {"enc": "none"}),
        ("enc other", {"enc": "A128GCM"}),
        ("enc null", {"enc": None}),
        ("crit", {"crit": ["exp"], "exp": 1}),
        ("zip", {"zip": "DEF"}),
        ("zip other", {"zip": "GZIP"}),
        ("epk", {"epk": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}}),
        ("kid 7", {"kid": 7}),
    ):
        yield f"header {name}", f"{encode(json.dumps({**header, **value}).encode())}.{rest}"
    for name, octets in (("list", b"[]"), ("empty", b""), ("deep", b"[" * 9000), ("null", b"null")):
        yield f"header {name}", f"{encode(octets)}.{rest}"


def _der(number: bytes) -> bytes:
    return b"\x02" + bytes([len(number)]) + number
