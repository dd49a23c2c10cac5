"""Answers tls-alpn-01 challenges (RFC 8737, RFC 8738) by the certificates of a TLS server of its own."""

import contextlib
import socketserver
import ssl

from newel.acme import alpn
from newel.acme.identifiers import Identifier
from newel.client import rotating
from newel.client.acme import identifier
from newel.client.acme_events import Prove
from newel.client.challenge_server import ChallengeServer, parse_address
from newel.client.clock import now
from newel.client.credential import Credential

SECONDS = 10.0
"""For a handshake, which is all there is to a connection."""


class Standalone(ChallengeServer):
    """A server of its own on ``address`` (":443", "127.0.0.1:8443"), while it is used as a context."""

    def __init__(self, address: str) -> None:
        contexts: dict[str, ssl.SSLContext] = {}

        def choose(
            connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
        ) -> int | None:
            found = contexts.get(name or "")
            if found is None:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            connection.context = found
            return None

        front = _context()
        front.sni_callback = choose

        class Handler(socketserver.BaseRequestHandler):
            """Shakes hands and hangs up."""

            def handle(self) -> None:
                """Present the certificate of the requested name, if there is a challenge for it."""
                self.request.settimeout(SECONDS)
                with (
                    contextlib.suppress(OSError),
                    front.wrap_socket(self.request, server_side=True),
                ):
                    pass

        self._contexts = contexts
        super().__init__(_Server(parse_address(address), Handler))

    def prove(self, challenge: Prove) -> None:
        """Answers from now on."""
        subject = Identifier(*identifier(challenge.identifier))
        der, key = alpn.make_certificate(subject, challenge.authorization, now())
        context = _context()
        rotating.load(context, Credential((der,), key))
        self._contexts[alpn.server_name(subject)] = context

    def withdraw(self, name: str, _: str) -> None:
        """Answers no more."""
        self._contexts.pop(alpn.server_name(Identifier(*identifier(name))), None)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def _context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols([alpn.PROTOCOL])
    return made
