"""Metadata of the client that asks for a certificate, for templates and policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from newel.crypto import names
from newel.crypto.dns_names import UNDERSCORES, InvalidNameError

OWNER = "owner"
"""The entry that says who answers for an endpoint, and is told of alerts about it."""


@dataclass(frozen=True, slots=True)
class MetadataQuery:
    """Who asks: whom the provisioner proved, and the names that are asked for."""

    provisioner: str
    subject: str
    names: tuple[str, ...]  # "dns:a.example", as the catalogue spells them


@dataclass(frozen=True, slots=True)
class MetadataKey:
    """Where a piece of metadata is kept."""

    kind: str  # "subject" or "name"
    key: str
    provisioner: str  # "" when it holds for every provisioner


def spell_name(name: str) -> str:
    """Return a name, ``dns:Web.Example``, as requests are looked up by: ``dns:web.example``.

    Domain names and the domains of addresses are in lower case and A-labels, IP addresses in their
    shortest form (RFC 5952), schemes and hosts of URIs in lower case. What no certificate may carry
    stays as it is.
    """
    kind, _, text = name.partition(":")
    try:
        match kind:
            case "dns":
                found = names.dns_name(text, UNDERSCORES)
            case "ip":
                found = names.ip_address(text)
            case "email":
                found = names.email_address(text)
            case "uri":
                found = names.uri(text)
            case _:
                return name
    except InvalidNameError:
        return name
    return f"{kind}:{found}"


class MetadataStore(Protocol):
    """The metadata of people, devices and workloads."""

    async def read(self, keys: Sequence[MetadataKey]) -> dict[MetadataKey, dict[str, str]]:
        """Read those of these entries that exist."""
        ...


def metadata_keys(question: MetadataQuery) -> list[MetadataKey]:
    """Return the keys to look up, from the least to the most specific.

    Metadata of a name is less specific than metadata of the verified subject, and metadata for all
    provisioners less than metadata for one.
    """
    subjects = [question.subject] if question.subject else []
    return [
        MetadataKey(kind, key, provisioner)
        for kind, values in (("name", question.names), ("subject", subjects))
        for provisioner in dict.fromkeys(("", question.provisioner))
        for key in values
    ]


async def look_up(
    store: MetadataStore, questions: Sequence[MetadataQuery]
) -> list[dict[str, str] | None]:
    """Return the metadata for each question, in order; None where nothing is known."""
    asked = [metadata_keys(question) for question in questions]
    found = await store.read(list(dict.fromkeys(key for keys in asked for key in keys)))
    answers: list[dict[str, str] | None] = []
    for keys in asked:
        known = [found[key] for key in keys if key in found]
        answers.append({name: text for entry in known for name, text in entry.items()} or None)
    return answers


async def find_owner(store: MetadataStore, query: MetadataQuery) -> str:
    """Return the owner that the metadata names for a catalogued certificate; "" without one."""
    names = tuple(spell_name(name) for name in query.names)
    (known,) = await look_up(store, [MetadataQuery(query.provisioner, query.subject, names)])
    return (known or {}).get(OWNER, "")
