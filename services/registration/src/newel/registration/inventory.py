"""The inventory's metadata of requesters: for templates, and to decide which names are issued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol, TypeAlias

from newel.crypto import names
from newel.crypto.dns_names import UNDERSCORES, InvalidNameError
from newel.crypto.names import DNSName, EmailAddress, GeneralName, IPAddress
from newel.registration.errors import forbidden_error
from newel.runtime.errors import ErrorType, NewelError

Metadata = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal of an SSH certificate that is neither a host's name or address nor a mail address."""

    kind: ClassVar = "principal"
    value: str

    def __str__(self) -> str:
        return self.value


InventoryName: TypeAlias = GeneralName | Principal


class InventoryQuestion(NamedTuple):
    """Whose metadata is asked for: a proved subject's, and that of names."""

    provisioner: str
    subject: str
    names: tuple[InventoryName, ...]


def read_principal(kind: str, text: str) -> InventoryName:
    """Return the name that the inventory knows a principal of a ``user`` or a ``host`` by."""
    try:
        name = names.parse_san(text, UNDERSCORES)
    except InvalidNameError:
        return Principal(text)
    usual = (DNSName, IPAddress) if kind == "host" else (EmailAddress,)
    return name if isinstance(name, usual) else Principal(text)


class Inventory(Protocol):
    """The inventory. Its method raises ``unavailable`` when it does not answer."""

    async def look_up(self, questions: Sequence[InventoryQuestion]) -> Sequence[Metadata | None]:
        """Return the metadata for each question, in order; None where nothing is known."""
        ...


async def read_metadata(
    inventory: Inventory | None, question: InventoryQuestion, *, require_names: bool
) -> Metadata:
    """Return what the inventory knows of a subject and its names, nothing where it knows none of them.

    With ``require_names`` each name has to be known by itself: raises ``forbidden`` for the first that
    is not. Raises ``unavailable`` when the inventory cannot be asked, which is never taken for "no".
    """
    names = question.names if require_names else ()
    whole, unknown = await _ask(inventory, question, names)
    if unknown:
        raise forbidden_error(
            explain_unknown(unknown[0]),
            cause=f"the inventory has no metadata of {unknown[0].kind}:{unknown[0]}",
        )
    return whole or {}


async def find_unknown_names(
    inventory: Inventory | None, question: InventoryQuestion
) -> Sequence[InventoryName]:
    """Return the names that the inventory does not know.

    Raises ``unavailable`` when the inventory cannot be asked.
    """
    return (await _ask(inventory, question, question.names))[1]


def explain_unknown(name: InventoryName) -> str:
    """Tell a client that the inventory does not know a name."""
    return f"the inventory does not know {name.kind}:{str(name)[:256]}"


async def _ask(
    inventory: Inventory | None, question: InventoryQuestion, names: Sequence[InventoryName]
) -> tuple[Metadata | None, list[InventoryName]]:
    """Return the metadata for a question, and those of the names that nothing is known of."""
    if inventory is None:
        raise NewelError(
            ErrorType.UNAVAILABLE,
            "the inventory cannot be asked now; try again later",
            cause="there is no channel to the inventory ([runtime.channels.inventory])",
        )
    each_name = [question._replace(subject="", names=(name,)) for name in names]
    whole, *single = await inventory.look_up([question, *each_name])
    return whole, [name for name, known in zip(names, single, strict=True) if known is None]
