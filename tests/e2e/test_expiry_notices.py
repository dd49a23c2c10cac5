"""Alerts on both shapes: a two-minute certificate by step, its warning at a real receiver, its end
after `step ca renew`, a key that is lost, and the inventory as an administrator sees it."""

import contextlib
import http.client
import json
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fakes.webhook import WebhookReceiver
from fixtures.processes import free_port
from fixtures.running import Authority, configure, serve_newel, wait_until
from fixtures.split import PROGRAMS, fresh_split

pytestmark = pytest.mark.needs("step")

SECRET = secrets.token_hex(16)
FRACTION = 0.4  # of two minutes and the minute's backdate: 12 s from now


def allow_short_lives(state: Path) -> None:
    """step-ca's least lifetime, five minutes, is what a provisioner has without claims."""
    file = state / "config/ca.json"
    ca = json.loads(file.read_text())
    ca["authority"].setdefault("claims", {})["minTLSCertDuration"] = "1m"
    file.write_text(json.dumps(ca))


@pytest.fixture(
    scope="module", params=["up", pytest.param("split", marks=pytest.mark.needs(*PROGRAMS))]
)
def shape(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def receiver(shape: str) -> Generator[WebhookReceiver]:
    """One for each shape."""
    with WebhookReceiver(SECRET.encode()) as running:
        yield running


@pytest.fixture(scope="module")
def authority(
    shape: str, receiver: WebhookReceiver, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Authority]:
    folder = tmp_path_factory.mktemp("expiry")
    secret = folder / "webhook.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    hook = {"kind": "webhook", "url": receiver.url(), "secret_file": str(secret)}
    with (split if shape == "split" else up)(folder / "state", hook) as running:
        yield running


@contextlib.contextmanager
def up(state: Path, hook: dict[str, str]) -> Generator[Authority]:
    ports = free_port(), free_port()
    with serve_newel(state, *ports):
        pass
    allow_short_lives(state)
    configure(
        state,
        inventory={
            "administrators": [{"subject": "admin", "provisioner": "admin"}],
            "expiry": {"fraction": FRACTION},
        },
        alerting={"channels": {"hook": hook}},
    )
    with serve_newel(state, *ports) as (running, _):
        yield running


@contextlib.contextmanager
def split(_: Path, hook: dict[str, str]) -> Generator[Authority]:
    """Its inventory.toml names the administrator already."""
    settings = "".join(f"{name} = {json.dumps(value)}\n" for name, value in hook.items())
    with fresh_split(
        {},
        registration='[claims]\nminTLSCertDuration = "1m"\n',
        inventory=f"[expiry]\nfraction = {FRACTION}\n",
        alerting=f"[channels.hook]\n{settings}",
    ) as running:
        yield running


def certificate(authority: Authority, folder: Path, name: str, *flags: str) -> Path:
    """A certificate by step; its key beside it."""
    file = folder / f"{name}.crt"
    words = ["--provisioner", "admin", "--password-file", str(authority.password_file), *flags]
    done = authority.step(
        "ca", "certificate", name, str(file), str(file.with_suffix(".key")), *words
    )
    assert done.returncode == 0, done.stderr
    return file


def ask_service(authority: Authority, certificate: Path | None, path: str) -> tuple[int, Any]:
    """Return status and document of the answer to a client with this certificate."""
    service = "alerting" if path.startswith("/alerts") else "inventory"
    url, root = authority.admin_endpoint(service)
    context = ssl.create_default_context(cafile=root)
    if certificate is not None:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    try:
        with urllib.request.urlopen(url + path, context=context, timeout=60) as answer:  # noqa: S310 - https
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def serial_of(certificate: Path) -> str:
    """Its serial number as the inventory writes it."""
    command = ["openssl", "x509", "-in", str(certificate), "-noout", "-serial"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return said.strip().partition("=")[2].lower().lstrip("0")


def test_expiry_reaches_the_administrators(
    authority: Authority, receiver: WebhookReceiver, tmp_path: Path
) -> None:
    admin = certificate(authority, tmp_path, "admin")
    leaf = certificate(authority, tmp_path, "short.internal", "--not-after", "2m")
    first = serial_of(leaf)
    assert ask_service(authority, None, "/inventory/endpoints")[0] == 401
    assert ask_service(authority, leaf, "/inventory/endpoints")[0] == 403
    assert ask_service(authority, None, "/alerts")[0] == 401
    assert ask_service(authority, leaf, "/alerts")[0] == 403

    wait_until(lambda: receiver.events, seconds=60)
    (opened,) = receiver.events
    assert opened["type"] == "newel.alert.opened.v1"
    assert opened["data"]["serial"].lstrip("0") == first
    assert opened["data"]["names"] == [{"type": "dns", "value": "short.internal"}]
    status, late = ask_service(authority, admin, "/inventory/endpoints?state=expiring")
    assert status == 200
    assert [each["subject"] for each in late["endpoints"]] == ["short.internal"]
    _, open_now = ask_service(authority, admin, "/alerts?state=open")
    assert [each["id"] for each in open_now["alerts"]] == [opened["data"]["notice"]]

    done = authority.step("ca", "renew", "--force", str(leaf), str(leaf.with_suffix(".key")))
    assert done.returncode == 0, done.stderr
    wait_until(lambda: len(receiver.events) == 2)
    resolved = receiver.events[1]
    assert resolved["type"] == "newel.alert.resolved.v1"
    assert resolved["data"]["successor"].lstrip("0") == serial_of(leaf)
    assert receiver.complaints == []
    _, endpoint = ask_service(authority, admin, f"/inventory/endpoints/{opened['subject']}")
    lineage = [each["serial"].lstrip("0") for each in endpoint["certificates"]]
    assert lineage == [serial_of(leaf), first]
    _, alert = ask_service(authority, admin, f"/alerts/{opened['data']['notice']}")
    assert (alert["state"], alert["endpoint"]) == ("resolved", opened["subject"])
    assert [(each["channel"], each["phase"]) for each in alert["deliveries"]] == [
        ("hook", "opened"),
        ("hook", "resolved"),
    ]

    # the key is replaced first, and then declared lost: one is told, and that it is over
    fresh = tmp_path / "fresh.crt"
    flags = f"ca rekey --force --out-cert {fresh} --out-key {fresh.with_suffix('.key')}"
    done = authority.step(*flags.split(), str(leaf), str(leaf.with_suffix(".key")))
    assert done.returncode == 0, done.stderr
    flags = f"ca revoke --reasonCode 1 --cert {leaf} --key {leaf.with_suffix('.key')}"
    done = authority.step(*flags.split())
    assert done.returncode == 0, done.stderr

    def find_told() -> list[dict[str, Any]]:
        found = [each["data"] for each in receiver.events]
        return [each for each in found if each["kind"] == "compromised"]

    wait_until(lambda: len(find_told()) == 2, seconds=60)
    lost, replaced = find_told()
    assert lost["serial"].lstrip("0") == serial_of(leaf)
    assert lost["endpoint"] == opened["subject"]
    assert "2 certificates of 1 endpoint" in lost["detail"]
    assert replaced["successor"].lstrip("0") == serial_of(fresh)


def test_a_spike_of_refusals_reaches_the_administrators(
    authority: Authority, receiver: WebhookReceiver
) -> None:
    context = ssl.create_default_context(cafile=authority.root)
    client = http.client.HTTPSConnection("localhost", authority.port, timeout=60, context=context)
    body = json.dumps({"csr": "", "ott": "no.token.here"})
    with contextlib.closing(client):
        for _ in range(100):
            client.request("POST", "/1.0/sign", body)
            answer = client.getresponse()
            answer.read()
            assert answer.status in {400, 401}

    def find_told() -> list[dict[str, Any]]:
        return [each["data"] for each in receiver.events if each["data"]["kind"] == "refusals"]

    wait_until(find_told, seconds=90)
    (told,) = find_told()
    assert told["subject"] == "requests without a provisioner"
    assert "in the four weeks before at most 0" in told["detail"]
