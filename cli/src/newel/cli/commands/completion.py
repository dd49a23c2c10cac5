"""`newel completion <shell>`: a script that completes commands and flags."""

from newel.cli.errors import CliError
from newel.cli.grammar import Command, load, words
from newel.cli.invocation import Invocation

BASH = """\
_{name}() {{
    local words="${{COMP_WORDS[*]:1:COMP_CWORD-1}}"
    COMPREPLY=($(compgen -W "$({name} completion --candidates -- $words)" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _{name} {name}
"""
ZSH = """\
#compdef {name}
_{name}() {{
    local -a found
    found=(${{(f)"$({name} completion --candidates -- ${{words[2,CURRENT-1]}} | tr ' ' '\\n')"}})
    compadd -a found || _files
}}
compdef _{name} {name}
"""
FISH = """\
function __{name}_candidates
    set -l tokens (commandline -opc)
    {name} completion --candidates -- $tokens[2..-1] | string split ' '
end
complete -c {name} -f -n 'test -n "(__{name}_candidates)"' -a '(__{name}_candidates)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def run(call: Invocation) -> None:
    """Prints the script for a shell; with --candidates the words that may come next."""
    if call.on("candidates"):
        print(" ".join(candidates(call.args)))
        return
    (shell,) = call.positionals(1)
    if shell not in SCRIPTS:
        raise CliError(f"unsupported shell {shell}")
    print("".join(SCRIPTS[shell].format(name=name) for name in ("step", "newel")), end="")


def candidates(typed: list[str]) -> list[str]:
    """What may follow the words typed so far: the next words of a group, the flags of a command."""
    path = [word for word in typed if not word.startswith("-")]
    if not path:
        return [*words(), "up", "ceremony"]
    tree = load(path[0])
    for length in range(len(path), 0, -1):
        command = tree.get(" ".join(path[:length]))
        if command is not None:
            return following(tree, command)
    return []


def following(tree: dict[str, Command], command: Command) -> list[str]:
    """The candidates after one command."""
    if command.group:
        depth = len(command.path.split())
        below = {p.split()[depth] for p in tree if p.startswith(command.path + " ")}
        return sorted(below)
    return [
        f"{'-' if len(name) == 1 else '--'}{name}"
        for flag in command.flags
        if not flag.hidden
        for name in flag.names
    ]
