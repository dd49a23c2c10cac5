"""login, request and logout with tokens of an OpenID provider; certificates are in tests/e2e/test_cli_verbs.py."""

import concurrent.futures
import functools
import json
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fakes.guarded_service import Service, serve_guarded
from fakes.oauth_provider import Provider, serve_provider, walk
from fixtures.people import Desk
from fixtures.running import NEWEL

RENEWABLE = {"refresh_token": "refresh-0"}


@pytest.fixture
def provider() -> Generator[Provider]:
    with serve_provider() as made:
        made.answers = dict(RENEWABLE)
        yield made


@pytest.fixture
def service(provider: Provider) -> Generator[Service]:
    with serve_guarded() as made:
        made.tokens = provider.active
        yield made


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def address(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}"


def log_in(
    desk: Desk, provider: Provider, service: Service, *flags: str, lifetime: int = 3600
) -> None:
    """Logs in; the provider's later answers are its own again."""
    provider.answers = {**RENEWABLE, **provider.answers, "expires_in": lifetime}
    code, out, err, _ = walk(provider, "login", address(service), *flags, env=desk.env)
    assert (code, out) == (0, ""), err
    assert "✔ Logged in: joe@example.com until " in err
    assert "refresh-0" not in err
    provider.answers = {}


def stored_logins(desk: Desk) -> list[Path]:
    return sorted(desk.path.glob("step/credentials/*.json"))


def requests(desk: Desk, *words: str) -> dict[str, Any]:
    return json.loads(desk.succeed("request", *words))


def test_who_is_logged_in_is_asked_as(desk: Desk, provider: Provider, service: Service) -> None:
    """After a login, requests carry its token, and its files are readable by their owner only."""
    log_in(desk, provider, service)
    (file,) = stored_logins(desk)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    url = address(service)
    seen = requests(desk, f"{url}/whoami?a=b#c", "-H", "X-One: 1", "--header", "Accept: text/plain")
    assert (seen["who"], seen["method"], seen["path"]) == ("access", "GET", "/whoami?a=b")
    assert (seen["headers"]["x-one"], seen["headers"]["accept"]) == ("1", "text/plain")
    (desk.path / "body").write_text("[1]")
    for words, method, kind in (
        (("-d", "[1]"), "POST", "application/json"),
        (("-X", "PUT", "-d", "@body", "-H", "content-type: text/plain"), "PUT", "text/plain"),
    ):
        seen = requests(desk, url, *words)
        assert (seen["method"], seen["body"], seen["path"]) == (method, "[1]", "/")
        assert seen["headers"]["content-type"] == kind
    (listed,) = json.loads(desk.succeed("login", "--list", "--output", "json"))
    assert (listed["service"], listed["credential"], listed["holder"]) == (
        url,
        "token",
        "joe@example.com",
    )
    assert desk.succeed("login", "--list").decode().startswith(f"{url}  joe@example.com until ")


def test_answers_are_given_on_as_they_are(desk: Desk, provider: Provider, service: Service) -> None:
    log_in(desk, provider, service)
    url, octets = address(service), bytes(range(256)) * 1000
    assert desk.succeed("request", f"{url}/octets") == octets
    desk.succeed("request", f"{url}/octets", "--out", "octets")
    assert (desk.path / "octets").read_bytes() == octets
    told = json.loads(desk.succeed("request", f"{url}/octets", "--output", "json"))
    assert (told["status"], "bodyBase64" in told) == (200, True)
    head, _, body = desk.succeed("request", f"{url}/octets", "-i").partition(b"\n\n")
    assert head.startswith(b"HTTP 200 OK\n")
    assert body == octets
    finished = desk.newel("request", f"{url}/forbidden")
    assert (finished.returncode, finished.stdout) == (1, b"not you\n")
    assert finished.stderr.decode() == f"{url} answers 403 Forbidden\n"
    assert "ended before it was whole" in desk.newel("request", f"{url}/broken").stderr.decode()
    before = (desk.path / "octets").read_bytes()
    broken = desk.newel("request", f"{url}/broken", "--out", "octets", "--force")
    assert broken.returncode == 1
    assert (desk.path / "octets").read_bytes() == before


def test_a_token_is_renewed_when_it_is_due(
    desk: Desk, provider: Provider, service: Service
) -> None:
    log_in(desk, provider, service, lifetime=30)
    url = address(service)
    assert requests(desk, url)["who"] == "access-1"
    assert requests(desk, url)["who"] == "access-1"
    assert [form["grant_type"] for form in provider.forms][1:] == ["refresh_token"]
    assert provider.forms[1]["client_secret"] == "client secret"


