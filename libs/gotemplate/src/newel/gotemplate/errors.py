"""Errors of templates, worded as Go words them."""


class TemplateError(Exception):
    """An error in reading or executing a template; the message names the position."""


class ParseError(TemplateError):
    """A syntax error: ``template: NAME:LINE: what``."""


class ExecutionError(TemplateError):
    """An error in execution: ``template: NAME:LINE:COLUMN: executing "NAME" at <NODE>: what``.

    ``failure`` is the message of the template's own ``fail``, None for every other cause.
    """

    def __init__(self, message: str, failure: str | None = None) -> None:
        super().__init__(message)
        self.failure = failure


class LimitError(TemplateError):
    """A template that exceeds its steps, memory, output or nesting."""


class CallError(Exception):
    """A function's refusal of its arguments; the evaluator adds the position."""


class PatternTooLongError(CallError):
    """A regular expression that is not read because of its length: whether it is valid is unknown."""


class FailedError(CallError):
    """A call of ``fail`` by the template."""
