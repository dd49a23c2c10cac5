"""Which certificates a bulk revocation is about, and their revocation in batches.

Nothing is kept between two runs: what is revoked is no longer among the active ones, and what the
inventory has not yet heard of, the authority itself says is revoked already. So a second run goes on
where the first one stopped.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import CliError
from newel.cli.operations.inventory import questions
from newel.cli.operations.inventory.key_names import digest_of_key

if TYPE_CHECKING:
    from newel.client.authority import Authority

MOST = 100_000
"""Certificates of one run; the next one revokes the others."""
REVOKED, ALREADY_REVOKED = "revoked", "alreadyRevoked"


class Selection(NamedTuple):
    """What is to be revoked: what passes every filter that is given."""

    key: str | None = None
    """A file of a key, or its fingerprint."""
    endpoint: str | None = None
    subject: str | None = None
    """A common name, or the key id of SSH certificates."""
    provisioner: str | None = None
    issued_after: str | None = None
    """The times are texts of flags: RFC 3339, or durations from now."""
    issued_before: str | None = None
    include_expired: bool = False

    @property
    def is_key_alone(self) -> bool:
        """Whether everything on one key is meant, so that the key itself can be declared compromised."""
        others = (self.endpoint, self.subject, self.provisioner, self.issued_after)
        return self.key is not None and not any(others)

    @property
    def filters(self) -> dict[str, str]:
        """The filters of the inventory's list by their flags."""
        given = {
            "endpoint": self.endpoint,
            "subject": self.subject,
            "provisioner": self.provisioner,
            "issued-after": self.issued_after,
            "issued-before": self.issued_before,
            "key": self.key,
            "state": None if self.include_expired else "active",
        }
        return {flag: text for flag, text in given.items() if text}


class Result(NamedTuple):
    """What became of certificates: serials, and the answers about those that were not revoked."""

    revoked: list[str]
    already_revoked: list[str]
    failed: list[dict[str, Any]]

    def add(self, outcome: dict[str, Any]) -> None:
        """Add what became of one."""
        serial = str(outcome.get("serial"))
        if outcome.get("outcome") == REVOKED:
            self.revoked.append(serial)
        elif outcome.get("outcome") == ALREADY_REVOKED:
            self.already_revoked.append(serial)
        else:
            self.failed.append(outcome)


def find(
    selection: Selection, authority: "Authority"
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return the certificates to be revoked, the oldest first, and the caller's own, if it is among them.

    That one is left out, because nothing could be revoked any more with it. Raises CliError for too many.
    """
    from newel.client import catalogue

    own = authority.send(catalogue.administrator()).get("serial")
    entries = questions.entries(
        questions.Query(selection.filters, "issued"), authority, "certificates", 0
    )
    left = (each for each in entries if each.get("state") != REVOKED)
    found = list(islice(left, MOST + 1))
    if len(found) > MOST:
        raise CliError(
            f"there are more than {MOST} certificates", hint="Choose a time by --issued-between."
        )
    mine = next((each for each in found if each.get("serial") == own), None)
    return [each for each in found if each is not mine], mine


def block_key(key: str, authority: "Authority", comment: str) -> bool:
    """Declare the key of a file or a fingerprint compromised; False when it was declared before."""
    from newel.client import catalogue

    call = catalogue.block_key(digest_of_key(key), comment=comment)
    return not authority.send(call).get("blocked_before")


def revoke(
    found: Sequence[dict[str, Any]], authority: "Authority", reason: int, comment: str
) -> Iterator[dict[str, Any]]:
    """Revoke certificates in batches, and yield what became of each. Raises what a call raises."""
    from newel.client import catalogue

    for start in range(0, len(found), catalogue.LARGEST_REVOCATION):
        batch = found[start : start + catalogue.LARGEST_REVOCATION]
        yield from authority.send(catalogue.revoke(batch, reason=reason, comment=comment))
