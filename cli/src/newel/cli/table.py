"""Every command: its word, where it lives and what it does. Nothing is imported to show this list."""

COMMANDS: dict[str, tuple[str, str]] = {
    "help": ("newel.cli.commands.help", "this list, or the help of one command"),
    "version": ("newel.cli.commands.version", "the version of this program"),
}

FOREIGN: dict[str, tuple[str, str]] = {
    "up": ("standalone", "run a whole certificate authority in this process"),
    "ceremony": ("signer", "make root, intermediate and service keys from a written plan"),
}
