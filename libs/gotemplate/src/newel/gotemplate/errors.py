"""What can go wrong with a template, in Go's words."""


class TemplateError(Exception):
    """A template that cannot be read or carried out; the message says where."""


class ParseError(TemplateError):
    """The text is no template: ``template: NAME:LINE: what``."""


class ExecutionError(TemplateError):
    """The template stopped: ``template: NAME:LINE:COLUMN: executing "NAME" at <NODE>: what``.

    ``failure`` is the message of the template's own ``fail``, None for every other cause.
    """

    def __init__(self, message: str, failure: str | None = None) -> None:
        super().__init__(message)
        self.failure = failure


class LimitError(TemplateError):
    """The template asked for more steps, memory, output or nesting than it may have."""


class CallError(Exception):
    """A function refuses its arguments; the evaluator adds the place."""


class FailedError(CallError):
    """The template's own ``fail``."""
