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
    """The authority answered and said no; ``retry_after`` is when it may say yes, in seconds, if it said so.

    ``code`` is the last part of the problem's type where the answer has one, as ``accountDoesNotExist``.
    """

    def __init__(
        self, status: int, message: str, retry_after: int | None = None, code: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after
        self.code = code


class AnswerError(ClientError):
    """The authority answered with something that is not an answer to the question."""
