"""The content of an SSH certificate, apart from templates: it loads nothing of them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

EXTENSIONS: Mapping[str, Sequence[str]] = {
    "user": (
        "permit-X11-forwarding",
        "permit-agent-forwarding",
        "permit-port-forwarding",
        "permit-pty",
        "permit-user-rc",
    ),
    "host": (),
}
"""What the holder of each type of certificate may do unless a template says otherwise."""


class SSHContent(NamedTuple):
    """Type (``user`` or ``host``), names, critical options and extensions with their values."""

    type: str
    key_id: str
    principals: Sequence[str]
    critical_options: Mapping[str, str]
    extensions: Mapping[str, str]

    @classmethod
    def usual(cls, type: str, key_id: str, principals: Sequence[str]) -> "SSHContent":  # noqa: A002 - OpenSSH's word
        """Return the content of a certificate without a template."""
        return cls(type, key_id, principals, {}, dict.fromkeys(EXTENSIONS[type], ""))
