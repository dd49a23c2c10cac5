"""`newel context remove`."""

import shutil

from newel.cli import program
from newel.cli.errors import CliError
from newel.cli.interact.terminal import confirm
from newel.cli.options.invocation import Invocation
from newel.cli.store import steppath


def run(call: Invocation) -> None:
    """Removes a context and the directories no other context shares."""
    (name,) = call.positionals(1)
    known = steppath.contexts()
    if name not in known:
        raise CliError(f"context '{name}' not found")
    selected = steppath.current()
    if selected and selected.name == name:
        raise CliError(
            f"cannot remove current context; use '{program.name()} context select' to switch contexts"
        )
    if not call.on("force") and not confirm(f"Remove the context {name} and its files"):
        raise CliError("context not removed")
    gone = known.pop(name)
    steppath.write_contexts(known)
    if all(other.authority != gone.authority for other in known.values()):
        shutil.rmtree(steppath.authority_path(gone), ignore_errors=True)
    if all(other.profile != gone.profile for other in known.values()):
        shutil.rmtree(steppath.profile_path(gone), ignore_errors=True)
