"""The JSON that operators send: an acknowledgement, a silence. Unknown members are refused by name."""

import datetime as dt
from typing import Annotated, Any, Self, TypeVar

import msgspec
from fastapi import Request
from pydantic import AfterValidator, Field, field_validator, model_validator

from newel.alerting.kinds import KINDS
from newel.alerting.notices import Severity
from newel.alerting.silences import Matchers
from newel.runtime.config import Config as Frozen
from newel.runtime.config import ConfigError, validate
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.request_body import read_body

_JSON = "application/json"
_MAX_BODY = 8 * 1024
_MAX_TEXT = 256


def _check_line(text: str) -> str:
    if text and not text.isprintable():
        raise ValueError("one line of printable characters")
    return text


def _check_zone(moment: dt.datetime) -> dt.datetime:
    if moment.tzinfo is None or not 1970 <= moment.year <= 9998:
        raise ValueError("a time with its zone, as in 2026-11-21T12:00:00Z")
    return moment.astimezone(dt.UTC).replace(microsecond=0)


Line = Annotated[str, Field(max_length=_MAX_TEXT), AfterValidator(_check_line)]
Pattern = Annotated[str, Field(min_length=1, max_length=_MAX_TEXT), AfterValidator(_check_line)]
Moment = Annotated[dt.datetime, AfterValidator(_check_zone)]


class AcknowledgementBody(Frozen):
    """Why an alert needs no one else."""

    note: Line = ""
    """What those who read the alert should know."""


class SilenceBody(Frozen):
    """Which alerts are held back, and until when. At least one of the six patterns is given."""

    kind: Pattern = ""
    severity: Severity | None = None
    owner: Pattern = ""
    endpoint: Pattern = ""
    provisioner: Pattern = ""
    subject: Pattern = ""
    """A pattern for the subject or one of the names."""
    starts_at: Moment | None = None
    """When it begins; by default now."""
    ends_at: Moment
    """When it ends. There is no silence without an end."""
    reason: Line = ""

    @field_validator("kind")
    @classmethod
    def _is_known(cls, kind: str) -> str:
        if "*" not in kind and kind not in KINDS:
            raise ValueError(f"no kind of alert; there are {', '.join(sorted(KINDS))}")
        return kind

    @model_validator(mode="after")
    def _matches_something(self) -> Self:
        if self.matchers() == Matchers():
            raise ValueError(
                "say which alerts: kind, severity, owner, endpoint, provisioner or subject;"
                ' kind "*" is all of them'
            )
        return self

    def matchers(self) -> Matchers:
        """Return the patterns."""
        return Matchers(
            kind=self.kind,
            severity=self.severity.value if self.severity else "",
            owner=self.owner,
            endpoint=self.endpoint,
            provisioner=self.provisioner,
            subject=self.subject,
        )


Body = TypeVar("Body", bound=Frozen)


def describe_body(model: type[Frozen]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a route that takes this body."""
    return {
        "requestBody": {
            "content": {_JSON: {"schema": model.model_json_schema()}},
            "required": True,
        }
    }


async def read_document(request: Request, model: type[Body]) -> Body:
    """Read a body. Raises `NewelError` that names each faulty member.

    Only JSON that says so is read: a form of another site, which a browser would send with the
    administrator's certificate, cannot say so.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise NewelError(ErrorType.UNSUPPORTED_MEDIA_TYPE, f"Send {_JSON}.")
    octets = await read_body(request.receive, _MAX_BODY, request.scope["headers"])
    try:
        return validate(model, msgspec.json.decode(octets, type=dict[str, Any]), "The request")
    except msgspec.DecodeError as error:
        raise NewelError(ErrorType.MALFORMED, "Send one JSON object.", cause=str(error)) from error
    except ConfigError as error:
        raise NewelError(ErrorType.MALFORMED, f"{error}.", cause=str(error)) from error
