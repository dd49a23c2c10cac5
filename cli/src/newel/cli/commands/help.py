"""`newel help [command …]`: what there is, and how one command is used; or all of it, written to files."""

import sys

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.manual.pages import Page, overview, page
from newel.cli.options.grammar import Command, find
from newel.cli.options.invocation import Invocation
from newel.cli.render import help_layout

TREES = ("html", "markdown", "man")


def run(call: Invocation) -> int:
    """Prints the list of commands, or the help of the one that is named; or writes or serves the pages."""
    if call.on("report") and not (call.given("html") or call.given("markdown")):
        raise UsageError("flag '--report' requires the '--html' flag")
    written = [form for form in TREES if call.given(form)]
    if written or call.given("http"):
        from newel.cli.manual import files, server

        for form in written:
            files.write(form, call.require(form), report=call.on("report"))
        return server.serve(call.require("http")) if call.given("http") else 0
    if not call.args:
        return show(overview())
    from newel.cli.main import FOREIGN, foreign

    if call.args[0] in FOREIGN:
        return foreign(call.args[0], [*call.args[1:], "--help"])
    command, rest = find(call.args)
    if command is None or rest:
        from newel.cli.main import nearest

        topic = " ".join((program.name(), *call.args))
        hint = nearest((rest or call.args)[0], command)
        raise CliError(f"No help topic for '{topic}'", code=3, hint=hint)
    return describe(command)


def describe(command: Command) -> int:
    """Prints how one command is used, or what commands a group has."""
    return show(page(command))


def show(shown: Page) -> int:
    """Prints a page as wide as the terminal."""
    if shown.words:
        print(f"Usage: {shown.usage}\n")
        print(help_layout.sentence(shown.summary))
    else:
        print(help_layout.wrapped(f"{program.name()}: {shown.summary}"))
    for section in shown.sections:
        print(f"\n{section.title}:")
        print(help_layout.columns(section.rows))
        if section.note:
            print("\n" + help_layout.wrapped(section.note))
    if shown.examples:
        print("\nExamples:")
    for meaning, line in shown.examples:
        print(help_layout.wrapped(f"{meaning}:", indent=2))
        print(f"      {line}")
    if shown.closing:
        print("\n" + (help_layout.wrapped(shown.closing)))
    sys.stdout.flush()
    return 0
