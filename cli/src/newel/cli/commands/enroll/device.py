"""`newel enroll device`: a key, a certificate and an authority to renew it at, by one token."""

from newel.cli.commands.ca import bootstrap, certificate
from newel.cli.errors import UsageError
from newel.cli.operations import connection, enroll
from newel.cli.options.delegation import calling
from newel.cli.options.invocation import Invocation


def run(call: Invocation) -> None:
    """Gets the certificate, and then trusts the authority that the token names if none is trusted yet."""
    files = call.positionals(2)
    token = call.get("token")
    claims = enroll.unverified_claims(token) if token else {}
    subject = call.get("subject") or str(claims.get("sub") or "")
    if not subject:
        raise UsageError("one of flag --token or --subject is required")
    first = bool(token) and not call.get("root") and not connection.stored_root(call).is_file()
    certificate.run(calling(call, "ca certificate", subject, *files))
    if first and claims.get("sha"):
        url = enroll.authority_of(call, claims)
        words = (f"--ca-url={url}", f"--fingerprint={claims['sha']}", "--force")
        bootstrap.run(calling(call, "ca bootstrap", *words))
