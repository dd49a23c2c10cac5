"""The audit trail: every decision with its cause, one JSON object per line, append only."""

from typing import Any, Protocol


class Audit(Protocol):
    """A place where decisions are recorded. It is never given a secret: tokens and keys go in as digests."""

    def record(self, event: str, outcome: str, **facts: Any) -> None:
        """Write one line: ``event`` ("sign", "acme.finalize"), ``outcome`` ("granted", "refused"), facts.

        Refusals carry ``cause``. Times, the service's name and the request id are added here.
        """
        ...

    def require_writable(self) -> None:
        """Raise ``unavailable`` while lines cannot be written: called before anything is issued."""
        ...
