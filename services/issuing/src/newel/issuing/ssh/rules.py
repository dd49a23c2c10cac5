"""What an SSH certificate may say, whichever provisioner asks for it.

sshd takes a certificate without principals for every account, splits lists of principals at commas, and
refuses certificates with critical options that it does not know.
"""

import ipaddress
from collections.abc import Mapping, Sequence

from newel.issuing.requests import malformed_error

MAX_PRINCIPALS = 256
MAX_PRINCIPAL = 256  # characters
MAX_KEY_ID = 1024  # characters
MAX_OPTIONS = 32
_MAX_NAME, _MAX_VALUE = 128, 8 * 1024
_CRITICAL = {"user": frozenset({"force-command", "source-address", "verify-required"})}
_FORBIDDEN = {"user": ",*?!", "host": ","}


def check_names(kind: str, key_id: str, principals: Sequence[str]) -> None:
    """Check key id and principals. Raises ``malformed``, which says what is wrong."""
    if not key_id or len(key_id) > MAX_KEY_ID or _has_control(key_id):
        raise malformed_error(
            f"a key id has 1 to {MAX_KEY_ID} characters, and none of them is a control character"
        )
    if not principals:
        raise malformed_error("a certificate without principals would be valid for every account")
    if len(principals) > MAX_PRINCIPALS:
        raise malformed_error(f"more than {MAX_PRINCIPALS} principals")
    if len(set(principals)) != len(principals):
        raise malformed_error("a principal is given twice")
    for principal in principals:
        if not 0 < len(principal) <= MAX_PRINCIPAL:
            raise malformed_error(f"a principal has 1 to {MAX_PRINCIPAL} characters")
        if _has_control(principal) or principal != principal.strip():
            raise malformed_error(
                f"the principal {principal!r} has a control character, or blanks around it"
            )
        if any(char in _FORBIDDEN[kind] for char in principal):
            raise malformed_error(
                f"the principal {principal!r} has one of the characters {_FORBIDDEN[kind]}"
            )


def check_options(kind: str, critical: Mapping[str, str], extensions: Mapping[str, str]) -> None:
    """Check critical options and extensions. Raises ``malformed``, which says what is wrong."""
    unknown = sorted(critical.keys() - _CRITICAL.get(kind, frozenset()))
    if unknown:
        raise malformed_error(
            f"the critical option {unknown[0][:_MAX_NAME]!r} is unknown to sshd"
            f" for certificates of a {kind}"
        )
    for name, value in (*critical.items(), *extensions.items()):
        if not 0 < len(name) <= _MAX_NAME or not name.isascii() or _has_control(name + value):
            raise malformed_error(f"the option {name[:_MAX_NAME]!r} has no proper name or value")
        if len(value) > _MAX_VALUE:
            raise malformed_error(f"the option {name!r} is too long")
    if max(len(critical), len(extensions)) > MAX_OPTIONS:
        raise malformed_error(f"more than {MAX_OPTIONS} options")
    if critical.get("verify-required"):
        raise malformed_error("the critical option 'verify-required' has no value")
    _check_addresses(critical.get("source-address"))


def _check_addresses(listed: str | None) -> None:
    for text in [] if listed is None else listed.split(","):
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise malformed_error(
                f"source-address: {text[:64]!r} is neither an address nor a network"
            ) from None


def _has_control(text: str) -> bool:
    return any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in text)
