"""What a template says of an SSH certificate (the JSON keys are the step toolchain's)."""

from newel.certtemplates.json_fields import Fields, text
from newel.certtemplates.ssh_content import SSHContent


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
