"""A listener's TLS that changes while it runs: new connections get a new context, old ones keep theirs.

Loading a certificate into a context in use can crash the interpreter and keeps a certificate of another key
type; so every change makes a new context, to which the outer one passes each handshake.
"""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Generator, Sequence

from newel.runtime.errors import ErrorType, NewelError


class ServerTLS:
    """The certificate a listener presents and the clients it trusts.

    Client certificates are optional; one that does not verify ends the handshake. Call
    ``present`` before listening and again whenever there is a new certificate.
    """

    def __init__(
        self,
        versions: tuple[float, float] = (1.2, 1.3),
        cipher_suites: Sequence[str] = (),
        *,
        asks_clients: bool = True,
    ) -> None:
        """Create it for TLS from the first to the second of ``versions``, which are 1.2 or 1.3.

        ``cipher_suites`` are OpenSSL's names of those of TLS 1.2; () for the library's own choice.
        ``asks_clients``: whether clients are asked for a certificate; a browser that is asks its person.
        """
        self._versions = versions
        self._suites = ":".join(cipher_suites)
        self._verify_mode = ssl.CERT_OPTIONAL if asks_clients else ssl.CERT_NONE
        self._anchors = ""
        self._chain = b""
        self._key = b""
        self._current: ssl.SSLContext | None = None
        self.generation = 0
        """Grows with every certificate, so that clients that show it know of a new one."""
        self.context = self._make_context("")
        self.context.sni_callback = self._select_context

    def trust(self, anchors: Sequence[str]) -> None:
        """Set the PEM certificates at which client chains may end: roots, and intermediates clients omit."""
        self._anchors = "\n".join(anchors)
        if self._chain:
            self._reload()

    def present(self, chain: bytes, key: bytes) -> None:
        """Set the PEM chain (leaf first, no root) and unencrypted PEM key for new connections."""
        self._chain, self._key = chain, key
        self.generation += 1
        self._reload()

    def load_into(self, context: ssl.SSLContext) -> None:
        """Have a client show the same certificate; none as long as there is none."""
        if self._chain:
            self._load(context)

    def _reload(self) -> None:
        context = self._make_context(self._anchors)
        self._load(context)
        self._current = context

    def _make_context(self, anchors: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        oldest, newest = self._versions
        context.minimum_version, context.maximum_version = _VERSIONS[oldest], _VERSIONS[newest]
        context.set_alpn_protocols(["http/1.1"])
        if self._suites:
            context.set_ciphers(self._suites)
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.verify_mode = self._verify_mode
        if anchors:
            context.load_verify_locations(cadata=anchors)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        with _temporary_path(self._chain) as chain_path, _temporary_path(self._key) as key_path:
            context.load_cert_chain(chain_path, key_path)

    def _select_context(
        self, connection: ssl.SSLObject, _name: str | None, _outer: ssl.SSLContext
    ) -> None:
        if self._current is None:
            raise NewelError(ErrorType.UNAVAILABLE, "the server has no certificate yet")
        connection.context = self._current


_VERSIONS = {1.2: ssl.TLSVersion.TLSv1_2, 1.3: ssl.TLSVersion.TLSv1_3}


@contextlib.contextmanager
def _temporary_path(data: bytes) -> Generator[str]:
    """Yield a path that the ssl module can read once; it is in memory where the system supports that."""
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
