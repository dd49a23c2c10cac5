"""The dashboard in a real browser: log in by the link, find, revoke, see OCSP change; scripts on and off.

In one process, and as a process of its own, to which the administrator's key delegates.
"""

import os
import ssl
import subprocess
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fixtures import split
from fixtures.browser import PROGRAMS, Browser, run_browser
from fixtures.running import NEWEL, Authority, wait_until

pytestmark = pytest.mark.needs(*PROGRAMS)
SHOTS = os.environ.get("NEWEL_SCREENSHOTS", "")
"""A folder for screenshots; without it none is written."""


def newel(authority: Authority, *words: str | Path) -> str:
    """The command line with the authority's state as its STEPPATH; standard output."""
    done = subprocess.run(
        [NEWEL, *map(str, words)], env={**os.environ, "STEPPATH": str(authority.state)},
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip # a command line
    assert done.returncode == 0, done.stderr
    return done.stdout


SITES = [
    pytest.param(("newel_authority", True), id="up, scripts"),
    pytest.param(("newel_authority", False), id="up, no scripts"),
    pytest.param(("split", True), id="split", marks=pytest.mark.needs(*split.PROGRAMS)),
]


@pytest.fixture(scope="module", params=SITES)
def site(request: pytest.FixtureRequest) -> tuple[Authority, bool]:
    """An authority with a dashboard, and whether the browser runs scripts."""
    name, scripts = request.param
    return request.getfixturevalue(name), scripts


@pytest.fixture(scope="module")
def authority(site: tuple[Authority, bool]) -> Authority:
    """The authority."""
    return site[0]


@pytest.fixture(scope="module")
def certificate(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate to look for and to revoke."""
    folder = tmp_path_factory.mktemp("web")
    file = folder / "web.crt"
    newel(
        authority, "ca", "certificate", "web.internal", file, folder / "web.key", "--provisioner",
        "admin", "--provisioner-password-file", authority.password_file,
    )  # fmt: skip # a command line
    return file


@pytest.fixture(scope="module")
def browser(
    site: tuple[Authority, bool], tmp_path_factory: pytest.TempPathFactory
) -> Generator[Browser]:
    """A browser that shows the first page, where an administrator has logged in by a link."""
    authority, scripts = site
    folder = tmp_path_factory.mktemp("browser")
    server = folder / "server.pem"
    server.write_text(
        ssl.get_server_certificate(("localhost", urlsplit(authority.pages).port or 443))
    )
    with run_browser(folder, server, scripts=scripts) as opened:
        link = newel(authority, "dashboard").strip()
        opened.open(link)
        opened.click("form.stack button")
        wait_until(lambda: opened.url == f"{authority.pages}/dashboard", seconds=60)
        yield opened
        opened.open(link)
        assert "used already" in opened.text()


def shoot(browser: Browser, folder: str, name: str) -> None:
    """Writes a page at three widths."""
    for width in (420, 900, 1440):
        browser.resize(width, 1000)
        browser.take_screenshot(Path(folder) / f"{name}-{width}.png")


def test_a_person_finds_a_certificate_and_revokes_it(
    authority: Authority, certificate: Path, browser: Browser
) -> None:
    wait_until(lambda: "web.internal" in newel(authority, "certificates", "list"))
    browser.open(f"{authority.pages}/")
    assert "All clear" in browser.text("h1") or "need" in browser.text("h1")
    browser.type("form.search.big input", "web.int")
    browser.click("form.search.big button")
    assert "search=web.int" in browser.url
    browser.click("tbody a")
    assert browser.text("h1").startswith("web.internal")
    page = browser.url
    if "revoked" not in browser.text("h1"):
        assert "good" in browser.text(".columns")
        browser.click("a.danger")
        assert "revoked for good" in browser.text()
        browser.click("input[value='1']")
        browser.click("button.danger")
    wait_until(lambda: is_revoked(browser, page), seconds=60)
    assert authority.ocsp(certificate) == "revoked"
    lines = [line for line in authority.audit() if line["event"] == "revoke"]
    assert lines[-1]["actor"].removeprefix("administrator:") in {"administrator", "admin"}
    if SHOTS:
        shoot(browser, SHOTS, "certificate")
        for name in ("dashboard", "dashboard/certificates", "trust"):
            browser.open(f"{authority.pages}/{name}")
            shoot(browser, SHOTS, name.replace("/", "-"))


def is_revoked(browser: Browser, page: str) -> bool:
    """Whether the page says so, and OCSP with it."""
    browser.open(page)
    return "revoked" in browser.text("h1") and "revoked" in browser.text(".columns")


@pytest.mark.attack("P05")
@pytest.mark.attack("P16")
def test_stored_markup_is_inert_and_no_other_page_frames_this_one(
    authority: Authority, browser: Browser
) -> None:
    markup = "<img src=x onerror=document.title='owned'>"
    browser.open(f"{authority.pages}/dashboard/certificates?search={markup}")
    assert markup in browser.run("return document.querySelector('input[name=search]').value")
    assert "owned" not in browser.run("return document.title")
    assert browser.run("return document.querySelectorAll('main img').length") == 0
    browser.open(f"{authority.pages}/dashboard")
    assert browser.run("return document.cookie") == "", "no script reads the session"
    requests = browser.run(
        "return performance.getEntriesByType('resource').map(each => new URL(each.name).host)"
    )
    assert set(requests) <= {urlsplit(authority.pages).netloc}
    assert len(requests) <= 5
