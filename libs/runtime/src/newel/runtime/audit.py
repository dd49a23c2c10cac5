"""The audit trail: every decision with its cause, one JSON object per line, append only."""

from typing import Any, Protocol


class Audit(Protocol):
    """Where decisions are written down. Never given a secret: tokens and keys go in as digests."""

    def record(self, event: str, outcome: str, **facts: Any) -> None:
        """One line: ``event`` ("sign", "acme.finalize"), ``outcome`` ("granted", "refused"), facts.

        Refusals carry ``cause``. Times, the service's name and the request id are added here.
        """
        ...

    def require_writable(self) -> None:
        """To be called before anything is issued: raises ``unavailable`` while lines cannot be written."""
        ...
