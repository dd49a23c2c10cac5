"""`newel help [command …]`: what there is, and how one command is used; or all of it, written to files."""

import sys
from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.errors import CliError, UsageError
from newel.cli.manual.pages import Page, overview, page
from newel.cli.options.grammar import Command, find
from newel.cli.options.lookup import FOREIGN, foreign, nearest
from newel.cli.render import help_layout

if TYPE_CHECKING:
    from newel.cli.options.records.help import HelpOptions


TREES = ("html", "markdown", "man")


def run(options: "HelpOptions") -> int:
    """Print the list of commands, or the help of the one that is named; or write or serve the pages."""
    if options.report and not (options.is_given("html") or options.is_given("markdown")):
        raise UsageError("flag '--report' requires the '--html' flag")
    written = [form for form in TREES if options.is_given(form)]
    if written or options.is_given("http"):
        from newel.cli.manual import files, server

        for form in written:
            files.write(form, options.require(form), report=options.report)
        return server.serve(options.require("http")) if options.is_given("http") else 0
    if not options.args:
        return show(overview())
    if options.args[0] in FOREIGN:
        return foreign(options.args[0], [*options.args[1:], "--help"])
    command, rest = find(options.args)
    if command is None or rest:
        topic = " ".join((program.name(), *options.args))
        hint = nearest((rest or options.args)[0], command)
        raise CliError(f"No help topic for '{topic}'", code=3, hint=hint)
    return describe(command)


def describe(command: Command) -> int:
    """Print how one command is used, or what commands a group has."""
    return show(page(command))


def show(shown: Page) -> int:
    """Print a page as wide as the terminal."""
    if shown.words:
        print(f"Usage: {shown.usage}\n")
        print(help_layout.sentence(shown.summary))
    else:
        print(help_layout.wrap(f"{program.name()}: {shown.summary}"))
    for section in shown.sections:
        print(f"\n{section.title}:")
        print(help_layout.columns(section.rows))
        if section.note:
            print("\n" + help_layout.wrap(section.note))
    if shown.examples:
        print("\nExamples:")
    for meaning, line in shown.examples:
        print(help_layout.wrap(f"{meaning}:", indent=2))
        print(f"      {line}")
    if shown.closing:
        print("\n" + (help_layout.wrap(shown.closing)))
    sys.stdout.flush()
    return 0
