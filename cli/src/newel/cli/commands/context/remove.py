"""`newel context remove`."""

import shutil
from typing import TYPE_CHECKING

from newel.cli import program
from newel.cli.errors import CliError
from newel.cli.interact.terminal import confirm
from newel.cli.store import steppath

if TYPE_CHECKING:
    from newel.cli.options.records.context import ContextRemoveOptions


def run(options: "ContextRemoveOptions") -> None:
    """Remove a context and the directories no other context shares."""
    (name,) = options.positionals(1)
    known = steppath.contexts()
    if name not in known:
        raise CliError(f"context '{name}' not found")
    selected = steppath.current()
    if selected and selected.name == name:
        raise CliError(
            f"cannot remove current context; use '{program.name()} context select' to switch contexts"
        )
    if not options.force and not confirm(f"Remove the context {name} and its files"):
        raise CliError("context not removed")
    gone = known.pop(name)
    steppath.write_contexts(known)
    if all(other.authority != gone.authority for other in known.values()):
        shutil.rmtree(steppath.authority_path(gone), ignore_errors=True)
    if all(other.profile != gone.profile for other in known.values()):
        shutil.rmtree(steppath.profile_path(gone), ignore_errors=True)
