"""path, base64, context and completion as a whole process sees them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

NEWEL = str(Path(sys.executable).with_name("newel"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEPPATH", str(tmp_path))
    return tmp_path


def newel(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NEWEL, *arguments], input=given, capture_output=True, text=True, check=False
    )


def test_path_is_steppath_until_there_are_contexts(home: Path) -> None:
    assert newel("path").stdout == f"{home}\n"
    (home / "contexts.json").write_text(
        json.dumps(
            {
                "ours": {"profile": "me", "authority": "ca"},
                "theirs": {"profile": "me", "authority": "x"},
            }
        )
    )
    assert newel("path").stdout == f"{home}\n"
    assert newel("context", "select", "ours").stderr == "✔ Context: ours\n"
    assert newel("path").stdout == f"{home}/authorities/ca\n"
    assert newel("path", "--profile").stdout == f"{home}/profiles/me\n"
    assert newel("path", "--base").stdout == f"{home}\n"
    assert newel("context", "list").stdout == "▶ ours\ntheirs\n"
    assert json.loads(newel("context", "current", "--json").stdout)["authority"] == "ca"
    refused = newel("context", "remove", "ours", "-f")
    assert (refused.returncode, "cannot remove current context" in refused.stderr) == (1, True)
    assert newel("context", "remove", "theirs", "-f").returncode == 0
    assert newel("context", "list").stdout == "▶ ours\n"


@pytest.mark.parametrize("flags", [[], ["-r"], ["-u"], ["-r", "-u"]])
def test_base64_decodes_what_it_encodes(home: Path, flags: list[str]) -> None:
    text = "sub?jects>and~more"
    encoded = newel("base64", *flags, text).stdout.strip()
    assert newel("base64", "-d", encoded).stdout == text
    assert newel("base64", "-d", given=encoded + "\n").stdout == text


def test_base64_refuses_what_is_not_base64(home: Path) -> None:
    refused = newel("base64", "-d", "a*b")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error decoding input")


def test_an_unknown_command_is_exit_3_with_one_line(home: Path) -> None:
    refused = newel("bogus")
    assert (refused.returncode, refused.stderr) == (3, "No help topic for 'bogus'\n")


def test_completion_offers_commands_then_flags(home: Path) -> None:
    script = (
        newel("completion", "bash").stdout
        + "\nCOMP_WORDS=(step certificate ins); COMP_CWORD=2; _step; echo ${COMPREPLY[@]}"
    )
    path = f"PATH={Path(NEWEL).parent}:$PATH\n"
    shown = subprocess.run(
        ["bash", "-c", path + script], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == ["inspect", "install"]
    assert (
        "--servername" in newel("completion", "--candidates", "--", "certificate", "inspect").stdout
    )
    assert newel("completion", "tcsh").stderr == "unsupported shell tcsh\n"


def test_a_prompt_without_a_terminal_says_what_to_do(home: Path) -> None:
    (home / "contexts.json").write_text(json.dumps({"a": {"profile": "a", "authority": "a"}}))
    refused = subprocess.run(
        ["setsid", NEWEL, "context", "select"], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("error allocating terminal: open /dev/tty: ")
