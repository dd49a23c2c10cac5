"""JWE (RFC 7516) in both serializations, to and from a key or a password."""

import json
from typing import Any

from newel.cli.errors import CliError

PARTS = ("protected", "encrypted_key", "iv", "ciphertext", "tag")


def compact(data: bytes) -> str:
    """The compact form of a JWE in either serialization. Raises CliError for what is none."""
    text = "".join(data.decode(errors="replace").split())
    if not text.startswith("{"):
        if text.count(".") != 4:
            raise CliError("error parsing data: compact JWE format must have five parts")
        return text
    try:
        value: dict[str, Any] = json.loads(text)
        recipients: list[dict[str, Any]] = value.get("recipients", [{}])
        if len(recipients) != 1 or value.get("unprotected") or recipients[0].get("header"):
            raise CliError("error parsing data: only one recipient, with no header of its own")
        merged = value | recipients[0]
        if not merged.get("protected") or "ciphertext" not in merged or value.get("aad"):
            raise CliError("error parsing data: this JSON has no compact form")
        return ".".join(str(merged.get(part, "")) for part in PARTS)
    except (ValueError, AttributeError, TypeError):
        raise CliError("error parsing data: not a JWE") from None


def full(compact_form: str) -> str:
    """The flattened JSON form of a compact JWE."""
    members = dict(zip(PARTS, compact_form.split("."), strict=True))
    return json.dumps({k: v for k, v in members.items() if v}, separators=(",", ":"))


def decrypt_with_password(data: bytes, password: bytes) -> bytes | None:
    """What is inside; None when the password does not open it."""
    from newel.step.jwe import WrongPassword, decrypt

    try:
        return decrypt(compact(data), password)
    except WrongPassword:
        return None
    except ValueError as error:
        raise CliError(f"failed to decrypt JWE: {error}") from None
