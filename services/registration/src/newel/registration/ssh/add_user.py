"""The certificate that lets a host add the account of a user at the first log-in.

It is of the same validity as the user's own, for a principal that hosts have for this purpose, and runs
one command, in which the name of the user stands.
"""

import re
from typing import NamedTuple

import msgspec

from newel.registration.errors import forbidden_error
from newel.registration.ssh.identity import derive_key
from newel.registration.ssh_issuance import SSHIssueRequest

_PLACE = "<principal>"
_ACCOUNT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
# the name of the command's caller stands in a shell's line that is run as root


class AddUser(NamedTuple):
    """Whom hosts let in to add accounts, and by which command."""

    principal: str
    command: str

    def request(self, user: SSHIssueRequest, key: bytes) -> SSHIssueRequest | None:
        """Return the request for the certificate beside the user's; None where the user's has no use for one.

        Raises ``forbidden`` for a name that a shell would not read as one word.
        """
        if user.type != "user" or not _is_one_person(list(user.principals)):
            return None
        name = user.principals[0]
        if not _ACCOUNT.fullmatch(name):
            raise forbidden_error(f"no account can be added for the principal '{name[:64]}'")
        return msgspec.structs.replace(
            user,
            idempotency_key=derive_key(user.idempotency_key, b"add-user"),
            public_key=key,
            key_id=f"{name}-{self.principal}",
            principals=[self.principal],
            critical_options={"force-command": self.command.replace(_PLACE, name)},
            extensions={},
        )


def _is_one_person(principals: list[str]) -> bool:
    """Tell whether they are one account, or one and its address."""
    if len(principals) == 2:
        return "@" not in principals[0] and "@" in principals[1]
    return len(principals) == 1
