"""The key revocation list that the front door serves: the validation authority's, once its signature verifies."""

import asyncio
from collections.abc import Generator
from pathlib import Path

import pytest

from fakes.http_receiver import HttpReceiver, ReceivedPost, Reply
from fixtures.authority import CertificateAuthority
from fixtures.registration import open_registration, read_message
from newel.crypto import keys
from newel.crypto.keys import PrivateKey
from newel.crypto.ssh import detached, krl
from newel.crypto.ssh.public_keys import wire_of
from newel.registration.config import OutgoingConfig
from newel.registration.ssh.keys import SSHKeys
from newel.registration.ssh.krl import FRESH, KRLMirror
from newel.registration.ssh_rpc import RemoteSSHIssuance
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.rpc.local import LocalChannel, LocalServer

CA, OTHER = keys.generate(), keys.generate()


class StatusServer(HttpReceiver):
    """A validation authority's plain address: one list and its signature, and answers that come before them."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []
        self.listed, self.signature = Reply(404), Reply(404)
        self.first: list[Reply] = []

    def publish(
        self, key: PrivateKey, version: int, namespace: str = detached.KRL_NAMESPACE
    ) -> bytes:
        octets = krl.encode(version, version, {krl.ANY_CA: [version]})
        made = keys.sign(key, detached.frame(namespace, octets))
        self.listed = Reply(200, octets)
        self.signature = Reply(200, detached.encode(key.public_key(), namespace, made))
        return octets

    def _answer(self, posted: ReceivedPost) -> Reply:
        self.asked.append((posted.path, posted.headers.get("if-none-match", "")))
        if self.first:
            return self.first.pop(0)
        return self.signature if posted.path.endswith(".sig") else self.listed


@pytest.fixture
def status() -> Generator[StatusServer]:
    with StatusServer() as server:
        yield server


def open_mirror(status: StatusServer, fresh: float = 0, **outgoing: object) -> KRLMirror:
    known = SSHKeys(RemoteSSHIssuance(LocalChannel(LocalServer(), "registration")), [])
    known.trusted = {"user": [wire_of(CA)], "host": []}
    client = OutgoingConfig.model_validate(outgoing).client(plain=True)
    return KRLMirror(status.url("/ssh/krl"), client, known, fresh)


async def read_refusal(mirror: KRLMirror) -> NewelError:
    with pytest.raises(NewelError) as refused:
        await mirror.get()
    return refused.value


async def test_what_the_authority_has_signed_is_served(status: StatusServer) -> None:
    mirror = open_mirror(status)
    for version in (1, 2):
        octets = status.publish(CA, version)
        found = await mirror.get()
        assert (found.version, found.octets) == (version, octets)
        assert found.signature == status.signature.body


async def test_an_unchanged_list_is_not_sent_again(status: StatusServer) -> None:
    mirror = open_mirror(status)
    status.publish(CA, 1)
    before = await mirror.get()
    status.first = [Reply(304, b"")]
    assert await mirror.get() is before
    assert status.asked[-1] == ("/ssh/krl", before.etag.decode())


async def test_hosts_that_ask_at_once_cost_one_question(status: StatusServer) -> None:
    mirror = open_mirror(status, fresh=60)
    status.publish(CA, 1)
    found = await asyncio.gather(*(mirror.get() for _ in range(50)))
    assert {each.version for each in found} == {1}
    assert status.asked == [("/ssh/krl", ""), ("/ssh/krl.sig", "")]


@pytest.mark.parametrize(
    ("key", "namespace", "cause"),
    [(OTHER, detached.KRL_NAMESPACE, "not trusted"), (CA, "file", "and not for 'ssh-krl'")],
)
async def test_a_list_without_the_authority_s_signature_is_not_served(
    status: StatusServer, key: PrivateKey, namespace: str, cause: str
) -> None:
    mirror = open_mirror(status)
    status.publish(key, 1, namespace)
    refused = await read_refusal(mirror)
    assert refused.type is ErrorType.UNAVAILABLE
    assert cause in refused.cause
    assert cause not in refused.detail
    status.publish(CA, 1)
    assert (await mirror.get()).version == 1


async def test_a_list_that_is_replaced_between_the_two_questions_is_asked_for_again(
    status: StatusServer,
) -> None:
    mirror = open_mirror(status)
    status.publish(CA, 1)
    status.first = [status.listed]
    status.publish(CA, 2)
    assert (await mirror.get()).version == 2


async def test_an_older_list_is_never_served_again(status: StatusServer) -> None:
    """A replica of the validation authority may be behind, and an attacker on the way may repeat an old list."""
    mirror = open_mirror(status)
    for version, served in ((5, 5), (4, 5), (6, 6)):
        status.publish(CA, version)
        assert (await mirror.get()).version == served


async def test_an_outage_is_no_list_and_no_older_one(status: StatusServer) -> None:
    mirror = open_mirror(status)
    status.publish(CA, 1)
    await mirror.get()
    status.first = [Reply(503)]
    refused = await read_refusal(mirror)
    assert refused.type is ErrorType.UNAVAILABLE
    assert "answered with 503" in refused.cause
    assert (await mirror.get()).version == 1


async def test_a_network_that_is_denied_is_not_asked(status: StatusServer) -> None:
    refused = await read_refusal(open_mirror(status, deny_networks=["127.0.0.0/8"]))
    assert "not allowed" in refused.cause
    assert not status.asked


async def test_hosts_get_it_by_https_and_learn_when_to_ask_again(
    status: StatusServer, authority: CertificateAuthority, tmp_path: Path
) -> None:
    ra = await open_registration(
        f"sqlite:///{tmp_path}/ra.db", authority, ssh={"krl_source": status.url("/ssh/krl")}
    )
    status.first = [Reply(503)]
    answer = await ra.call("GET", "/ssh/krl")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "cannot be had" in read_message(answer)
    await asyncio.sleep(FRESH)
    octets = status.publish(ra.issuing.ssh_keys["user"], 7)
    answer = await ra.call("GET", "/1.0/ssh/krl")
    assert (answer.status_code, answer.content) == (200, octets)
    assert (await ra.call("GET", "/ssh/krl.sig")).content == status.signature.body
    tag = answer.headers["etag"]
    answer = await ra.call("GET", "/ssh/krl", headers={"If-None-Match": f"W/{tag}"})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert "content-length" not in answer.headers
    await ra.database.close()


async def test_a_list_that_is_not_signed_is_not_found_and_the_text_says_what_to_set(
    status: StatusServer,
) -> None:
    mirror = open_mirror(status)
    status.publish(CA, 1)
    status.signature = Reply(404)
    refused = await read_refusal(mirror)
    assert refused.type is ErrorType.NOT_FOUND
    assert "ssh.krl_key" in refused.detail
