"""Webhooks added by step: step-ca and our authority send the same bodies, and tell clients the same."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fakes.http_receiver import HttpReceiver, ReceivedPost
from fixtures.administrator import Administrator
from fixtures.pki import InternalPki
from fixtures.running import Authority, others
from fixtures.step_ca import serve_successor, step_ca
from fixtures.webhooks import make_server_context, reply

pytestmark = pytest.mark.needs("step", "step-ca")

LOST = {"code": "lost", "message": "device is lost"}
_ONCE = {
    "raw", "publicKey", "timestamp", "notBefore", "notAfter", "validBefore", "validAfter",
}  # fmt: skip # a table
"""Members whose values are of one request."""


class Site(NamedTuple):
    """One authority, its administrator, and the server of its webhooks."""

    user: Administrator
    receiver: HttpReceiver

    def step(self, *words: str) -> str:
        """What the real step prints, whether it fails or not."""
        done = self.user.attempt(*words, program=others("step"))
        return done.stdout + done.stderr

    def add(self, name: str, kind: str) -> tuple[str, bytes]:
        """Add a webhook, and return its id and its key, which are printed once."""
        url = self.receiver.url(f"/{kind.lower()}/{{{{ .Token.sub }}}}")
        self.receiver.replies = [reply()] * 4  # the administrator's certificate is asked about too
        said = self.step(
            "ca", "provisioner", "webhook", "add", "admin", name, "--url", url, "--kind", kind,
            *self.user.login,
        )  # fmt: skip # a command line
        (webhook,), (secret,) = (
            re.findall(r"Webhook ID: (\S+)", said),
            re.findall(r"Secret: (\S+)", said),
        )
        return webhook, base64.b64decode(secret)

    def request(self) -> tuple[str, list[ReceivedPost]]:
        """Ask for a certificate; what step says, and what the webhooks received."""
        return self._request(
            "ca", "certificate", "foo.internal", "foo.crt", "foo.key", "--san", "foo.internal",
            "--san", "10.0.0.7",
        )  # fmt: skip # a command line

    def request_ssh(self) -> tuple[str, list[ReceivedPost]]:
        """Ask for a certificate of a host for SSH."""
        return self._request(
            "ssh", "certificate", "foo.internal", "foo", "--host", "--principal", "foo.internal",
            "--no-password", "--insecure",
        )  # fmt: skip # a command line

    def _request(self, *words: str) -> tuple[str, list[ReceivedPost]]:
        before = len(self.receiver.posted)
        said = self.step(
            *words, "--provisioner", "admin", "--force",
            "--provisioner-password-file", str(self.user.authority.password_file),
        )  # fmt: skip # a command line
        return said, self.receiver.posted[before:]


def make_site(authority: Authority, home: Path, receiver: HttpReceiver) -> Site:
    home.mkdir()
    return Site(Administrator(authority, home).bootstrap(), receiver)


@pytest.fixture(scope="module")
def sites(
    tmp_path_factory: pytest.TempPathFactory, pki: InternalPki
) -> Generator[tuple[Site, Site]]:
    """The original, and our authority on a ca.json of the original's."""

    def turn_on(ca: dict[str, Any]) -> None:
        ca["authority"]["enableAdmin"] = True

    def trust(ca: dict[str, Any]) -> None:
        turn_on(ca)
        ca["newel"] = {"registration": {"outgoing": {"caFile": str(pki.roots)}}}

    home = tmp_path_factory.mktemp("authorities")
    trusted = {"SSL_CERT_FILE": str(pki.roots)}
    context = make_server_context(pki)
    with (
        step_ca(home / "original", "--ssh", edit=turn_on, env=trusted) as original,
        serve_successor(home / "newel", "--ssh", edit=trust) as ours,
        HttpReceiver(tls=context) as one,
        HttpReceiver(tls=context) as other,
    ):
        yield make_site(original, home / "a", one), make_site(ours, home / "b", other)


