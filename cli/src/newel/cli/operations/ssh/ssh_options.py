"""What a command was told about the SSH certificate it gets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions
    from newel.cli.operations.template_data import TemplateData
    from newel.cli.operations.tokens.token_options import TokenOptions


class SSHOptions(NamedTuple):
    """The authority, and the way to a token for it and to a certificate."""

    tokens: "TokenOptions"
    usage: str
    """The synopsis of the command, for errors."""
    kinds: Sequence[str] = ()
    """The types of provisioner whose tokens the command's flags can ask for."""
    token: str | None = None
    offline: bool = False
    not_before: str | None = None
    not_after: str | None = None
    comment: str | None = None
    host_id: str | None = None
    template_data: "TemplateData | None" = None

    @property
    def authority(self) -> "AuthorityOptions":
        """The authority that issues."""
        return self.tokens.authority
