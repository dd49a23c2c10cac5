"""Identifiers of orders and authorizations (RFC 8555 §9.7.7, RFC 8738, draft-ietf-acme-device-attest)."""

import ipaddress

import msgspec

PERMANENT_IDENTIFIER = "permanent-identifier"
"""The type of identifiers of devices."""


class Identifier(msgspec.Struct, frozen=True):
    """``type`` is "dns", "ip" or "permanent-identifier".

    ``value`` is a name (``*.`` before a wildcard's), an address, or what a device is called.
    """

    type: str
    value: str

    @property
    def is_wildcard(self) -> bool:
        """Whether it is a DNS name whose first label is ``*``."""
        return self.type == "dns" and self.value.startswith("*.")

    @property
    def is_device(self) -> bool:
        """Whether it is the permanent identifier of a device (RFC 4043)."""
        return self.type == PERMANENT_IDENTIFIER

    @property
    def base(self) -> "Identifier":
        """The identifier an authorization carries: without ``*.`` (RFC 8555 §7.1.4)."""
        return Identifier(self.type, self.value[2:]) if self.is_wildcard else self


def list_domains(name: str) -> list[str]:
    """Return a DNS name without ``*.`` and the domains above it, itself first and the top level last."""
    labels = name.rstrip(".").split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def reverse_name(address: str) -> str:
    """Return the in-addr.arpa or ip6.arpa name of an address, without the last dot (RFC 8738 §6)."""
    return ipaddress.ip_address(address).reverse_pointer
