"""Renewal of one certificate: over mutual TLS by itself, by a token its own key signs, by ACME or --offline."""

from typing import TYPE_CHECKING

from newel.cli.operations import connection
from newel.cli.operations.keys.kms import is_uri, service
from newel.cli.operations.renewal.leaf import Leaf, read_leaf
from newel.cli.options.times import duration
from newel.client.clock import now

if TYPE_CHECKING:
    import datetime as dt

    from newel.cli.options.invocation import Invocation


def renewed(call: "Invocation", certificate: str, key_file: str, leaf: Leaf) -> bytes:
    """The new chain for the certificate in these files, as a file holds it. Raises CliError."""
    from newel.client import calls

    if call.known("offline") and call.on("offline"):
        from newel.cli.operations.offline import certificates

        return certificates.renewed(call, certificate, key_file)
    if call.known("acme") and call.get("acme"):
        from newel.cli.operations.acme import enroll as enrolment

        return enrolment.obtain_again(call, certificate, key_file)
    elsewhere = service(call) or is_uri(key_file)  # such a key signs no TLS handshake here
    if leaf.not_after > now() and call.on("mtls") and not elsewhere:
        with connection.authenticated(call, certificate, key_file) as authority:
            return authority.send(calls.renew()).pem
    url = connection.url_of(call)
    password = call.get("password-file")
    token = renew_token(certificate, key_file, password, f"{url}/renew", service(call))
    with connection.connected(call, url=url) as authority:
        return authority.send(calls.renew(token)).pem


def renew_token(
    certificate: str,
    key_file: str,
    password_file: str | None,
    audience: str,
    kms: str | None = None,
) -> str:
    """The bearer token that stands for a certificate where mutual TLS cannot."""
    from newel.cli.operations.keys.kms import signing_key
    from newel.cli.operations.tokens.one_time_tokens import check_pair
    from newel.step import renew_token as tokens

    chain = read_leaf(certificate).chain
    key = signing_key(key_file, password_file, kms)
    check_pair(chain[0], key, certificate, key_file)
    return tokens.make(chain, key, audience, now())


def not_due(call: "Invocation", leaf: Leaf) -> "dt.timedelta | None":
    """The remaining time of a certificate that --expires-in leaves alone; None when it is due.

    A fifteenth of the limit is drawn on top, so that a fleet's timers do not all call at once.
    """
    limit = duration(call, "expires-in")
    if limit is None:
        return None
    remaining = leaf.not_after - now()
    return None if remaining <= limit + jitter(limit) else remaining


def jitter(period: "dt.timedelta") -> "dt.timedelta":
    """A random part of a fifteenth of a period."""
    from newel.client import retries

    return period * (retries.JITTER * retries.draw())


def text(period: "dt.timedelta") -> str:
    """A duration in whole seconds as Go prints it: 14h46m57s."""
    import datetime as dt

    from newel.durations.go import format_duration

    return format_duration(dt.timedelta(seconds=int(period.total_seconds())))
