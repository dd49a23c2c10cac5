"""Every command and flag of the original exists here, in every spelling, so that scripts go on working."""

import itertools
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest

from fixtures.running import others
from newel.cli import main
from newel.cli.errors import CliError
from newel.cli.options.grammar import SWITCHES, Command, Flag, find, load, words
from newel.cli.options.invocation import Invocation
from newel.cli.options.lookup import UNSUPPORTED, module_of

OURS_ALONE = (
    "alerts",
    "certificates",
    "dashboard",
    "decrypt",
    "encrypt",
    "endpoints",
    "enroll",
    "login",
    "logout",
    "metadata",
    "metering",
    "request",
    "revoke",
    "sign",
    "verify",
)
"""First words the original does not have."""
OURS_BELOW = (
    "ca acme account",
    "ca acme replacement",
    "ca federate",
    "ca profile",
    "crypto jwt lint",
    "ssh krl",
)
"""Commands the original lacks below words it has."""
EXAMPLES = {"i": "7", "d": "5m"}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def tree() -> Iterator[Command]:
    """Every command of every table that the original has too."""
    for word in words():
        if word not in OURS_ALONE:
            yield from load(word).values()


COMMANDS = {command.path: command for command in tree()}
LEAVES = [command for command in COMMANDS.values() if not command.group]


def value_of(flag: Flag) -> str:
    """Something the flag may be set to, unlike its default."""
    if flag.kind in SWITCHES:
        return "false" if flag.kind == "B" else "true"
    return EXAMPLES.get(flag.kind, "some=value")


def spellings(flag: Flag) -> Iterator[list[str]]:
    """Every way to write the flag on a command line."""
    for name, dashes in itertools.product(flag.names, ("-", "--")):
        yield [f"{dashes}{name}={value_of(flag)}"]
        if flag.kind not in SWITCHES:
            yield [f"{dashes}{name}", value_of(flag)]
        elif flag.kind == "b":
            yield [f"{dashes}{name}"]


def parse(command: Command, line: list[str]) -> Invocation:
    found, rest = find([*command.path.split(), *line])
    assert found is not None
    assert found.path == command.path
    return Invocation(found, rest)


@pytest.mark.parametrize("command", LEAVES, ids=lambda command: command.path)
def test_every_flag_is_read_in_every_spelling_and_place(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = [f"word-{number}" for number, _ in enumerate(command.positionals)]
    for flag in command.flags:
        for spelled in spellings(flag):
            for line in ([*spelled, *here], [*here, *spelled], [*here[:1], *spelled, *here[1:]]):
                call = parse(command, line)
                assert call.args == here, line
                assert call.all(flag.names[-1]) == [value_of(flag)], line
        if flag.environment:
            monkeypatch.setenv(flag.environment, value_of(flag))
            call = parse(command, here)
            assert call.all(flag.name) == [value_of(flag)], flag.environment
            assert not call.is_given(flag.name)
            monkeypatch.delenv(flag.environment)


@pytest.mark.parametrize("command", LEAVES, ids=lambda command: command.path)
def test_no_name_means_two_flags(command: Command) -> None:
    names = [name for flag in command.flags for name in flag.names]
    assert sorted(names) == sorted(set(names))


def test_an_older_name_has_every_flag_that_its_command_reads() -> None:
    current = load("ca")
    for path, command in load("beta").items():
        if path != "beta":
            same = current[path.removeprefix("beta ")]
            assert {flag.name for flag in command.flags} >= {flag.name for flag in same.flags}, path


def test_every_command_is_there_or_said_to_be_absent() -> None:
    without: set[str] = set()
    for command in LEAVES:
        try:
            module = import_module(module_of(command.path))
        except CliError:
            without.add(command.path)
        else:
            assert callable(module.run), command.path
    assert without == set(UNSUPPORTED), "who has no module is in UNSUPPORTED, and no other command"
    assert set(UNSUPPORTED) <= set(COMMANDS)


@pytest.mark.parametrize("path", ["api token create"])
def test_an_absent_command_is_exit_3_and_says_why(path: str) -> None:
    with pytest.raises(CliError) as refused:
        main.dispatch([*path.split(), "--audience", "x"])
    assert (
        str(refused.value)
        == f"the command '{path}' is not part of this version: {UNSUPPORTED[path]}"
    )
    assert refused.value.code == 3


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.path)
def test_every_command_has_help(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    path = command.path.split()
    shown: list[str] = []
    for line in (["help", *path], [*path, "--help"], [*path, "-h"]):
        assert main.dispatch(line) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1] == shown[2]
    assert command.path in shown[0]
    for flag in command.flags if not command.group else ():
        spelled = [f"{'-' if len(name) == 1 else '--'}{name}" for name in flag.names]
        assert flag.hidden or all(name in shown[0] for name in spelled)


@pytest.mark.parametrize("line", [["bogus"], ["certificate", "bogus"], ["ca", "policy", "bogus"]])
def test_an_unknown_command_is_exit_3(line: list[str]) -> None:
    with pytest.raises(CliError, match="No help topic for") as refused:
        main.dispatch(line)
    assert refused.value.code == 3


def original_help(path: str) -> str:
    """What the original says of one of its commands."""
    done = subprocess.run(
        [others("step"), *path.split(), "--help"], capture_output=True, text=True, check=True
    )
    return COLOUR.sub("", done.stdout)


def section(text: str, title: str) -> list[str]:
    """The entries of one section: the lines that stand at its own margin."""
    match = re.search(rf"^{title}\n(.*?)(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^ {6}(\S.*)$", match[1], re.MULTILINE) if match else []


def flags_in(text: str) -> set[str]:
    entries = [line for line in section(text, "OPTIONS") if line.startswith("-")]
    return {
        name.partition("=")[0].lstrip("-") for entry in entries for name in entry.split(", ")
    } - {"help", "h"}


def commands_in(text: str) -> set[str]:
    return {re.split(r", | {2,}", entry)[0] for entry in section(text, "COMMANDS")}


@pytest.mark.needs("step")
def test_the_original_has_no_command_and_no_flag_that_our_tables_lack() -> None:
    """The tables were made from the original's code: this asks the program that is installed."""
    asked = ["", *(path for path in COMMANDS if not path.startswith(OURS_BELOW))]
    with ThreadPoolExecutor(2) as pool:
        told = dict(zip(asked, pool.map(original_help, asked), strict=True))
    lacking: list[str] = []
    count = 0
    for path, text in told.items():
        below = commands_in(text)
        lacking += [word for name in below if (word := f"{path} {name}".strip()) not in COMMANDS]
        if path and not COMMANDS[path].group:
            ours = {name for flag in COMMANDS[path].flags for name in flag.names}
            theirs = flags_in(text)
            count += len(theirs)
            lacking += [f"{path} --{name}" for name in sorted(theirs - ours)]
    assert lacking == []
    assert count > 1500  # the help was understood at all
