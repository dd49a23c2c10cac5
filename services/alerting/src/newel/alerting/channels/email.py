"""Mail over SMTP: STARTTLS or TLS from the first octet, one thread per message."""

import hashlib
import smtplib
import socket
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from html import escape

from newel.alerting.config import Email
from newel.alerting.delivery import DeliveryError, resolve
from newel.alerting.notices import Message, Phase, facts, message_key, title
from newel.runtime.clock import Clock
from newel.runtime.egress import EgressPolicy
from newel.runtime.tls.client import trust_file
from newel.runtime.work import run_in_thread


class EmailChannel:
    """One list of recipients behind one mail server."""

    def __init__(
        self, name: str, config: Email, password: str, policy: EgressPolicy, clock: Clock
    ) -> None:
        self._name = name
        self._config = config
        self._password = password
        self._policy = policy
        self._clock = clock

    async def send(self, message: Message) -> None:
        """Deliver the mail. Raises `DeliveryError` unless the server accepts every recipient."""
        address = await resolve(self._policy, self._config.host)
        mail = self.compose(message)
        await run_in_thread(self._deliver, address, mail)

    async def close(self) -> None:
        """Nothing is kept open."""

    def compose(self, message: Message) -> EmailMessage:
        """Compose the mail. One notice is one thread: what follows refers to what opened it."""
        mail = EmailMessage()
        mail["From"] = Address(addr_spec=self._config.sender)
        mail["To"] = tuple(Address(addr_spec=each) for each in self._config.recipients)
        mail["Subject"] = title(message)
        mail["Date"] = self._clock.now()
        mail["Message-ID"] = self._message_id(message.key)
        if message.phase is not Phase.OPENED:
            opened = message_key(message.notice.id, Phase.OPENED, self._name)
            mail["In-Reply-To"] = mail["References"] = self._message_id(opened)
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        lines = [f"{name}: {value}" for name, value in facts(message)]
        mail.set_content("\n".join([title(message) + ".", "", *lines, ""]))
        mail.add_alternative(write_html(message), subtype="html")
        return mail

    def _message_id(self, key: str) -> str:
        """Return the same id for every attempt, so that mail systems drop repeats (RFC 5322 §3.6.4)."""
        domain = self._config.sender.rpartition("@")[2]
        return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"

    def _deliver(self, address: str, mail: EmailMessage) -> None:
        """Blocking; every step ends within the configured time."""
        try:
            with self._connect(address) as server:
                if self._config.security == "starttls":
                    server.starttls(context=self._context())
                if self._config.username:
                    server.login(self._config.username, self._password)
                refused = server.send_message(
                    mail, from_addr=self._config.sender, to_addrs=list(self._config.recipients)
                )
        except smtplib.SMTPResponseException as error:
            permanent = 500 <= error.smtp_code < 600
            detail = f"the mail server answered {error.smtp_code}"
            raise DeliveryError(detail, permanent=permanent) from None
        except smtplib.SMTPRecipientsRefused as error:
            raise _rejection(error.recipients) from None
        except smtplib.SMTPNotSupportedError:
            detail = "the mail server does not offer what is configured (STARTTLS, AUTH)"
            raise DeliveryError(detail, permanent=True) from None
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"no delivery: {type(error).__name__}") from None
        if refused:
            raise _rejection(refused)

    def _connect(self, address: str) -> smtplib.SMTP:
        own = self._config
        tls = self._context() if own.security == "tls" else None
        return _PinnedSmtp(own.host, own.port, address, own.timeout.total_seconds(), tls)

    def _context(self) -> ssl.SSLContext:
        return trust_file(self._config.ca_file)


def write_html(message: Message) -> str:
    """Write the mail as a page without scripts, pictures or links; every text is escaped."""
    rows = "".join(
        f'<tr><th align="left" style="padding:2px 16px 2px 0;font-weight:normal;color:#666">{escape(name)}'
        f'</th><td style="padding:2px 0">{escape(value)}</td></tr>'
        for name, value in facts(message)
    )
    return (
        '<!doctype html><html lang="en"><body style="font:15px/1.5 system-ui,sans-serif">'
        f'<p style="font-size:17px;font-weight:600">{escape(title(message))}.</p>'
        f"<table>{rows}</table></body></html>\n"
    )


class _PinnedSmtp(smtplib.SMTP):
    """Connects to an address that was checked and verifies the certificate for the host's name."""

    def __init__(
        self, host: str, port: int, address: str, timeout: float, tls: ssl.SSLContext | None
    ) -> None:
        self._address = address
        self._tls = tls
        super().__init__(host, port, local_hostname=socket.gethostname(), timeout=timeout)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = socket.create_connection((self._address, port), timeout)
        if self._tls is None:
            return connection
        return self._tls.wrap_socket(connection, server_hostname=host)


def _rejection(recipients: dict[str, tuple[int, bytes]]) -> DeliveryError:
    permanent = all(500 <= code < 600 for code, _ in recipients.values())
    detail = f"the mail server refused {len(recipients)} recipients"
    return DeliveryError(detail, permanent=permanent)
