"""`newel help`."""

from newel.cli.table import COMMANDS, FOREIGN


def main(arguments: list[str]) -> int:
    """Prints every command with its line of help; ``arguments`` name one to look closer at."""
    known = {**COMMANDS, **FOREIGN}
    for name in arguments or sorted(known):
        if name in known:
            print(f"  {name:12} {known[name][1]}")
    if not arguments:
        print("\n'newel COMMAND --help' says how to use one.")
    return 0