def outline(value: Any) -> Any:
    """A body without what is of one request only."""
    if isinstance(value, dict):
        return {
            name: type(each).__name__ if name in _ONCE else outline(each)
            for name, each in value.items()
        }
    return [outline(each) for each in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def webhooks(sites: tuple[Site, Site]) -> list[tuple[str, bytes, str]]:
    """The same two webhooks of each: the first one's id and key, and the id of the second."""
    return [
        (*each.add("people", "ENRICHING"), each.add("names", "AUTHORIZING")[0]) for each in sites
    ]


def tell(site: Site, request: Callable[[], tuple[str, list[ReceivedPost]]]) -> list[str]:
    """What step says when the one refuses with its words, without, and when the other refuses."""
    told: list[str] = []
    for replies in (
        [reply(allow=False, error=LOST)],
        [reply(allow=False)],
        [reply(), reply(allow=False, error=LOST)],
    ):
        site.receiver.replies = list(replies)
        said, refused = request()
        assert len(refused) == len(replies)
        told += [line for line in said.splitlines() if "\x1b" not in line]
    return told


def test_both_authorities_ask_the_same_and_tell_the_same(
    sites: tuple[Site, Site], webhooks: list[tuple[str, bytes, str]]
) -> None:
    seen: list[list[Any]] = []
    for site, (enriching, key, authorizing) in zip(sites, webhooks, strict=True):
        site.receiver.replies = [reply(data={"unit": "Staff"}), reply()]
        said, posted = site.request()
        assert "foo.key" in said, said
        assert [each.path for each in posted] == [
            "/enriching/foo.internal", "/authorizing/foo.internal",
        ]  # fmt: skip # a table
        first, second = posted
        assert first.headers["x-smallstep-webhook-id"] == enriching
        assert second.headers["x-smallstep-webhook-id"] == authorizing
        signature = hmac.new(key, first.body, hashlib.sha256).hexdigest()
        assert first.headers["x-smallstep-signature"] == signature
        told = tell(site, site.request)
        bodies = [outline(json.loads(each.body)) for each in posted]
        seen.append([*bodies, told, sorted(set(first.headers) - {"traceparent", "connection"})])
    (asked, shown, told, headers), (our_request, our_certificate, our_told, our_headers) = seen
    assert told[0].endswith("device is lost (lost).")
    assert our_told == told
    # step-ca documents the provisioner's name, and leaves it out for this kind
    assert our_request.pop("provisionerName") == our_certificate.pop("provisionerName") == "admin"
    assert our_request == asked
    assert set(headers) <= set(our_headers)  # ours say the type of the content, too
    mine, theirs = our_certificate["x509Certificate"], shown["x509Certificate"]
    different = {name for name in {**mine, **theirs} if mine.get(name) != theirs.get(name)}
    # step-ca tells names only in the lists that the template used
    assert different == {"dnsNames", "ipAddresses"}, (mine, theirs)


@pytest.mark.usefixtures("webhooks")
def test_both_authorities_ask_the_same_about_an_ssh_certificate(sites: tuple[Site, Site]) -> None:
    seen: list[list[Any]] = []
    for site in sites:
        site.receiver.replies = [reply(data={"unit": "Staff"}), reply()]
        said, posted = site.request_ssh()
        assert [each.path for each in posted] == [
            "/enriching/foo.internal", "/authorizing/foo.internal",
        ], said  # fmt: skip # a table
        seen.append([outline(json.loads(each.body)) for each in posted])
        seen[-1].append(tell(site, site.request_ssh))
    theirs, ours = seen
    assert ours[0].pop("provisionerName") == ours[1].pop("provisionerName") == "admin"
    assert [{**each, "provisionerName": ""} for each in ours[:2]] == [
        {**each, "provisionerName": ""} for each in theirs[:2]
    ]
    assert ours[2] == theirs[2]
