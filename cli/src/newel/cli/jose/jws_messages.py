"""JWS (RFC 7515) in both serializations: make, read, verify and show."""

import base64
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from newel.cli.errors import CliError

if TYPE_CHECKING:
    from newel.cli.jose.jose_key import JOSEKey


@dataclass(frozen=True, slots=True)
class Jws:
    """A parsed message whose signature is not verified yet."""

    protected: str
    payload_text: str
    signature_text: str
    header: dict[str, Any]

    @property
    def payload(self) -> bytes:
        """What was signed, unverified."""
        return decode(self.payload_text)

    @property
    def compact(self) -> str:
        """The compact serialization."""
        return f"{self.protected}.{self.payload_text}.{self.signature_text}"

    def detach(self) -> "Jws":
        """Without its payload (RFC 7515 appendix F)."""
        return replace(self, payload_text="")

    def about(self, payload: bytes) -> "Jws":
        """Return a detached message with its payload. Raises CliError when it has one of its own."""
        if self.payload_text:
            raise CliError("error parsing token: its payload is not detached")
        return replace(self, payload_text=encode(payload))

    @property
    def full(self) -> str:
        """The flattened JSON serialization."""
        members = {"payload": self.payload_text} if self.payload_text else {}
        members |= {"protected": self.protected, "signature": self.signature_text}
        return json.dumps(members, separators=(",", ":"))

    def members(self, payload: object) -> dict[str, Any]:
        """Return how the message is shown."""
        return {"header": self.header, "payload": payload, "signature": self.signature_text}


def decode(text: str) -> bytes:
    """Unpadded base64url; as strict as newel.jose.base64url, without what that imports."""
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    if encode(data) != text:
        raise CliError("error parsing token: illegal base64 data")
    return data


def encode(data: bytes) -> str:
    """Unpadded base64url."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parse(text: str) -> Jws:
    """Return the message in either serialization. Raises CliError for what is none."""
    stripped = "".join(text.split())
    if stripped.startswith("{"):
        protected, payload, signature = parts_of_json(stripped)
    else:
        parts = stripped.split(".")
        if len(parts) != 3:
            raise CliError("error parsing token: compact JWS format must have three parts")
        protected, payload, signature = parts
    try:
        header: object = json.loads(decode(protected))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise CliError("error parsing token: the protected header is not a JSON object")
    decode(payload)
    decode(signature)
    return Jws(protected, payload, signature, cast("dict[str, Any]", header))


def parts_of_json(text: str) -> tuple[str, str, str]:
    """Header, payload and signature of a JSON serialization with one signature."""
    try:
        value: dict[str, Any] = json.loads(text)
        signatures: list[dict[str, Any]] = value.get("signatures", [value])
        if len(signatures) != 1:
            raise CliError("validation failed: multiple signatures are not supported")
        if signatures[0].get("header"):
            raise CliError("error parsing token: headers that are not protected are not supported")
        one = signatures[0]
        return str(one["protected"]), str(value.get("payload", "")), str(one["signature"])
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        raise CliError("error parsing token: not a JWS") from None


def sign(header: dict[str, Any], payload: bytes, key: "JOSEKey") -> str:
    """Return the compact JWS under the key's algorithm; the header's members stand in order of their names."""
    from newel.cli.jose.jose_keys import for_signing
    from newel.jose import jws

    signer = for_signing(key)
    members = dict(sorted((header | {"alg": key.alg}).items()))
    text = json.dumps(members, separators=(",", ":")).encode()
    if not isinstance(signer, bytes):
        try:
            return jws.sign_compact(text, payload, signer, alg=key.alg)
        except ValueError as error:
            raise CliError(f"error signing payload: {error}") from None
    signed = f"{encode(text)}.{encode(payload)}"
    return f"{signed}.{encode(jws.compute_mac(signer, key.alg, signed.encode()))}"


def verify(message: Jws, key: "JOSEKey") -> bytes:
    """Return the payload. Raises CliError unless the signature is the key's, under an algorithm of the key."""
    from newel.crypto.keys import PrivateKey
    from newel.jose import jws
    from newel.jose.errors import InvalidSignatureError

    algorithm = str(message.header.get("alg", ""))
    signed = f"{message.protected}.{message.payload_text}".encode()
    signature = decode(message.signature_text)
    if isinstance(key.key, bytes):
        try:
            jws.verify_mac(key.key, algorithm, signed, signature)
        except ValueError:
            raise CliError("validation failed: invalid signature") from None
        return message.payload
    public = key.key.public_key() if isinstance(key.key, PrivateKey) else key.key
    try:
        jws.algorithms_for(public)
        jws.verify(public, algorithm, signed, signature)
    except InvalidSignatureError:
        raise CliError("validation failed: invalid signature") from None
    except ValueError as error:
        raise CliError(f"validation failed: {error}") from None
    return message.payload


def refuse_unknown(message: Jws) -> None:
    """Refuse critical header members, none of which is supported (RFC 7515 §4.1.11)."""
    if "crit" in message.header:
        raise CliError("validation failed: unrecognized critical headers (crit)")