@pytest.mark.parametrize("lifetime", ["soon", "9" * 30, -1, None])
def test_no_lifetime_ends_the_command(
    desk: Desk, provider: Provider, service: Service, lifetime: object
) -> None:
    provider.answers = {"expires_in": lifetime}
    code, _, err, _ = walk(provider, "login", address(service), env=desk.env)
    assert (code, "Traceback" in err) == (0, False), err
    assert requests(desk, address(service))["who"] == "access"


def test_a_reader_that_goes_away_is_no_error(
    desk: Desk, provider: Provider, service: Service
) -> None:
    log_in(desk, provider, service)
    line = f"{NEWEL} request {address(service)}/octets | head -c 1 >/dev/null"
    piped = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env=desk.env,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (piped.returncode, piped.stderr) == (0, b"")


def test_commands_at_once_renew_once(desk: Desk, provider: Provider, service: Service) -> None:
    """A provider that gives a new refresh token each time ends everything when an old one comes again."""
    log_in(desk, provider, service, lifetime=30)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(functools.partial(requests, desk), [address(service)] * 4))
    assert {each["who"] for each in seen} == {"access-1"}
    assert provider.refresh == "refresh-1"


def test_a_token_that_cannot_be_renewed_is_used_until_it_ends(
    desk: Desk, provider: Provider, service: Service
) -> None:
    log_in(desk, provider, service, lifetime=30)
    provider.refresh = None
    finished = desk.newel("request", address(service))
    assert json.loads(finished.stdout)["who"] == "access"
    assert "cannot be renewed and soon ends: the provider refuses: invalid_grant" in (
        finished.stderr.decode()
    )
    (file,) = stored_logins(desk)
    record = json.loads(file.read_text())
    record["credential"]["ends_at"] = 1
    file.write_text(json.dumps(record))
    finished = desk.newel("request", address(service))
    assert finished.returncode == 1
    first, hint = finished.stderr.decode().splitlines()
    assert first.startswith(
        f"the login for {address(service)} has ended: the provider refuses: invalid_grant"
    )
    assert hint.startswith(f"'newel login {address(service)}'")


def test_a_token_goes_to_its_service_and_to_no_other(
    desk: Desk, provider: Provider, service: Service
) -> None:
    log_in(desk, provider, service)
    url = address(service)
    assert requests(desk, f"{url}/here")["path"] == "/whoami?x=1"
    assert "redirects without end" in desk.fail("request", f"{url}/again")
    with serve_guarded() as other:
        service.elsewhere = address(other)
        said = desk.fail("request", f"{url}/away")
        assert said == f"{url} sends on to {address(other)}, which this login is not for"
        finished = desk.newel("request", address(other))
        assert f"there is no login for {address(other)}" in finished.stderr.decode()
        assert other.came == 0
    (file,) = stored_logins(desk)
    thief = file.with_name(file.name.replace(str(service.port), "1"))
    thief.write_bytes(file.read_bytes())
    assert "it is the login for" in desk.fail("request", "http://127.0.0.1:1")


def test_another_program_is_given_access_with_fewer_rights(
    desk: Desk, provider: Provider, service: Service
) -> None:
    """The token that is handed out may do less; the login continues, with the latest refresh token."""
    log_in(desk, provider, service)
    url = address(service)
    assert desk.succeed("request", "--access", url) == b"access\n"
    desk.succeed("request", "--access", url, "--scope", "read", "--scope", "list", "--out", "token")
    assert (desk.path / "token").read_text() == "access-1\n"
    assert (desk.path / "token").stat().st_mode & 0o777 == 0o600
    assert provider.forms[-1]["scope"] == "read list"
    assert requests(desk, url)["who"] == "access"
    provider.answers = {"scope": "read write"}
    assert "gives more than was asked for: write" in desk.fail(
        "request", "--access", url, "--scope", "read"
    )


