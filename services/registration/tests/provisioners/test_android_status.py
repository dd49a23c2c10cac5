"""Android's list of revoked attestation keys: fetched once a day, and never taken for empty."""

import json
import ssl

import pytest

from fakes.http_receiver import HttpReceiver, Reply
from newel.registration.provisioners.android_status import AndroidStatus
from newel.runtime.egress import EgressPolicy
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.outgoing import OutgoingClient

LIST = Reply(200, json.dumps({"entries": {"0C0FFEE": {"status": "REVOKED"}}}).encode())
DAY = 24 * 3600.0


def status_of(server: HttpReceiver) -> AndroidStatus:
    client = OutgoingClient(EgressPolicy(), ssl.create_default_context(), plain=True)
    return AndroidStatus(server.url("/status"), client)


async def test_the_list_is_fetched_once_a_day() -> None:
    with HttpReceiver(LIST, Reply(200, b'{"entries": {}}')) as server:
        status = status_of(server)
        assert await status.serials(0.0) == {"c0ffee"}
        assert await status.serials(DAY - 1) == {"c0ffee"}
        assert await status.serials(DAY) == frozenset()
        assert len(server.posted) == 2


@pytest.mark.parametrize(
    "reply", [Reply(503), Reply(200, b"[]"), Reply(200, b"{}"), Reply(200, b"\xff")]
)
async def test_a_list_that_cannot_be_read_is_not_an_empty_one(reply: Reply) -> None:
    with HttpReceiver(reply, LIST) as server:
        status = status_of(server)
        with pytest.raises(NewelError) as caught:
            await status.serials(0.0)
        assert caught.value.type is ErrorType.UNAVAILABLE
        assert await status.serials(1.0) == {"c0ffee"}


async def test_a_server_that_cannot_be_reached_is_unavailable() -> None:
    with HttpReceiver() as server:
        status = status_of(server)
    with pytest.raises(NewelError) as caught:
        await status.serials(0.0)
    assert caught.value.type is ErrorType.UNAVAILABLE
