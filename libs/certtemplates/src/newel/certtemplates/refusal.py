"""The error for a template, or for what it made."""


class TemplateRefusedError(ValueError):
    """The template makes no certificate; the message is for the client.

    ``own`` tells that it comes from the template's own ``fail``.
    """

    def __init__(self, message: str, *, own: bool = False) -> None:
        super().__init__(message)
        self.own = own


class UnmakableError(TemplateRefusedError):
    """The JSON is as it should be, and yet no certificate can be made of it."""


class MismatchError(TemplateRefusedError):
    """A field holds another kind of value than it should."""
