"""Documents name what exists: links and their headings, files, folders and modules of this repository."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "*/README.md", "*/*/README.md")
    for path in sorted(ROOT.glob(pattern))
    if not path.relative_to(ROOT).as_posix().startswith((".", "var/", "dist/"))
]
GUIDES = ["CONTRIBUTING.md", "docs/architecture.md", "docs/glossary.md"]
"""Pages that name files by their full path."""
MEMBERS = ("proto", "libs/*", "services/*", "cli")
TOP = r"(?:proto|libs|services|cli|tests|deploy|docs|helm)/"


def find_headings(page: Path) -> set[str]:
    titles = re.findall(r"(?m)^#+ (.+)$", page.read_text())
    plain = (re.sub(r"\]\([^)]*\)|[^\w -]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in plain}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    prose = re.sub(r"(?ms)^```.*?^```", "", page.read_text())
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, heading = target.partition("#")
        if ":" in path:
            continue
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not heading or heading in find_headings(file), target


@pytest.mark.parametrize("name", GUIDES)
def test_files_that_are_named_exist(name: str) -> None:
    for path in re.findall(rf"`({TOP}[^`\s]*)`", (ROOT / name).read_text()):
        # the new part of a path, <kind>, stands for what others there are called
        pattern = re.sub(r"<\w+>", "*", path.rstrip("/"))
        assert any(ROOT.glob(pattern)), path


def is_setting(service: Path, path: str) -> bool:
    """Tell whether a service's configuration has a setting that a path of ca.json names."""
    config = service / "config.py"
    setting = rf"^    {path.partition('.')[0]}: "
    return config.exists() and re.search(setting, config.read_text(), re.MULTILINE) is not None


@pytest.mark.parametrize("name", [page for page in PAGES if page != "CHANGELOG.md"])
def test_modules_that_are_named_exist(name: str) -> None:
    packages = {
        path.name: path.parent for each in MEMBERS for path in ROOT.glob(f"{each}/src/newel/*")
    }
    for package, rest in re.findall(r"`newel\.(\w+)\.([a-z_0-9.]+)`", (ROOT / name).read_text()):
        # what is no module is a member of ca.json or the type of an event
        if package in packages and not is_setting(packages[package] / package, rest):
            path = f"{package}/{rest.replace('.', '/')}"
            assert any(packages[package].glob(f"{path}*")), path
