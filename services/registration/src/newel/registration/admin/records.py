"""The configuration that administrators manage, as values."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from newel.runtime.entropy import random_bytes
from newel.runtime.errors import ErrorType, NewelError
from newel.step.managed_messages import ADMIN_TYPES, SUPER_ADMIN, ManagedAdmin, write_time
from newel.step.policies import NameLists

Record = dict[str, Any]


class Administrator(msgspec.Struct, frozen=True):
    """A subject that one provisioner vouches for."""

    id: str
    subject: str
    provisioner: str
    """The provisioner's id."""
    type: int
    created_at: int

    @property
    def is_super(self) -> bool:
        """Whether this administrator may change administrators."""
        return self.type == SUPER_ADMIN

    def message(self, authority_id: str) -> ManagedAdmin:
        """Return what clients are told."""
        return ManagedAdmin(
            self.id,
            authority_id,
            self.subject,
            self.provisioner,
            ADMIN_TYPES[self.type],
            write_time(self.created_at),
        )


class StoredProvisioner(msgspec.Struct, frozen=True):
    """A provisioner in the database."""

    id: str
    name: str
    position: int
    record: str
    """JSON, as in ca.json."""
    created_at: int
    revision: int
    """The revision of the configuration that changed it last."""

    def read(self) -> Record:
        """Return the record, decoded again."""
        return msgspec.json.decode(self.record)


class StoredPolicy(msgspec.Struct, frozen=True):
    """The authority's policy in the database."""

    policy: Record
    """As in ca.json."""
    revision: int


class ExternalKey(msgspec.Struct, frozen=True):
    """An external account key (RFC 8555 §7.3.4), without its MAC key."""

    id: str
    provisioner: str
    reference: str
    account: bytes | None
    created_at: int
    bound_at: int | None
    policy: Record | None
    revision: int
    approved: NameLists | None = None
    """The names that its accounts need not prove."""
    most: int = 1
    """How many accounts it may bind."""
    bound: int = 0
    """How many it has bound, ``account`` being the last."""
    ends_at: int | None = None
    """Seconds since 1970, from which on it binds no account and approves no names; None: never."""


class Configuration(msgspec.Struct, frozen=True):
    """Everything that administrators manage, at one revision."""

    revision: int
    provisioners: Mapping[str, StoredProvisioner]
    """By name, in their order."""
    administrators: Mapping[str, Administrator]
    """By id, in the order of ids."""
    policy: StoredPolicy | None

    def provisioner(self, name: str) -> StoredProvisioner:
        """Return the provisioner of a name. Raises ``notFound``."""
        found = self.provisioners.get(name)
        if found is None:
            raise not_found_error(f"provisioner {name[:256]} not found")
        return found

    def provisioner_by_id(self, identifier: str) -> StoredProvisioner:
        """Return the provisioner of an id. Raises ``notFound``."""
        for each in self.provisioners.values():
            if each.id == identifier:
                return each
        raise not_found_error(f"provisioner {identifier[:256]} not found")

    def administrator(self, identifier: str) -> Administrator:
        """Return the administrator of an id. Raises ``notFound``."""
        found = self.administrators.get(identifier)
        if found is None:
            raise not_found_error(f"admin {identifier[:256]} not found")
        return found

    def administrator_of(self, subject: str, provisioner: str) -> Administrator | None:
        """Return the administrator of a subject and a provisioner's id, or None."""
        for each in self.administrators.values():
            if each.subject == subject and each.provisioner == provisioner:
                return each
        return None

    def count_super(self, *, without: str = "") -> int:
        """Count the super administrators, apart from those of the provisioner with the id ``without``."""
        return sum(
            each.is_super and each.provisioner != without for each in self.administrators.values()
        )


def not_found_error(detail: str) -> NewelError:
    """Make a 404."""
    return NewelError(ErrorType.NOT_FOUND, detail)


def conflict_error(detail: str) -> NewelError:
    """Make a 409."""
    return NewelError(ErrorType.CONFLICT, detail)


def explain(error: NewelError, context: str) -> NewelError:
    """Return the error with what was tried before its detail."""
    return NewelError(error.type, f"{context}: {error.detail}", cause=error.cause)


def new_uuid() -> str:
    """Return a random UUID (version 4, RFC 9562 §5.4)."""
    return str(UUID(bytes=random_bytes(16), version=4))
