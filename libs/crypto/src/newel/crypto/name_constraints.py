"""Name constraints (RFC 5280 §4.2.1.10), enforced on names to be certified and on chains.

Where the RFC leaves a choice, the stricter reading applies: a wildcard is excluded if anything it may
match is, a common name that looks like a host is one, and constraints that cannot be read refuse all.
"""

import contextlib
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from cryptography import x509

from newel.crypto import certificate, der, distinguished_names, names, oids
from newel.crypto.distinguished_names import Attribute
from newel.crypto.dns_names import InvalidNameError

_DIRECTORY_TAG = 0xA4
_KINDS = {
    names.DNS_TAG: "dns",
    names.IP_TAG: "ip",
    names.EMAIL_TAG: "email",
    names.URI_TAG: "uri",
    _DIRECTORY_TAG: "directory",
}

_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_Path: TypeAlias = tuple[tuple[str, str], ...]
Base: TypeAlias = str | _Network | _Path


class ConstraintError(ValueError):
    """A name lies outside the name constraints of an issuer, or they cannot be read."""


class ForbiddenNameError(ConstraintError):
    """One name lies outside the name constraints."""

    def __init__(self, name: "names.GeneralName | _DirectoryName", base: Base | None) -> None:
        """Take the subtree that excludes the name; None where no permitted one has it."""
        relation = "not within" if base is None else "excluded by"
        super().__init__(f"{name} is {relation} the issuer's name constraints")
        self.kind: str = name.kind
        self.name = str(name)
        self.base = base


@dataclass(frozen=True, slots=True)
class _DirectoryName:
    kind: ClassVar = "directory"
    value: _Path

    def __str__(self) -> str:
        return "the subject"


_Name: TypeAlias = names.GeneralName | _DirectoryName


@dataclass(frozen=True, slots=True)
class NameConstraints:
    """The subtrees of a CA certificate, by kind of name: dns, ip, email, uri, directory.

    A kind that is not in ``permitted`` is not limited. Unsupported kinds (otherName …) are left out:
    no certificate with such a name is issued, or accepted below constraints.
    """

    permitted: dict[str, list[Base]] = field(default_factory=dict[str, list[Base]])
    excluded: dict[str, list[Base]] = field(default_factory=dict[str, list[Base]])

    def check(
        self, general_names: Iterable[names.GeneralName], subject: Sequence[Attribute]
    ) -> None:
        """Raise :class:`ConstraintError` for the first name outside the constraints."""
        for name in (*general_names, *_names_of_subject(subject)):
            for base in self.excluded.get(name.kind, ()):
                if _excludes(base, name):
                    raise ForbiddenNameError(name, base)
            permitted = self.permitted.get(name.kind)
            if permitted is not None and not any(_permits(base, name) for base in permitted):
                raise ForbiddenNameError(name, None)


def name_constraints(authority: x509.Certificate) -> NameConstraints | None:
    """Read the constraints of a CA certificate, if any. Raises :class:`ConstraintError`."""
    extension = certificate.extensions_of(authority).get(oids.NAME_CONSTRAINTS)
    if extension is None:
        return None
    try:
        return _read(extension.value)
    except (der.DERError, ValueError) as error:
        raise ConstraintError(f"the name constraints cannot be read: {error}") from None


def _read(value: bytes) -> NameConstraints:
    found = NameConstraints()
    reader = der.Reader(der.only(value).content)
    for tag, subtrees in ((0xA0, found.permitted), (0xA1, found.excluded)):
        element = reader.optional(tag)
        for subtree in der.children(element.content) if element else ():
            base, *distance = der.children(subtree.content)
            if distance:
                raise der.DERError("a subtree with a minimum or a maximum")
            kind = _KINDS.get(base.tag)
            if kind is not None:
                subtrees.setdefault(kind, []).append(_base(kind, base.content))
    reader.end()
    return found


def _base(kind: str, content: bytes) -> Base:
    if kind == "ip":
        return _network(content)
    if kind == "directory":
        return _path(distinguished_names.decode(content))
    text = content.decode("ascii")
    if kind == "email" and "@" in text:
        local, _, host = text.rpartition("@")
        return f"{local}@{host.lower()}"
    return text.lower().removesuffix(".")


