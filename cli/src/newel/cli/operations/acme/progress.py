"""How an ACME exchange is followed on stderr."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newel.client.acme_events import Prove
    from newel.client.acme_transport import Solver


class Progress:
    """A line for each stage, ended by "done!" when the next one begins; also a solver that reports itself."""

    def __init__(self, solver: "Solver", way: str) -> None:
        self._solver = solver
        self._way = way
        self._open = False

    def prove(self, challenge: "Prove") -> None:
        """Start to answer."""
        self._begin(f"Using {self._way} challenge to validate {challenge.identifier}")
        self._solver.prove(challenge)

    def withdraw(self, identifier: str, token: str) -> None:
        """Stop answering."""
        self._solver.withdraw(identifier, token)

    def watch(self, stage: str) -> None:
        """Report a new stage of the order."""
        ready = "Waiting for Order to be 'ready' for finalization"
        self._begin(ready if stage == "ready" else "Finalizing Order")

    def end(self, *, well: bool) -> None:
        """End the line that is open, if one is."""
        if self._open:
            print(". done!" if well else "", file=sys.stderr)
        self._open = False

    def _begin(self, text: str) -> None:
        self.end(well=True)
        print(f"{text} .", end="", file=sys.stderr, flush=True)
        self._open = True
