"""`newel enroll device`: a key, a certificate and an authority to renew it at, by one token."""

from typing import TYPE_CHECKING

from newel.cli.commands.ca import bootstrap, certificate
from newel.cli.errors import UsageError
from newel.cli.operations import enroll
from newel.cli.operations.tokens import token_claims
from newel.cli.options.delegation import delegate
from newel.cli.options.groups import authority_options

if TYPE_CHECKING:
    from newel.cli.options.records.enroll import EnrollDeviceOptions


def run(options: "EnrollDeviceOptions") -> None:
    """Get the certificate, and then trust the authority that the token names if none is trusted yet."""
    files = options.positionals(2)
    token = options.token
    claims = token_claims.unverified_claims(token) if token else {}
    subject = options.subject or str(claims.get("sub") or "")
    if not subject:
        raise UsageError("one of flag --token or --subject is required")
    first = (
        bool(token) and not options.root and not authority_options(options).stored_root.is_file()
    )
    certificate.run(delegate(options, "ca certificate", subject, *files))
    if first and claims.get("sha"):
        url = enroll.authority_of(authority_options(options), claims)
        words = (f"--ca-url={url}", f"--fingerprint={claims['sha']}", "--force")
        bootstrap.run(delegate(options, "ca bootstrap", *words))
