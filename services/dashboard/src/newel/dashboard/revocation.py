"""Revoking a certificate: first what it would do, then the button."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newel.dashboard.pages import X509, Pages
from newel.dashboard.rendering import REASONS
from newel.dashboard.visits import read_segment, read_session_form
from newel.runtime.errors import ErrorType, NewelError
from newel.runtime.http.roles import Role


@dataclass(frozen=True, slots=True)
class RevocationPages:
    """The two routes."""

    pages: Pages

    async def preview(self, request: Request) -> Response:
        """Show what the revocation would do."""
        visit = await self.pages.enter(request)
        serial, read = read_segment(request, "serial"), self.pages.interfaces.read
        entry = await read(visit.caller, f"/inventory/certificates/{serial}")
        if entry["type"] != X509:
            raise NewelError(
                ErrorType.NOT_FOUND,
                f"A certificate of SSH is revoked by newel ssh revoke {int(entry['serial'], 16)}.",
            )
        preview = await read(visit.caller, f"/revocations/{serial}")
        endpoint = await read(visit.caller, f"/inventory/endpoints/{entry['endpoint']}")
        others = [
            each
            for each in endpoint["certificates"]
            if each["state"] == "active" and each["serial"] != entry["serial"]
        ]
        return self.pages.renderer.page(
            "revoke.html",
            visit=visit,
            entry=entry,
            preview=preview,
            others=others,
            reasons=REASONS,
            may_revoke=visit.role.includes(Role.OPERATOR),
        )

    async def revoke(self, request: Request) -> Response:
        """Revoke, and show the certificate; the registration authority decides."""
        visit = await self.pages.enter(request)
        form = await read_session_form(request, visit.session)
        reason = form.get("reason", "")
        if reason not in map(str, REASONS):
            raise NewelError(ErrorType.BAD_REVOCATION_REASON, "Choose one of the reasons.")
        serial = read_segment(request, "serial")
        document = {"reason": int(reason), "comment": form.get("comment", "")}
        await self.pages.interfaces.post(visit.caller, f"/revocations/{serial}", document)
        return RedirectResponse(f"/dashboard/certificates/{serial}?revoked=1", 303)
