"""Help teaches: every word has a sentence, lines fit the terminal, and examples are lines that parse."""

import shlex
from pathlib import Path

import pytest

from newel.cli import main
from newel.cli.options import grammar
from newel.cli.options.grammar import Command, find, load, words
from newel.cli.options.invocation import Invocation
from newel.cli.options.lookup import FOREIGN
from newel.cli.render import help_layout

EXAMPLES = [
    line.split("\t") for line in (Path(grammar.HERE) / "examples.txt").read_text().splitlines()
]
ALL = [command for word in words() for command in load(word).values()]


def show(capsys: pytest.CaptureFixture[str], *line: str) -> str:
    assert main.dispatch(list(line)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.path)
def test_every_command_and_flag_is_described_in_words(command: Command) -> None:
    assert command.summary, "says nothing"
    assert not set("→↔|§†") & set(command.summary)
    assert not command.summary.endswith(".")
    for flag in command.flags:
        assert flag.meaning, flag.name
        assert not set("→↔§†") & set(flag.meaning), flag.meaning


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_lines_fit_the_terminal(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for path in ("", "ca", "ca certificate", "ca provisioner add", "certificate lint", "ca policy"):
        text = show(capsys, "help", *path.split())
        for line in text.partition("\nExamples:")[0].splitlines():
            unbroken = line.startswith("Usage: ") or len(line.split()) == 1
            assert unbroken or len(line) <= min(columns, help_layout.WIDEST), line


def test_flags_stand_in_one_column_and_meanings_in_another(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = show(capsys, "certificate", "needs-renewal", "--help")
    flags = text.split("\nFlags:\n")[1].split("\n\n")[0].splitlines()
    meanings = {line.index(line.split("  ")[-1].strip()) for line in flags if "  " in line.strip()}
    assert len(meanings) == 1
    assert text.startswith(
        "Usage: newel certificate needs-renewal <cert-file or hostname> [flags]\n\n"
    )


def test_the_overview_has_every_first_word_and_groups_have_summaries(
    capsys: pytest.CaptureFixture[str],
) -> None:
    overview = show(capsys, "help")
    for word in [*words(), *FOREIGN]:
        hidden = word not in FOREIGN and load(word)[word].hidden
        assert (f"\n  {word} " in overview) is not hidden
    group = show(capsys, "ca", "provisioner")
    assert "\n  webhook  the webhooks a provisioner asks before it issues\n" in group
    assert "webhook add" not in group


def test_a_flag_of_the_command_takes_the_place_of_one_of_every_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = show(capsys, "certificates", "list", "--help")
    assert text.partition("\nExamples:")[0].count("  --output") == 1
    assert "text, json or csv" in text


@pytest.mark.parametrize(("path", "meaning", "line"), EXAMPLES, ids=lambda text: text[:40])
def test_examples_are_lines_their_commands_take(path: str, meaning: str, line: str) -> None:
    assert meaning
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    said = list(lexer)
    end = next((at for at, word in enumerate(said) if word in {"|", "&&", "<", ">"}), len(said))
    assert said[0] == "newel"
    if said[1] in FOREIGN:
        return
    command, rest = find(said[1:end])
    assert command is not None
    assert command.path == path or (load(path.split(maxsplit=1)[0])[path].group if path else True)
    call = Invocation(command, rest)
    required = [name for name in command.positionals if not name.startswith("[")]
    assert len(call.args) <= len(command.positionals) or command.path == "context select"
    assert len(call.args) >= len(required) or {"--cert", "--offline", "-"} & set(said)


def test_examples_are_shown_with_their_command(capsys: pytest.CaptureFixture[str]) -> None:
    for path, meaning, line in EXAMPLES:
        text = show(capsys, "help", *path.split())
        assert f"      {line}\n" in text
        assert meaning.split()[0] in text


def test_the_lines_of_the_page_are_lines_their_commands_take() -> None:
    page = (Path(__file__).parents[2] / "docs/cli.md").read_text()
    blocks = "\n".join(block.partition("```")[0] for block in page.split("```sh\n")[1:])
    lines = [line for line in blocks.replace("\\\n", " ").splitlines() if line.startswith("newel ")]
    assert len(lines) > 8
    for line in lines:
        said = shlex.split(
            line.partition(" #")[0].removesuffix(" &").replace("$(", "'$(").replace(")", ")'")
        )
        if said[1] not in FOREIGN:
            command, rest = find(said[1:])
            assert command is not None, line
            assert not command.group, line
            Invocation(command, rest)


CONSIDERATIONS = [
    line.split("\t")
    for line in (Path(grammar.HERE) / "considerations.txt").read_text().splitlines()
]


@pytest.mark.parametrize(
    ("path", "kind", "subject", "text"), CONSIDERATIONS, ids=lambda text: text[:30]
)
def test_considerations_stand_in_the_help_of_their_command(
    path: str, kind: str, subject: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kind in {"Security", "Architecture", "Usage"}
    assert text.endswith(".")
    shown = show(capsys, "help", *path.split())
    _, title, below = shown.partition(f"\n{kind} considerations:\n")
    assert title
    assert f"\n  {subject}  " in f"\n{below}"
    assert text in " ".join(below.split())


def test_considerations_of_a_group_are_referred_to(capsys: pytest.CaptureFixture[str]) -> None:
    reference = "Those of 'newel help crypto' apply too."
    assert reference in show(capsys, "crypto", "jwk", "create", "--help")
    assert reference not in show(capsys, "crypto", "help")
    assert "help ca' apply too" not in show(capsys, "ca", "token", "--help")


def test_flags_that_considerations_name_are_flags_of_the_command() -> None:
    for path, _, _, text in CONSIDERATIONS:
        command, _ = find(path.split())
        assert command is not None
        named = {word.strip(".,;:()").removeprefix("--") for word in text.split() if "--" in word}
        own = {name for flag in command.flags for name in flag.names}
        assert command.group or named <= own, (path, named - own)