def _network(octets: bytes) -> _Network:
    half = len(octets) // 2
    if len(octets) not in {8, 32}:
        raise der.DERError("an address range is not of 8 or 32 octets")
    address, mask = ipaddress.ip_address(octets[:half]), int.from_bytes(octets[half:], "big")
    bits = 8 * half
    prefix = mask.bit_count()
    if mask != ((1 << prefix) - 1) << (bits - prefix):
        raise der.DERError("the mask of an address range has holes")
    return ipaddress.ip_network(f"{address}/{prefix}", strict=False)


def _path(attributes: Sequence[Attribute]) -> _Path:
    """Fold case and white space, a simple form of RFC 5280 §7.1."""
    return tuple((each.oid, " ".join(each.value.casefold().split())) for each in attributes)


def _names_of_subject(subject: Sequence[Attribute]) -> Iterator[_Name]:
    """Yield the subject, its e-mail addresses, and a common name that verifiers use as a host."""
    if subject:
        yield _DirectoryName(_path(subject))
    for each in subject:
        if each.oid == oids.EMAIL_ADDRESS:
            try:
                yield names.email_address(each.value)
            except InvalidNameError as error:
                raise ConstraintError(str(error)) from None
        elif each.oid == oids.COMMON_NAME and any(c in each.value for c in ".:@"):
            text = each.value.strip().removesuffix(".")
            with contextlib.suppress(InvalidNameError):
                name = names.parse_san(text)
                yield name
                if isinstance(name, names.URI) and "://" not in name.value:  # a.test:443
                    yield names.parse_san(text.partition(":")[0])


def _permits(base: Base, name: _Name) -> bool:
    match name, base:
        case names.DNSName(), str():
            return _is_under(name.value, base)
        case names.IPAddress(), ipaddress.IPv4Network() | ipaddress.IPv6Network():
            return name.value in base
        case names.EmailAddress(), str():
            return name.value == base if "@" in base else _is_at(_host_of_email(name), base)
        case names.URI(), str():
            return _is_at(_host_of_uri(name), base)
        case _DirectoryName(), tuple():
            return name.value[: len(base)] == base
        case _:
            return False


def _excludes(base: Base, name: _Name) -> bool:
    match name, base:
        case names.DNSName(), str():
            domain = base.removeprefix(".")
            # *.a.test matches x.a.test, which may be what is excluded
            matches = name.value.startswith("*.") and domain.endswith(name.value[1:])
            return matches or _is_under(name.value, domain)
        case names.IPAddress(), ipaddress.IPv4Network() | ipaddress.IPv6Network():
            same_host = (name.value, *names.equivalent_addresses(name.value))
            return any(address in base for address in same_host)
        case names.EmailAddress(), str() if "@" in base:
            return name.value.lower() == base.lower()
        case names.URI(), str():
            return _is_under(_host_of_uri(name), base.removeprefix("."))
        case _:
            return _permits(base, name)


def _is_under(domain: str, base: str) -> bool:
    """Say whether a domain is at or below the base; only below it, if the base starts with a dot."""
    if base.startswith(".") or not base:
        return domain.endswith(base)
    return domain == base or domain.endswith(f".{base}")


def _is_at(host: str, base: str) -> bool:
    """Apply the rule of e-mail addresses and URIs: one host, or any host below a leading dot."""
    return host.endswith(base) if base.startswith(".") or not base else host == base


def _host_of_email(name: names.EmailAddress) -> str:
    return name.value.rpartition("@")[2]


def _host_of_uri(name: names.URI) -> str:
    """Return the host, a domain name; §4.2.1.10 rejects a URI without one where URIs are constrained."""
    host = host_of_uri(name.value)
    if host is None:
        raise ConstraintError(f"{name} has no domain name to check against name constraints")
    return host


def host_of_uri(uri: str) -> str | None:
    """Return the host of a URI if it is a domain name, else None."""
    _, slashes, rest = uri.partition("://")
    authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    host = authority.partition(":")[0]
    if not slashes or not host or host.startswith("[") or host.replace(".", "").isdigit():
        return None
    return host
