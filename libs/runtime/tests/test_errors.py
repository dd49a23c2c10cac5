"""The table of error types: every row is complete."""

import grpc
import pytest

from newel.runtime.errors import ERRORS, ErrorType, NewelError


@pytest.mark.parametrize("kind", list(ErrorType))
def test_every_type_has_a_client_or_server_status(kind: ErrorType) -> None:
    row = ERRORS[kind]
    assert 400 <= row.http < 600
    assert row.grpc not in {grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN}


def test_a_refusal_shows_its_detail_and_keeps_its_cause_for_the_audit() -> None:
    error = NewelError(ErrorType.UNAUTHORIZED, "the token is not valid", cause="token 5 was used")
    assert str(error) == "the token is not valid"
    assert error.cause == "token 5 was used"
    assert error.http_status == 401


def test_a_refusal_without_a_cause_is_its_own_cause() -> None:
    assert NewelError(ErrorType.MALFORMED, "no JSON").cause == "no JSON"
