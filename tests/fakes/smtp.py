"""A mail server (aiosmtpd) that keeps what it is given and refuses what it is told to refuse."""

import ssl
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from fixtures.processes import free_port


class MailServer:
    """Listens on a free port of 127.0.0.1 while it is entered.

    ``tls`` offers STARTTLS, or with ``implicit`` speaks TLS from the first octet. ``users`` makes
    everybody log in. ``refused`` maps recipients to the answer they get.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        users: Mapping[str, str] | None = None,
        refused: Mapping[str, str] | None = None,
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        """The replies to DATA in order, then always 250."""
        self._users = users or {}
        self._refused = refused or {}
        options: dict[str, Any] = {}
        if self._users:
            options = {
                "authenticator": self._authenticate,
                "auth_required": True,
                "auth_require_tls": not implicit and tls is not None,
            }
        if tls is not None and not implicit:
            options |= {"tls_context": tls, "require_starttls": True}
        # The controller knocks at its own port to see that it is up, so it must know the number.
        self.port = free_port()
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=tls if implicit else None,
            **options,
        )

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """One recipient."""
        if address in self._refused:
            return self._refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """One mail."""
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            parsed = message_from_bytes(envelope.content, policy=policy.default)
            self.mails.append(parsed)
        return answer

    def _authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        known = self._users.get(data.login.decode())
        right = known is not None and known.encode() == data.password
        return AuthResult(success=right, handled=False)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()
