"""A client of the SSH agent (draft-ietf-sshm-ssh-agent): what the commands need of it."""

import contextlib
import os
import socket
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError
from newel.crypto.ssh.certificates import FOREVER, Certificate, parse
from newel.crypto.ssh.public_keys import Line
from newel.crypto.ssh.wire import Reader, WireError, mpint, string

if TYPE_CHECKING:
    import datetime as dt

    from newel.crypto.keys import PrivateKey

SUCCESS, LIST, LISTED = 6, 11, 12
ADD_WITH_LIMITS, REMOVE, REMOVE_ALL = 25, 18, 19
LIFETIME = 1
SECONDS = 10.0
LARGEST = 4 * 1024 * 1024
LONGEST_LIFETIME = 2**32 - 1


class Identity(NamedTuple):
    """A key the agent holds."""

    line: Line
    certificate: Certificate | None
    """Taken apart, where it is one."""


class Agent:
    """A connection to an agent; every method raises CliError when the agent does not do as told."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def identities(self) -> list[Identity]:
        """Every key, in the agent's order."""
        try:
            answer = self._ask(bytes([LIST]), LISTED)
            return [identity(answer.string(), answer.text()) for _ in range(answer.uint32())]
        except WireError as error:
            raise CliError(f"error listing identities: {error}") from None

    def add(self, wire: bytes, key: "PrivateKey", comment: str, now: "dt.datetime") -> None:
        """Add a certificate with its key to the agent until it expires."""
        certificate = parse(wire)
        body = string(certificate.type.encode()) + string(wire) + private_fields(key)
        body += string(comment.encode())
        if certificate.valid_before != FOREVER:
            left = certificate.valid_before - int(now.timestamp())
            if left <= 0:
                raise CliError(
                    "error adding certificate to ssh agent - certificate is already expired"
                )
            body += bytes([LIFETIME]) + min(left, LONGEST_LIFETIME).to_bytes(4)
        self._ask(bytes([ADD_WITH_LIMITS]) + body, SUCCESS)

    def remove(self, wire: bytes) -> None:
        """Remove one key."""
        self._ask(bytes([REMOVE]) + string(wire), SUCCESS)

    def remove_all(self) -> None:
        """Remove every key."""
        self._ask(bytes([REMOVE_ALL]), SUCCESS)

    def _ask(self, message: bytes, expected: int) -> Reader:
        try:
            self._channel.sendall(string(message))
            length = int.from_bytes(self._receive(4))
            if not 0 < length <= LARGEST:
                raise CliError("the SSH agent's answer is too large")
            answer = Reader(self._receive(length))
        except OSError as error:
            raise CliError(f"the SSH agent does not answer: {reason(error)}") from None
        if answer.byte() != expected:
            raise CliError("agent: failure")
        return answer

    def _receive(self, length: int) -> bytes:
        received = b""
        while len(received) < length:
            piece = self._channel.recv(length - len(received))
            if not piece:
                raise CliError("the SSH agent closed the connection")
            received += piece
        return received


@contextlib.contextmanager
def connect() -> Generator[Agent]:
    """Yield the agent of SSH_AUTH_SOCK. Raises CliError when there is none."""
    path = os.environ.get("SSH_AUTH_SOCK", "")
    if not path:
        raise CliError(
            "error connecting with ssh-agent: SSH_AUTH_SOCK is not set",
            hint='Start one: eval "$(ssh-agent)"',
        )
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise CliError("error connecting with ssh-agent: this system has no such sockets")
    with socket.socket(family, socket.SOCK_STREAM) as channel:
        channel.settimeout(SECONDS)
        try:
            channel.connect(path)
        except OSError as error:
            raise CliError(
                f"error connecting with ssh-agent: dial unix {path}: {reason(error)}"
            ) from None
        yield Agent(channel)


def reason(error: OSError) -> str:
    """Return the reason that the system gives."""
    return (error.strerror or str(error)).lower()


def identity(wire: bytes, comment: str) -> Identity:
    """One entry of the agent's list; unknown kinds of keys are kept as they are."""
    line = Line(Reader(wire).text(), wire, comment)
    if not line.certificate:
        return Identity(line, None)
    try:
        return Identity(line, parse(wire, comment))
    except WireError:
        return Identity(line, None)


def private_fields(key: "PrivateKey") -> bytes:
    """Return the private half as it follows a certificate (draft §3.2)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return mpint(key.private_numbers().private_value)
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        return b"".join(mpint(part) for part in (numbers.d, numbers.iqmp, numbers.p, numbers.q))
    seed = key.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return string(public) + string(seed + public)


def certificates_signed_by(
    identities: Sequence[Identity], authorities: Sequence[bytes]
) -> list[Identity]:
    """Return the certificates that one of these keys signed."""
    return [
        each
        for each in identities
        if each.certificate is not None and each.certificate.signature_key in authorities
    ]


def without_expired(
    agent: Agent, identities: Sequence[Identity], now: "dt.datetime"
) -> list[Identity]:
    """Remove expired certificates from the agent; return the others."""
    left: list[Identity] = []
    for each in identities:
        if each.certificate is not None and each.certificate.is_expired(now):
            agent.remove(each.line.wire)
        else:
            left.append(each)
    return left
