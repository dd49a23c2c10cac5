"""What ca.json lets a provisioner have, for certificates made without the authority.

Nothing records them, so an authority that records what it issues refuses: ask it online. So does one whose
rules only the running authority applies: a certificate that breaks them would be worse than none.
"""

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.offline.authority_files import AuthorityFiles
from newel.durations.go import format_duration, parse_duration

if TYPE_CHECKING:
    from newel.cli.operations.tokens.provisioner_choice import Provisioner
    from newel.cli.operations.tokens.token_options import TokenOptions

DEFAULTS: dict[str, Any] = {
    "minTLSCertDuration": "5m", "maxTLSCertDuration": "24h", "defaultTLSCertDuration": "24h",
    "minUserSSHCertDuration": "5m", "maxUserSSHCertDuration": "24h",
    "defaultUserSSHCertDuration": "16h",
    "minHostSSHCertDuration": "5m", "maxHostSSHCertDuration": "720h",
    "defaultHostSSHCertDuration": "720h",
    "enableSSHCA": False, "disableRenewal": False, "allowRenewalAfterExpiry": False,
}  # fmt: skip # a table
BACKDATE = "1m"


class Rules(NamedTuple):
    """An authority's files and what they say about one provisioner."""

    files: AuthorityFiles
    provisioner: "Provisioner"
    claims: dict[str, Any]

    @property
    def backdate(self) -> dt.timedelta:
        """How much before now a validity begins by default."""
        return parse_duration(str(self.files.authority.get("backdate") or BACKDATE))

    def bounds(self, kind: str) -> tuple[dt.timedelta, dt.timedelta, dt.timedelta]:
        """Shortest, longest and usual validity of a ``TLS``, ``UserSSH`` or ``HostSSH`` certificate."""
        shortest, longest, usual = (
            parse_duration(str(self.claims[f"{bound}{kind}CertDuration"]))
            for bound in ("min", "max", "default")
        )
        return shortest, longest, usual

    def validity(
        self,
        kind: str,
        now: dt.datetime,
        begin: dt.datetime | None,
        end: dt.datetime | None,
        latest: dt.datetime | None = None,
    ) -> tuple[dt.datetime, dt.datetime]:
        """Start and end: what was asked for, or the usual; never after ``latest``. Raises UsageError."""
        shortest, longest, usual = self.bounds(kind)
        start = begin or now
        if end is None:
            end = start + usual if latest is None else min(start + usual, latest)
        if latest is not None and end > latest:
            raise UsageError(f"the certificate that asks for this one ends before it, at {latest}")
        if begin is None:
            start -= self.backdate
        asked = end - start
        if end <= now:
            raise UsageError(f"the certificate would have expired at {end}")
        if not shortest <= asked <= longest + self.backdate:
            raise UsageError(
                f"requested duration of {format_duration(asked)} is outside of what is allowed: "
                f"{format_duration(shortest)} to {format_duration(longest)}"
            )
        return start.replace(microsecond=0), end.replace(microsecond=0)

    def check_issuance(self, kind: str) -> None:
        """Refuse where something decides on ``x509`` or ``ssh`` certificates that is not done here."""
        policies = [each.get("policy") or {} for each in (self.files.authority, self.provisioner)]
        done_elsewhere = {
            "a policy": any(each.get(kind) for each in policies),
            "webhooks": (self.provisioner.get("options") or {}).get("webhooks"),
        }
        for what, found in done_elsewhere.items():
            if found:
                raise CliError(
                    f"ca.json has {what} for these certificates, which only the running authority "
                    "applies: start it and ask without --offline"
                )

    def check_renewal(self, begin: dt.datetime, end: dt.datetime, now: dt.datetime) -> None:
        """Refuse what the provisioner does not renew, or not at this time. Raises CliError."""
        if self.claims["disableRenewal"]:
            raise CliError(f"renewal is disabled for the provisioner '{self.provisioner['name']}'")
        if now < begin:
            raise CliError("error renewing certificate: the certificate is not yet valid")
        if end <= now and not self.claims["allowRenewalAfterExpiry"]:
            raise CliError("error renewing certificate: the certificate has expired")


def rules_for(files: AuthorityFiles, provisioner: "Provisioner") -> Rules:
    """Return the rules for this provisioner. Raises CliError for an authority that records what it issues."""
    if files.keeps_records:
        raise CliError(
            "this authority records every certificate it issues: start it and ask without --offline"
        )
    authority = files.authority.get("claims") or {}
    return Rules(files, provisioner, DEFAULTS | authority | (provisioner.get("claims") or {}))


def end_of_credential(options: "TokenOptions", provisioner: "Provisioner") -> dt.datetime | None:
    """Return when the certificate ends that an X5C provisioner takes as proof; None for other kinds."""
    if provisioner.get("type") != "X5C":
        return None
    from newel.cli.operations.renewal.leaf import read_leaf

    return read_leaf(options.authority.require(options.x5c_cert, "x5c-cert")).not_after