def test_logout_revokes_and_forgets(desk: Desk, provider: Provider, service: Service) -> None:
    log_in(desk, provider, service)
    url = address(service)
    provider.failing = True
    finished = desk.newel("logout", url)
    assert finished.returncode == 1
    assert "is kept, because it could not be revoked: the provider answers with status 503" in (
        finished.stderr.decode()
    )
    assert stored_logins(desk)
    provider.failing = False
    assert f"✔ Logged out: {url}" in desk.newel("logout", "--all").stderr.decode()
    assert provider.forms[-1]["token"] == "refresh-0"
    assert provider.forms[-1]["token_type_hint"] == "refresh_token"
    assert provider.active == set()
    assert stored_logins(desk) == []
    assert desk.newel("logout", url).returncode == 1
    desk.succeed("logout", "--all")


def test_a_token_nobody_can_be_told_about_is_forgotten_all_the_same(
    desk: Desk, provider: Provider, service: Service
) -> None:
    endpoints = ("--token-endpoint", f"{provider.url}/token", "--authorization-endpoint")
    log_in(desk, provider, service, *endpoints, f"{provider.url}/authorization")
    said = desk.newel("logout", address(service)).stderr.decode()
    assert "It was not revoked: a copy of it stays good until " in said
    assert stored_logins(desk) == []


def test_the_id_token_may_be_what_a_service_wants(
    desk: Desk, provider: Provider, service: Service
) -> None:
    log_in(desk, provider, service, "--oidc")
    provider.active.clear()
    finished = desk.newel("request", address(service))
    assert (finished.returncode, finished.stdout) == (1, b'{"error":"who are you?"}')
    token = desk.succeed("request", "--access", address(service)).decode()
    assert token.count(".") == 2


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"id_token": "a.b.c"}, "error parsing token"),
        ({"access_token": ""}, "the provider's answer holds no such token"),
        ({"access_token": "a\r\nX-Forged: 1"}, "the provider's answer holds no such token"),
        ({"error": "access_denied"}, "access_denied"),
    ],
)
def test_a_rogue_provider_leaves_no_login(
    desk: Desk, provider: Provider, answers: dict[str, str], said: str
) -> None:
    provider.answers = answers
    code, out, err, _ = walk(provider, "login", "https://files.example", env=desk.env)
    assert (code, out) == (1, "")
    assert said in err
    assert stored_logins(desk) == []


def test_an_id_token_for_another_client_is_refused(desk: Desk, provider: Provider) -> None:
    provider.audience = "another"
    code, _, err, _ = walk(provider, "login", "https://other.example", env=desk.env)
    assert (code, err.splitlines()[-1]) == (1, "the ID token was made for another client")
    assert stored_logins(desk) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("login", "not enough positional arguments"),
        ("login files.example", "'files.example' is not the URL of a service"),
        ("login http://files.example", "'http://files.example' is not an https address"),
        (
            "login https://f\xedles.example",
            "'https://f\xedles.example' is not the URL of a service",
        ),
        ("login https://me@files.example", "a URL with a user in it"),
        ("login https://files.example:port", "'https://files.example:port' is not a URL"),
        (
            "login https://files.example",
            "one of flag --client-id, --subject or --token is required",
        ),
        (
            "login https://files.example --credential ring",
            "invalid value 'ring' for flag '--credential'",
        ),
        (
            "login https://files.example --client-id x",
            "'newel login' requires the '--provider' flag",
        ),
        ("login https://files.example --token x", "error parsing token"),
        ("login http://127.0.0.1:1 --credential certificate", "a certificate is shown by TLS"),
        ("logout", "not enough positional arguments"),
        ("logout https://a.example https://a.example:443", "a service is named twice"),
        ("request https://files.example --scope x", "flag '--scope' requires the '--access' flag"),
        ("request https://files.example --access -d x", "flag '--access' and flag '--data'"),
        ("request https://files.example -X A-B", "invalid value 'A-B' for flag '--method'"),
        ("request https://files.example -H authorization:x", "the header authorization is not for"),
        ("request https://files.example -H x", "invalid value 'x' for flag '--header'"),
        ("request https://files.example -d @nothing", "open nothing: no such file"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(desk: Desk, words: str, said: str) -> None:
    line = desk.fail(*words.split())
    assert line.startswith(said), line
    assert not (desk.path / "step").exists()


@pytest.mark.parametrize("text", ["", "{}", "[", '{"service":"https://a.example"}', "\xff"])
def test_a_damaged_file_is_no_login(desk: Desk, text: str) -> None:
    folder = desk.path / "step/credentials"
    folder.mkdir(parents=True)
    (folder / "https%3A%2F%2Fa.example.json").write_text(text)
    assert "it holds no login" in desk.fail("request", "https://a.example")
