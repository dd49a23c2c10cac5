"""The entry of `newel` (and of `step`): finds the command in the grammar and runs only its module.

A command's module is named by its words (``certificate needs-renewal`` →
``newel.cli.commands.certificate.needs_renewal``) and has ``run(call: Invocation) -> int | None``.
What other members bring (``up``, ``ceremony``) is found by entry point, looked up only when asked for.
"""

import io
import os
import sys

from newel.cli.errors import CliError, UsageError
from newel.cli.options.grammar import Command, find
from newel.cli.options.invocation import Invocation
from newel.cli.options.lookup import FOREIGN, NOT_FOUND, foreign, module_of, nearest

HELP_FLAGS = frozenset({"-h", "--help", "-help"})
HELP_WORDS = ("help", "h")


def main() -> int:
    """Run the command named on the command line and return its exit code."""
    if os.name == "nt":
        for stream in (sys.stdout, sys.stderr):
            use_utf8(stream)
    try:
        return dispatch(sys.argv[1:])
    except CliError as error:
        print(error, file=sys.stderr)
        if error.hint:
            print(error.hint, file=sys.stderr)
        trace()
        return error.code
    except BrokenPipeError:
        # the reader went away: nothing is wrong, and nothing can be said
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        print(f"{name}{(error.strerror or str(error)).lower()}", file=sys.stderr)
        trace()
        return 1


def is_unreadable_certificate(error: ValueError) -> bool:
    """Say whether this is the typed error for foreign octets; the module that has it loads slowly."""
    loading = sys.modules.get("newel.crypto.loading")
    return loading is not None and isinstance(error, loading.CertificateError)


def trace() -> None:
    """Print the traceback of an error when STEPDEBUG asks for it."""
    if os.environ.get("STEPDEBUG") in {"1", "true"}:
        import traceback

        traceback.print_exc()


def use_utf8(stream: object) -> None:
    """Make a stream print UTF-8 and line feeds on Windows, as on other systems."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", newline="\n")


def dispatch(arguments: list[str]) -> int:
    """Find the command and run it."""
    if arguments[:1] in (["--version"], ["-v"], ["-version"]):
        arguments = ["version"]
    if not arguments or arguments[0] in HELP_FLAGS or arguments[0] == "h":
        arguments = ["help", *arguments[1:]]
    if arguments[0] in FOREIGN:
        return foreign(arguments[0], arguments[1:])
    command, rest = find(arguments)
    if command is None:
        return refuse_unknown(arguments)
    if command.group:
        return in_group(command, rest)
    if HELP_FLAGS.intersection(rest):
        return describe(command)
    return run(command, rest)


def in_group(group: Command, rest: list[str]) -> int:
    """Help with a group of commands: `ca`, `ca --help`, `ca help`, `ca help certificate`."""
    if not rest or HELP_FLAGS.intersection(rest):
        return describe(group)
    if rest[0] not in HELP_WORDS:
        return refuse_unknown(rest, group)
    command, stray = find([*group.path.split(), *rest[1:]])
    return refuse_unknown(stray, command) if stray or command is None else describe(command)


def describe(command: Command) -> int:
    """Print how a command is used."""
    from newel.cli.commands.help import describe as show

    return show(command)


def run(command: Command, rest: list[str]) -> int:
    """Import the command's module and call it."""
    from importlib import import_module

    module = import_module(module_of(command.path))
    return int(module.run(Invocation(command, rest)) or 0)


def refuse_unknown(arguments: list[str], group: Command | None = None) -> int:
    """Run the plugin of that name, else raise CliError with the nearest command."""
    word = arguments[0]
    if word.startswith("-"):
        raise UsageError(f"flag provided but not defined: -{word.lstrip('-').partition('=')[0]}")
    if group is None:
        from newel.cli.operations.plugins import run_plugin

        status = run_plugin(arguments)
        if status is not None:
            return status
    raise CliError(f"No help topic for '{word}'", code=NOT_FOUND, hint=nearest(word, group))
