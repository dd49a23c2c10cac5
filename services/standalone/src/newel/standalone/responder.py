"""The OCSP responder's certificate, issued again while the authority runs."""

from newel.runtime.audit import Audit
from newel.runtime.clock import Clock
from newel.runtime.work import run_in_thread
from newel.signer.app import AuthorityFiles, reissue_responder


class ResponderMaintenance:
    """Looks whether two thirds of the certificate's life are over, and then has it issued again."""

    def __init__(self, files: AuthorityFiles, clock: Clock, audit: Audit) -> None:
        self._files = files
        self._clock = clock
        self._audit = audit

    async def look(self) -> None:
        """Check once, and reissue if due. Raises what the signer's ceremony raises; the old certificate stays."""
        try:
            made = await run_in_thread(reissue_responder, self._files, self._clock.now())
        except Exception as error:
            self._audit.record("responder.certificate", "refused", cause=str(error))
            raise
        if made is not None:
            self._audit.record(
                "responder.certificate",
                "reissued",
                serial=f"{made.serial_number:x}",
                not_after=made.not_valid_after_utc,
            )
