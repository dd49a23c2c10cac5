"""The rules about words catch what they are for, and leave plain words alone."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("words.py")


def check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(root)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "libs/x/src").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("libs/x/src/x.py", "def made() -> None: ...\n", "made is a participle"),
        ("libs/x/src/x.py", "async def _finishing() -> None: ...\n", "_finishing is a participle"),
        ("libs/x/tests/test_x.py", "def renewed() -> None: ...\n", "renewed is a participle"),
        ("libs/x/src/x.py", "class Issued: ...\n", "class Issued; a type is a noun"),
        ("libs/x/src/x.py", "class Told: ...\n", "class Told; a type is a noun"),
        ("libs/x/src/x.py", "class CrlShelf: ...\n", "shelf is a metaphor"),
        ("libs/x/src/x.py", "def open_house() -> None: ...\n", "house is a metaphor"),
        ("libs/x/src/upkeep.py", "", "upkeep is a metaphor"),
        ("libs/x/src/x.py", "# Read anew.\n", "'anew': again"),
        ("libs/x/src/x.py", 'TEXT = f"""One\nof ours {1}."""\n', "x.py:2: 'of ours'"),
        ("docs/x.md", "Whoever may call it.\n", "'whoever'"),
        ("libs/x/src/x.py", '"""Read it.\n\nSee ROAD-07."""\n', "x.py:3: 'ROAD-07' is not in"),
        ("libs/x/src/x.py", "# Issue 3 asks for it.\n", "'Issue 3' is not in"),
        ("docs/x.md", "As the design §4 says.\n", "'design §4' is not in"),
        ("docs/x.md", "word " * 21 + "\n", "105 columns"),
        ("README.md", "It is kept for ever.\n", "'for ever'"),
    ],
)
def test_a_breach_of_the_words_is_caught(tree: Path, name: str, text: str, says: str) -> None:
    planted = tree / name
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text)
    outcome = check(tree)
    assert outcome.returncode == 1
    assert says in outcome.stdout


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("libs/x/src/x.py", "def read_chain() -> None: ...\ndef is_signed() -> None: ...\n"),
        ("libs/x/src/x.py", "class JWKProvisioner: ...\nclass EncodedKey: ...\n"),
        ("libs/x/src/x.py", "def heading() -> None: ...\ndef embed() -> None: ...\n"),
        ("libs/x/src/x.py", "# RFC 8555 §7.1, UTF-16, SHA-256, SSH-2.0 and P-256.\n"),
        ("docs/x.md", "| " + "word " * 40 + "|\n# " + "word " * 30 + "\n"),
        ("docs/x.md", "```\n" + "word " * 40 + "\n```\n"),
    ],
)
def test_plain_words_are_left_alone(tree: Path, name: str, text: str) -> None:
    planted = tree / name
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(text)
    outcome = check(tree)
    assert outcome.returncode == 0, outcome.stdout
