"""`newel context remove`."""

import shutil

from newel.cli import paths, program
from newel.cli.errors import CliError
from newel.cli.invocation import Invocation
from newel.cli.terminal import confirm


def run(call: Invocation) -> None:
    """Removes a context and the directories no other context shares."""
    (name,) = call.positionals(1)
    known = paths.contexts()
    if name not in known:
        raise CliError(f"context '{name}' not found")
    selected = paths.current()
    if selected and selected.name == name:
        raise CliError(
            f"cannot remove current context; use '{program.name()} context select' to switch contexts"
        )
    if not call.on("force") and not confirm(f"Remove the context {name} and its files"):
        raise CliError("context not removed")
    gone = known.pop(name)
    paths.write_contexts(known)
    if all(other.authority != gone.authority for other in known.values()):
        shutil.rmtree(paths.authority_path(gone), ignore_errors=True)
    if all(other.profile != gone.profile for other in known.values()):
        shutil.rmtree(paths.profile_path(gone), ignore_errors=True)
