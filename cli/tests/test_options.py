"""The typed options of commands: generated from the grammar, resolved when they are read."""

import sys
from pathlib import Path

import pytest

from newel.cli.errors import UsageError
from newel.cli.options.grammar import find, words
from newel.cli.options.invocation import Invocation

MEMBER = Path(__file__).parents[1]
RECORDS = MEMBER / "src/newel/cli/options/records"


def parse(line: str) -> Invocation:
    command, rest = find(line.split())
    assert command is not None
    return Invocation(command, rest)


def read(line: str, field: str) -> object:
    return getattr(parse(line), field)


@pytest.fixture(autouse=True)
def _no_saved_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPPATH", str(tmp_path))


def test_the_records_are_what_the_grammar_generates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(MEMBER), *sys.path])
    import generate  # pyright: ignore[reportMissingImports] - the member's own script

    texts: dict[str, str] = {"flag_groups": generate.flag_groups()}  # pyright: ignore[reportUnknownMemberType] - see above
    for word in words():
        texts |= generate.generate(word)  # pyright: ignore[reportUnknownMemberType] - see above
    written = {path.stem: path.read_text() for path in RECORDS.glob("*.py")}
    del written["__init__"]
    assert written == texts, "run python cli/generate.py"


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("ca renew a b --expires-in 5m", "expires_in", "5m"),
        ("ca renew a b", "expires_in", None),
        ("ca renew a b --force", "force", True),
        ("ca renew a b", "force", False),
        ("ca renew a b", "mtls", True),
        ("ca renew a b --pid 7", "pid", 7),
        ("ca renew a b", "pid", None),
        ("ca certificate n c k --san a --san b", "san", ["a", "b"]),
        ("ca certificate n c k", "san", []),
        ("ca revoke 1 --reasonCode 4", "reason_code", "4"),
    ],
)
def test_a_flag_is_a_field_of_its_kind(line: str, field: str, value: object) -> None:
    assert read(line, field) == value


def test_a_flag_the_command_does_not_have_is_no_field() -> None:
    with pytest.raises(AttributeError):
        read("ca renew a b", "nothing")


def test_a_value_of_the_wrong_kind_is_refused_when_it_is_read() -> None:
    with pytest.raises(UsageError, match="invalid value"):
        read("ca renew a b --pid x", "pid")
