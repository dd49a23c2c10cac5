"""TLS contexts whose certificate changes while they are used.

Loading a chain into a context that other threads are shaking hands with corrupts memory in some releases
of CPython, and a context never forgets a certificate of another key type. So nothing is ever changed in a
context that was used: each generation gets a fresh one with the same settings, and new connections start
from the newest. Connections that are open keep the one they began with.
"""

import os
import ssl
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from newel.client.credential import Credential

READABLE = (
    "check_hostname", "verify_mode", "verify_flags", "minimum_version", "maximum_version", "options",
    "post_handshake_auth", "num_tickets",
)  # fmt: skip # words in rows


class RotatingContext(ssl.SSLContext):
    """An SSLContext that begins each connection with the newest certificate.

    Whatever a library sets on it (ALPN, verification, trust anchors) holds for every later generation.
    """

    _source: Callable[[], Credential]
    _lock: threading.Lock
    _last: dict[str, tuple[Any, ...]]
    _added: list[tuple[str, tuple[Any, ...], dict[str, Any]]]
    _inner: ssl.SSLContext | None
    _made_for: tuple[object, ...]

    def __new__(cls, protocol: int, source: Callable[[], Credential]) -> Self:
        """``source`` says what the certificate is at this moment."""
        made = super().__new__(cls, protocol)
        made._source = source
        made._lock = threading.Lock()
        made._last = {}
        made._added = []
        made._inner = None
        made._made_for = ()
        return made

    def __init__(self, protocol: int, source: Callable[[], Credential]) -> None:
        super().__init__()
        del protocol, source  # taken by __new__, as the C type does

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """As the base does, with the newest certificate."""
        return self.current().wrap_socket(*args, **kwargs)

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As the base does, with the newest certificate."""
        return self.current().wrap_bio(*args, **kwargs)

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:
        """Set it for this and every later generation."""
        super().set_alpn_protocols(alpn_protocols)
        self._remember("set_alpn_protocols", (list(alpn_protocols),))

    def set_ciphers(self, ciphers: str, /) -> None:
        """Set it for this and every later generation."""
        super().set_ciphers(ciphers)
        self._remember("set_ciphers", (ciphers,))

    def set_ecdh_curve(self, name: str, /) -> None:
        """Set it for this and every later generation."""
        super().set_ecdh_curve(name)
        self._remember("set_ecdh_curve", (name,))

    def load_verify_locations(self, *args: Any, **kwargs: Any) -> None:
        """Trust anchors are added to this and every later generation."""
        super().load_verify_locations(*args, **kwargs)
        with self._lock:
            self._added.append(("load_verify_locations", args, kwargs))

    def load_default_certs(self, purpose: Any = ssl.Purpose.SERVER_AUTH) -> None:
        """Trust anchors are added to this and every later generation."""
        super().load_default_certs(purpose)
        with self._lock:
            self._added.append(("load_default_certs", (purpose,), {}))

    def load_cert_chain(self, *_: Any, **__: Any) -> None:
        """Refused: the certificate is the identity's."""
        raise TypeError("the certificate of a rotating context is its identity's")

    def current(self) -> ssl.SSLContext:
        """Return the context for a new connection, replaced when certificate or settings change."""
        credential = self._source()
        with self._lock:
            wanted = (credential, *self._settings())
            if self._inner is None or wanted != self._made_for:
                self._inner = self._build(credential)
                self._made_for = wanted
            return self._inner

    def _settings(self) -> tuple[object, ...]:
        readable = tuple(getattr(self, name) for name in READABLE)
        return (*readable, len(self._added), str(self._last), self.sni_callback)

    def _remember(self, name: str, args: tuple[Any, ...]) -> None:
        with self._lock:
            self._last[name] = args

    def _build(self, credential: Credential) -> ssl.SSLContext:
        made = ssl.SSLContext(self.protocol)
        made.check_hostname = False  # else verify_mode cannot be lowered where that was asked for
        made.verify_mode = self.verify_mode
        for name in READABLE:
            value = getattr(self, name)
            if getattr(made, name) != value:
                setattr(made, name, value)
        for name, args, kwargs in self._added:
            getattr(made, name)(*args, **kwargs)
        for name, args in self._last.items():
            getattr(made, name)(*args)
        if self.sni_callback is not None:
            made.sni_callback = self.sni_callback
        load(made, credential)
        return made


def load(context: ssl.SSLContext, credential: Credential) -> None:
    """Load a certificate into an unused context; the key is never on a disk in clear."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("newel", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "wb") as memory:
            memory.write(credential.chain_pem + credential.key_pem())
            memory.flush()
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        return
    sealed, password = credential.encrypt_key()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pair.pem"
        file.write_bytes(credential.chain_pem + sealed)
        context.load_cert_chain(file, password=password)


def client(source: Callable[[], Credential], roots: str) -> RotatingContext:
    """For connecting: trusts these PEM roots and presents the identity where it is asked for."""
    made = RotatingContext(ssl.PROTOCOL_TLS_CLIENT, source)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_verify_locations(cadata=roots)
    return made


def server(
    source: Callable[[], Credential], roots: str, *, require_client: bool | str = True
) -> RotatingContext:
    """For listening: clients must present a certificate below these roots, may ("optional"), or need not."""
    made = RotatingContext(ssl.PROTOCOL_TLS_SERVER, source)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if require_client:
        optional = require_client == "optional"
        made.verify_mode = ssl.CERT_OPTIONAL if optional else ssl.CERT_REQUIRED
        made.load_verify_locations(cadata=roots)
    return made
