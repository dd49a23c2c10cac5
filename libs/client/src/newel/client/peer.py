"""Who is on the other end of a mutual TLS connection, for ASGI applications.

    app = PeerIdentity(app)        # scope["peer"] is a Peer, or None without a client certificate

The chain is taken from the ASGI TLS extension. Behind a proxy that ends TLS, it is taken from the header of
RFC 9440 instead, and only from the configured proxies: the header of any other client is removed, because every
client can send one.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias, cast

from cryptography import x509
from cryptography.x509.oid import NameOID

from newel.crypto import loading, pem
from newel.step.fingerprint import fingerprint

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {b"client-cert", b"client-cert-chain"}
LARGEST_HEADER = 16 * 1024
CONNECTIONS = {"http", "websocket"}


@dataclass(frozen=True)
class Peer:
    """A client whose certificate the TLS server has verified. ``chain`` is DER, leaf first."""

    chain: tuple[bytes, ...] = field(repr=False)

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The leaf."""
        return loading.load_certificate(self.chain[0])

    @property
    def common_name(self) -> str:
        """The last common name of the subject, "" for none."""
        names = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(names[-1].value) if names else ""

    @property
    def serial(self) -> int:
        """The serial number."""
        return self.certificate.serial_number

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the leaf, hex."""
        return fingerprint(self.chain[0])

    @cached_property
    def names(self) -> frozenset[str]:
        """DNS names, addresses, mailboxes and URIs of the certificate."""
        try:
            names = self.certificate.extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            ).value
        except x509.ExtensionNotFound:
            return frozenset()
        kinds = (x509.DNSName, x509.IPAddress, x509.RFC822Name, x509.UniformResourceIdentifier)
        return frozenset(str(name) for kind in kinds for name in names.get_values_for_type(kind))

    @property
    def spiffe_id(self) -> str:
        """The one SPIFFE identifier, "" for none or several."""
        found = [name for name in self.names if name.startswith("spiffe://")]
        return found[0] if len(found) == 1 else ""


class PeerIdentity:
    """ASGI middleware that sets ``scope["peer"]``. ``proxies`` are addresses that may speak for clients."""

    def __init__(self, app: App, *, proxies: Collection[str] = ()) -> None:
        self._app = app
        self._proxies = frozenset(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request."""
        if scope["type"] in CONNECTIONS:
            address = (scope.get("client") or ("", 0))[0]
            headers = cast("list[tuple[bytes, bytes]]", scope.get("headers") or [])
            forwarded = dict(headers) if address in self._proxies else {}
            scope = {
                **scope,
                "headers": [pair for pair in headers if pair[0].lower() not in HEADERS],
                "peer": from_header(forwarded) if address in self._proxies else from_tls(scope),
            }
        await self._app(scope, receive, send)


def from_tls(scope: Scope) -> Peer | None:
    """Return the peer of the connection itself."""
    extension = (scope.get("extensions") or {}).get("tls") or {}
    chain = extension.get("client_cert_chain_der")
    if chain is None:
        texts = extension.get("client_cert_chain") or []
        chain = [pem.decode(text.encode()) for text in texts]
    return Peer(tuple(chain)) if chain else None


def from_header(headers: dict[bytes, bytes]) -> Peer | None:
    """Return the client that a trusted proxy names (RFC 9440 §2.2), None without a valid one."""
    value = headers.get(b"client-cert", b"").strip()
    if not (len(value) <= LARGEST_HEADER and value.startswith(b":") and value.endswith(b":")):
        return None
    try:
        leaf = base64.b64decode(value[1:-1], validate=True)
        loading.load_certificate(leaf)
    except (binascii.Error, ValueError):
        return None
    return Peer((leaf,))
