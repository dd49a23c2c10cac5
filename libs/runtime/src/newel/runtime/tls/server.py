"""A listener's TLS that changes while it runs: a fresh context for new connections, the old one for the old.

Loading a certificate into a context in use can crash the interpreter and keeps a certificate of another key
type; so every change makes a new context, which the outer one hands each handshake over to.
"""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Generator, Sequence

from newel.runtime.errors import ErrorType, NewelError


class ServerTLS:
    """What a listener presents and whom it trusts.

    Client certificates are asked for and optional; one that does not verify ends the handshake. Call
    ``present`` before listening and again whenever there is a new certificate.
    """

    def __init__(self, versions: tuple[float, float] = (1.2, 1.3)) -> None:
        """``versions``: the least and the last version of TLS, 1.2 or 1.3."""
        self._versions = versions
        self._anchors = ""
        self._chain = b""
        self._key = b""
        self._current: ssl.SSLContext | None = None
        self.context = _context("", versions)
        self.context.sni_callback = self._hand_over

    def trust(self, anchors: Sequence[str]) -> None:
        """PEM certificates client chains may end at: roots, and intermediates clients leave out."""
        self._anchors = "\n".join(anchors)
        if self._chain:
            self._renew()

    def present(self, chain: bytes, key: bytes) -> None:
        """PEM chain (leaf first, no root) and unencrypted PEM key for connections from now on."""
        self._chain, self._key = chain, key
        self._renew()

    def _renew(self) -> None:
        context = _context(self._anchors, self._versions)
        with _readable(self._chain) as chain_path, _readable(self._key) as key_path:
            context.load_cert_chain(chain_path, key_path)
        self._current = context

    def _hand_over(
        self, connection: ssl.SSLObject, _name: str | None, _outer: ssl.SSLContext
    ) -> None:
        if self._current is None:
            raise NewelError(ErrorType.UNAVAILABLE, "the server has no certificate yet")
        connection.context = self._current


_VERSIONS = {1.2: ssl.TLSVersion.TLSv1_2, 1.3: ssl.TLSVersion.TLSv1_3}


def _context(anchors: str, versions: tuple[float, float]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = (_VERSIONS[each] for each in versions)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.verify_mode = ssl.CERT_OPTIONAL
    if anchors:
        context.load_verify_locations(cadata=anchors)
    return context


@contextlib.contextmanager
def _readable(data: bytes) -> Generator[str]:
    """A path the ssl module can read once; in memory where the system has such files."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file.name
