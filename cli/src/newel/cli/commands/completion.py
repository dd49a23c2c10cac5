"""`newel completion <shell>`: a script that completes commands and flags."""

from newel.cli.errors import CliError
from newel.cli.options.grammar import SWITCHES, Command, load, words
from newel.cli.options.lookup import FOREIGN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from newel.cli.options.records.completion import CompletionOptions


# Flags are offered once a dash is typed; until then the files of the directory are more use.
BASH = """\
_{name}() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" found
    found="$({name} completion --candidates -- "${{COMP_WORDS[@]:1:COMP_CWORD-1}}")"
    [[ $found == -* && $current != -* ]] && found=""
    COMPREPLY=($(compgen -W "$found" -- "$current"))
}}
complete -o default -F _{name} {name}
"""
# A file of zsh's own path of functions is run when something is first completed, and completes it at once.
ZSH = """\
#compdef {name}
_{name}() {{
    local -a found
    found=(${{=$({name} completion --candidates -- "${{(@)words[2,CURRENT-1]}}")}})
    [[ $found[1] == -* && $words[CURRENT] != -* ]] && found=()
    compadd -a found || _files
}}
if [[ $funcstack[1] == _{name} ]]; then _{name} "$@"; else compdef _{name} {name}; fi
"""
FISH = """\
function __{name}_candidates
    set -l typed (commandline -opc)
    set -e typed[1]
    set -l found ({name} completion --candidates -- $typed | string split -n ' ')
    string match -q -- '-*' "$found[1]"
    and not string match -q -- '-*' (commandline -ct)
    and return
    printf '%s\\n' $found
end
complete -c {name} -n 'count (__{name}_candidates) >/dev/null' -f -a '(__{name}_candidates)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def run(options: "CompletionOptions") -> None:
    """Print the script for a shell; with --candidates the words that may come next."""
    if options.is_given("candidates"):
        print(" ".join(candidates(options.args)))
        return
    (shell,) = options.positionals(1)
    if shell not in SCRIPTS:
        raise CliError(f"unsupported shell {shell}")
    print("".join(SCRIPTS[shell].format(name=name) for name in ("step", "newel")), end="")


def candidates(typed: list[str]) -> list[str]:
    """Return what may follow the words typed so far: the next words of a group, the flags of a command.

    Nothing follows a flag that waits for its value.
    """
    path = [word for word in typed if not word.startswith("-")]
    if not path:
        visible = [word for word in words() if not load(word)[word].hidden]
        return [*visible, *FOREIGN]
    tree = load(path[0])
    for length in range(len(path), 0, -1):
        command = tree.get(" ".join(path[:length]))
        if command is not None:
            return [] if waits(command, typed[-1]) else complete_command(tree, command)
    return []


def waits(command: Command, word: str) -> bool:
    """Say whether a word is a flag whose value comes next."""
    name = word.lstrip("-") if word.startswith("-") else ""
    return any(name in flag.names and flag.kind not in SWITCHES for flag in command.flags)


def complete_command(tree: dict[str, Command], command: Command) -> list[str]:
    """Return the candidates after one command."""
    if command.group:
        depth = len(command.path.split())
        return sorted(
            {
                path.split()[depth]
                for path, child in tree.items()
                if path.startswith(command.path + " ") and not child.hidden
            }
        )
    return [
        f"{'-' if len(name) == 1 else '--'}{name}"
        for flag in command.flags
        if not flag.hidden
        for name in flag.names
    ]
