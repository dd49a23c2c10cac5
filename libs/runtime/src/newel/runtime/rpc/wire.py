"""An error on the wire: a ``common.v1.Error`` per item of a batch, or in gRPC trailing metadata."""

from typing import Any

import grpc
import grpc.aio

from newel.proto.common.v1 import error_pb2
from newel.runtime.errors import ERRORS, ErrorType, NewelError, Subproblem

METADATA_KEY = "newel-error-bin"

_LONGEST_TEXT = 4096
_MOST_SUBPROBLEMS = 64

# The errors of gRPC itself, when no servicer answered.
_BY_STATUS = {
    grpc.StatusCode.UNAVAILABLE: ErrorType.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: ErrorType.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ErrorType.TOO_LARGE,
}


def error_to_proto(error: NewelError) -> error_pb2.Error:
    """Build the message for one error; texts are cut so that it always fits into HTTP/2 headers."""
    return error_pb2.Error(
        type=error.type.value,
        detail=error.detail[:_LONGEST_TEXT],
        cause=error.cause[:_LONGEST_TEXT],
        subproblems=[
            error_pb2.Subproblem(
                type=problem.type.value,
                detail=problem.detail[:256],
                identifier_type=problem.identifier_type,
                identifier_value=problem.identifier_value[:256],
            )
            for problem in error.subproblems[:_MOST_SUBPROBLEMS]
        ],
        compromised_key=error.compromised_key,
    )


def error_from_proto(message: error_pb2.Error) -> NewelError:
    """Read the error of a message. A type this build does not know becomes ``serverInternal``."""
    return NewelError(
        _read_type(message.type),
        message.detail,
        cause=message.cause,
        subproblems=[
            Subproblem(
                _read_type(problem.type),
                problem.detail,
                problem.identifier_type,
                problem.identifier_value,
            )
            for problem in message.subproblems
        ],
        compromised_key=message.compromised_key,
    )


def _read_type(name: str) -> ErrorType:
    try:
        return ErrorType(name)
    except ValueError:
        return ErrorType.SERVER_INTERNAL


def internal_error() -> NewelError:
    """Build the error for an exception without a type, of which nothing leaves the process."""
    return NewelError(ErrorType.SERVER_INTERNAL, "an internal error occurred")


def find_status(error: NewelError) -> grpc.StatusCode:
    """Return the gRPC code of an error."""
    return ERRORS[error.type].grpc


def build_trailer(error: NewelError) -> tuple[tuple[str, bytes], ...]:
    """Build the trailing metadata that carries an error."""
    return ((METADATA_KEY, error_to_proto(error).SerializeToString()),)


def error_from_call(error: grpc.RpcError) -> NewelError:
    """Read the error of a failed call; a failure of the transport becomes what a client may know."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return NewelError(ErrorType.SERVER_INTERNAL, "an internal error occurred", cause=str(error))
    trailer: Any = error.trailing_metadata()  # the stubs' type is not the one it has
    carried = dict(trailer or ()).get(METADATA_KEY)
    if isinstance(carried, bytes):
        return error_from_proto(error_pb2.Error.FromString(carried))
    kind = _BY_STATUS.get(error.code(), ErrorType.SERVER_INTERNAL)
    detail = {
        ErrorType.UNAVAILABLE: "the service is not available now; try again later",
        ErrorType.TOO_LARGE: "the message is too large",
    }.get(kind, "an internal error occurred")
    return NewelError(kind, detail, cause=f"{error.code().name}: {error.details()}")
