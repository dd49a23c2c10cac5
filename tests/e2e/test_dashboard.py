"""The dashboard in a real browser: log in by the link, find, revoke, see OCSP change; scripts on and off."""

import os
import ssl
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def certificate(newel_authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate to look for and to revoke."""
    folder = tmp_path_factory.mktemp("web")
    file = folder / "web.crt"
    newel(
        newel_authority, "ca", "certificate", "web.internal", file, folder / "web.key", "--provisioner",
        "admin", "--provisioner-password-file", newel_authority.password_file,
    )  # fmt: skip # a command line
    return file


@pytest.fixture(scope="module", params=["scripts", "no scripts"])
def browser(
    request: pytest.FixtureRequest,
    newel_authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[Browser]:
    """A browser that shows the first page, where an administrator has logged in by a link."""
    folder = tmp_path_factory.mktemp("browser")
    server = folder / "server.pem"
    server.write_text(fetch_server_certificate(newel_authority))
    with run_browser(folder, server, scripts=request.param == "scripts") as opened:
        link = newel(newel_authority, "dashboard").strip()
        opened.open(link)
        opened.click("form.stack button")
        assert opened.url == f"{newel_authority.url}/dashboard"
        yield opened
        opened.open(link)
        assert "used already" in opened.text()


def fetch_server_certificate(authority: Authority) -> str:
    """The certificate that the authority shows."""
    return ssl.get_server_certificate(("localhost", authority.port))


def shoot(browser: Browser, folder: str, name: str) -> None:
    """Writes a page at three widths."""
    for width in (420, 900, 1440):
        browser.resize(width, 1000)
        browser.take_screenshot(Path(folder) / f"{name}-{width}.png")


def test_a_person_finds_a_certificate_and_revokes_it(
    newel_authority: Authority, certificate: Path, browser: Browser
) -> None:
    wait_until(lambda: "web.internal" in newel(newel_authority, "certificates", "list"))
    browser.open(f"{newel_authority.url}/")
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
    assert newel_authority.ocsp(certificate) == "revoked"
    lines = [line for line in newel_authority.audit() if line["event"] == "revoke"]
    assert lines[-1]["actor"] == "administrator:administrator"
    if SHOTS:
        shoot(browser, SHOTS, "certificate")
        for name in ("dashboard", "dashboard/certificates", "trust"):
            browser.open(f"{newel_authority.url}/{name}")
            shoot(browser, SHOTS, name.replace("/", "-"))


def is_revoked(browser: Browser, page: str) -> bool:
    """Whether the page says so, and OCSP with it."""
    browser.open(page)
    return "revoked" in browser.text("h1") and "revoked" in browser.text(".columns")


@pytest.mark.attack("P05")
@pytest.mark.attack("P16")
def test_stored_markup_is_inert_and_no_other_page_frames_this_one(
    newel_authority: Authority, browser: Browser
) -> None:
    markup = "<img src=x onerror=document.title='owned'>"
    browser.open(f"{newel_authority.url}/dashboard/certificates?search={markup}")
    assert markup in browser.run("return document.querySelector('input[name=search]').value")
    assert "owned" not in browser.run("return document.title")
    assert browser.run("return document.querySelectorAll('main img').length") == 0
    browser.open(f"{newel_authority.url}/dashboard")
    assert browser.run("return document.cookie") == "", "no script reads the session"
    requests = browser.run(
        "return performance.getEntriesByType('resource').map(each => new URL(each.name).host)"
    )
    assert set(requests) <= {f"localhost:{newel_authority.port}"}
    assert len(requests) <= 5
