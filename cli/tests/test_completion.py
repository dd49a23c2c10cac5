"""The completion scripts, run by the shells they are for."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from newel.cli.commands.completion import SCRIPTS, candidates
from newel.cli.options.grammar import load, words

NEWEL = Path(sys.executable).with_name("newel")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with a file in it, and the scripts."""
    (tmp_path / "www.crt").touch()
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run([NEWEL, "completion", shell], capture_output=True, check=True)
        (tmp_path / f"script.{shell}").write_bytes(done.stdout)
    return tmp_path


def shell(folder: Path, *command: str) -> list[str]:
    """The words a shell prints."""
    path = f"{NEWEL.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), "STEPPATH": str(folder), "TERM": "dumb"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def in_bash(folder: Path, *line: str) -> list[str]:
    typed = " ".join(f"'{word}'" for word in line)
    script = (
        f"source script.bash; COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
        f"_{line[0]}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    return shell(folder, "bash", "-c", script)


def in_zsh(folder: Path, *line: str) -> list[str]:
    """zsh runs completion functions only while a person types: what they call is put in their place."""
    typed = " ".join(f"'{word}'" for word in line)
    script = (
        "autoload -Uz compinit; compinit -D -u; source script.zsh; "
        "compadd() { (( $#found )) && print -l -- ${(M)found:#$words[CURRENT]*}; }; "
        "_files() { print -l -- *.crt; }; "
        f"words=({typed}); CURRENT=$#words; $_comps[{line[0]}]"
    )
    return shell(folder, "zsh", "-f", "-c", script)


def in_fish(folder: Path, *line: str) -> list[str]:
    script = f'source script.fish; complete -C "{" ".join(line)}" | string match -r "^[^\\t]+"'
    return shell(folder, "fish", "--no-config", "-c", script)


SHELLS = [
    pytest.param(in_bash, id="bash", marks=pytest.mark.needs("bash")),
    pytest.param(in_zsh, id="zsh", marks=pytest.mark.needs("zsh")),
    pytest.param(in_fish, id="fish", marks=pytest.mark.needs("fish")),
]


@pytest.mark.parametrize("complete", SHELLS)
@pytest.mark.parametrize("program", ["newel", "step"])
def test_commands_are_completed_then_flags_then_files(
    complete: Callable[..., list[str]], program: str, folder: Path
) -> None:
    assert complete(folder, program, "cert") == ["certificate", "certificates"]
    assert complete(folder, program, "certificate", "ins") == ["inspect", "install"]
    assert complete(folder, program, "ca", "provisioner", "web") == ["webhook"]
    assert complete(folder, program, "certificate", "inspect", "--serv") == ["--servername"]
    if complete is not in_bash:  # bash itself completes files where the function finds nothing
        assert complete(folder, program, "certificate", "inspect", "www") == ["www.crt"]
    else:
        assert complete(folder, program, "certificate", "inspect", "") == []
        assert complete(folder, program, "certificate", "inspect", "--roots", "") == []


@pytest.mark.needs("zsh")
def test_zsh_completes_at_once_from_its_path_of_functions(folder: Path) -> None:
    """As a package installs it: nothing is read before something is completed."""
    (folder / "_newel").write_text(SCRIPTS["zsh"].format(name="newel"))
    script = (
        "fpath=($PWD $fpath); autoload -Uz compinit; compinit -D -u; "
        "compadd() { print -l -- ${(M)found:#$words[CURRENT]*}; }; "
        "words=(newel certificate ins); CURRENT=3; $_comps[newel]"
    )
    assert shell(folder, "zsh", "-f", "-c", script) == ["inspect", "install"]


def test_every_word_leads_on() -> None:
    """From nothing, word by word, every command that is not hidden is reached, and its flags."""
    for word in candidates([]):
        for path, command in load(word).items():
            typed = path.split()
            hidden = any(load(word)[" ".join(typed[:n])].hidden for n in range(1, len(typed) + 1))
            offered = all(step in candidates(typed[:at]) for at, step in enumerate(typed))
            assert offered is not hidden, path
            if not command.group:
                spelled = candidates(typed)
                assert all(
                    any(option.lstrip("-") == flag.name for option in spelled) is not flag.hidden
                    for flag in command.flags
                ), path
    assert set(words()) - set(candidates([])) == {"api", "fileserver"}


def test_nothing_is_offered_where_a_value_is_typed() -> None:
    assert candidates(["certificate", "inspect", "--roots"]) == []
    assert candidates(["certificate", "inspect", "--roots=a"]) != []
    assert candidates(["certificate", "inspect", "--short"]) != []
    assert candidates(["bogus"]) == []
