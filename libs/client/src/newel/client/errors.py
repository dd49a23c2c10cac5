"""What can go wrong between a program and its authority."""


class ClientError(Exception):
    """The base: one line a person can act on."""


class UnreachableError(ClientError):
    """No connection, no TLS or no answer; nothing is known of what the authority did."""


class UntrustedError(UnreachableError):
    """The server is not the authority: its certificate does not lead to the trusted root."""


class FingerprintError(ClientError):
    """A root was served whose fingerprint is not the one that was asked for. Nothing is trusted."""


class RefusedError(ClientError):
    """The authority answered and said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class AnswerError(ClientError):
    """The authority answered with something that is not an answer to the question."""
