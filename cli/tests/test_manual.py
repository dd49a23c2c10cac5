"""The pages of the manual: HTML whose links lead somewhere, the original's tree, man pages without a fault."""

import json
import subprocess
import sys
from html.parser import HTMLParser
from http.client import HTTPConnection
from pathlib import Path

import pytest

from fixtures.running import NEWEL, others
from newel.cli.manual.pages import every_page

PAGES = list(every_page())


def write_pages(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NEWEL, "help", *flags],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages in every form."""
    folder = tmp_path_factory.mktemp("manual")
    done = write_pages(folder, "--html", "web", "--markdown", "md", "--man", ".", "--report")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


class Links(HTMLParser):
    """What a page links to, and whether what it opens it also closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name == "href" and value]
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_links_lead_to_pages_and_every_page_is_led_to(manual: Path) -> None:
    led_to = {manual / "web/index.html"}
    for page in PAGES:
        path = manual.joinpath("web", *page.words, "index.html")
        parsed = Links(path.read_text())
        assert not parsed.open
        targets = {(path.parent / link).resolve() for link in parsed.found}
        assert all(target.is_file() for target in targets), page.name
        led_to |= targets
    # hidden ones and other names: `ca federate` is `ca federation`
    assert {path.parts[-2] for path in (manual / "web").rglob("*.html") if path not in led_to} <= {
        "api",
        "federate",
        "fileserver",
    }


def test_what_the_terminal_says_stands_in_every_form(manual: Path) -> None:
    for page in PAGES:
        texts = [
            manual.joinpath("md", *page.words, "README.mdx").read_text().replace("\\", ""),
            (manual / "man1" / f"newel{'-'.join(('', *page.words))}.1")
            .read_text()
            .replace("\\", ""),
        ]
        for text in texts:
            flat = " ".join(text.split())
            for name, meaning in (row for section in page.sections for row in section.rows):
                assert name in flat
                assert meaning in flat


def test_the_report_counts_every_text(manual: Path) -> None:
    for form in ("web", "md"):
        found = json.loads((manual / form / "report.json").read_text())["report"]
        assert len(found) == len(PAGES)
        assert {tuple(entry) for entry in found} == {
            ("command", "name", "text", "words", "lines", "sections")
        }
        assert all(part["words"] for entry in found for part in entry["sections"])


@pytest.mark.needs("mandoc")
def test_manual_pages_have_no_fault(manual: Path) -> None:
    pages = sorted((manual / "man1").iterdir())
    assert len(pages) == len(PAGES)
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wstyle", *pages],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.needs("step")
def test_the_tree_is_the_originals(manual: Path, tmp_path: Path) -> None:
    for flag, form in (("--markdown", "md"), ("--html", "web")):
        subprocess.run([others("step"), "help", flag, tmp_path / form], check=True, timeout=60)
        theirs = {path.relative_to(tmp_path / form) for path in (tmp_path / form).rglob("*.*")}
        assert len(theirs) > 200
        assert {path for path in theirs if not (manual / form / path).is_file()} == set()


def test_pages_are_served() -> None:
    words = [sys.executable, "-m", "newel.cli", "help", "--http", "127.0.0.1:0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            address = process.stderr.readline().rpartition(" ")[2].strip()
            asked = HTTPConnection(address, timeout=60)
            for page in (PAGES[0], PAGES[-1]):
                asked.request("GET", "/" + "".join(f"{word}/" for word in page.words))
                assert f"<h1>{page.name}</h1>" in asked.getresponse().read().decode()
                asked.close()
            asked.request("GET", "/bogus")
            assert asked.getresponse().status == 404
            asked.close()
        finally:
            process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--html", "here/below"), "open here/below: not a directory\n"),
        (("--report",), "flag '--report' requires the '--html' flag\n"),
        (("--http", "bogus"), "error listening at bogus: listen tcp: address bogus: missing port in address\n"),
    ],
)  # fmt: skip # a command line
def test_what_cannot_be_written_or_served_is_said_in_a_line(
    tmp_path: Path, flags: tuple[str, ...], said: str
) -> None:
    (tmp_path / "here").touch()
    done = write_pages(tmp_path, *flags)
    assert (done.returncode, done.stderr) == (1, said)
