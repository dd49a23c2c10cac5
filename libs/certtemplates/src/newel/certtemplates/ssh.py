"""What a template says of an SSH certificate (the JSON keys are the step toolchain's)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from newel.certtemplates.json_fields import Fields, text

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


def read_content(fields: Fields) -> SSHContent:
    """Read a template's output. Raises ValueError."""
    return SSHContent(
        fields.read("type", text, ""),
        fields.read("keyId", text, ""),
        fields.texts("principals"),
        fields.read("criticalOptions", _options, {}),
        fields.read("extensions", _options, {}),
    )


def _options(found: object) -> dict[str, str]:
    fields = Fields.of(found, "options")
    return {name: fields.read(name, text, "") for name in fields.exact}
