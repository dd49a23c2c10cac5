"""Administrators and their roles, as every administrative interface knows them."""

import enum
from dataclasses import dataclass


class Role(enum.StrEnum):
    """What an administrator may do. Each role has the rights of those before it."""

    VIEWER = "viewer"
    """Read."""
    OPERATOR = "operator"
    """Act on what there is: revoke certificates, acknowledge and silence alerts."""
    ADMINISTRATOR = "administrator"
    """Change what decides about future certificates."""

    def includes(self, least: "Role") -> bool:
        """Tell whether this role has the rights of ``least``."""
        order = list(Role)
        return order.index(self) >= order.index(least)


@dataclass(frozen=True, slots=True)
class VerifiedAdministrator:
    """The holder of a client certificate that the inventory knows as an administrator's."""

    subject: str
    serial: str
    """Lower-case hexadecimal."""
    role: Role


def read_role(text: str) -> Role:
    """Return the role of this name; the least one for a name that is unknown here."""
    try:
        return Role(text)
    except ValueError:
        return Role.VIEWER
