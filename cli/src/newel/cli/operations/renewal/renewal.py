"""Renewal of one certificate: over mutual TLS, by a token its own key signs, by ACME or offline."""

from typing import TYPE_CHECKING, NamedTuple

from newel.cli.operations import connection
from newel.cli.operations.keys.kms import is_uri
from newel.cli.operations.renewal.leaf import Leaf, read_leaf
from newel.client.clock import now

if TYPE_CHECKING:
    import datetime as dt

    from newel.cli.operations.acme.acme_options import ACMEOptions
    from newel.cli.operations.connection import AuthorityOptions
    from newel.cli.operations.offline.certificates import RenewalKeys


class RenewalOptions(NamedTuple):
    """What a command was told about a renewal: whom it asks, and how it proves who it is."""

    authority: "AuthorityOptions"
    password_file: str | None = None
    kms: str | None = None
    mtls: bool = True
    offline: bool = False
    ca_password_file: str | None = None
    acme: "ACMEOptions | None" = None
    """How to renew by ACME; None to ask the authority that issued the certificate."""


def renew(options: RenewalOptions, certificate: str, key_file: str, leaf: Leaf) -> bytes:
    """Return the new chain for the certificate in these files, as a file holds it. Raises CliError."""
    from newel.client import calls

    authority, password_file, kms = options.authority, options.password_file, options.kms
    if options.offline:
        from newel.cli.operations.offline import certificates

        return certificates.renew(offline_keys(options), certificate, key_file)
    if options.acme:
        from newel.cli.operations.acme import enroll

        return enroll.renew(options.acme, authority, certificate, key_file, password_file)
    remote = kms or is_uri(key_file)  # such a key signs no TLS handshake here
    if leaf.not_after > now() and options.mtls and not remote:
        with connection.authenticate(
            authority, certificate, key_file, password_file=password_file
        ) as client:
            return client.send(calls.renew()).pem
    url = connection.url_of(authority)
    token = renew_token(certificate, key_file, password_file, f"{url}/renew", kms)
    with connection.connect(authority, url=url) as client:
        return client.send(calls.renew(token)).pem


def offline_keys(options: RenewalOptions) -> "RenewalKeys":
    """Return what renews without the running authority."""
    from newel.cli.operations.offline.certificates import RenewalKeys

    return RenewalKeys(
        options.authority.configuration,
        options.password_file,
        options.ca_password_file,
        options.kms,
    )


def renew_token(
    certificate: str,
    key_file: str,
    password_file: str | None,
    audience: str,
    kms: str | None = None,
) -> str:
    """Return the bearer token that stands for a certificate where mutual TLS cannot."""
    from newel.cli.operations.keys.signing_keys import signing_key
    from newel.cli.operations.tokens.one_time_tokens import check_pair
    from newel.step import renew_token as tokens

    chain = read_leaf(certificate).chain
    key = signing_key(key_file, password_file, kms)
    check_pair(chain[0], key, certificate, key_file)
    return tokens.make(chain, key, audience, now())


def time_until_due(leaf: Leaf, limit: "dt.timedelta | None") -> "dt.timedelta | None":
    """Return the remaining time of a certificate with more than ``limit`` left; None when it is due.

    A fifteenth of the limit is drawn on top, so that a fleet's timers do not all call at once.
    """
    if limit is None:
        return None
    remaining = leaf.not_after - now()
    return None if remaining <= limit + jitter(limit) else remaining


def jitter(period: "dt.timedelta") -> "dt.timedelta":
    """Return a random part of a fifteenth of a period."""
    from newel.client import retries

    return period * (retries.JITTER * retries.draw())


def text(period: "dt.timedelta") -> str:
    """Return a duration in whole seconds as Go prints it: 14h46m57s."""
    import datetime as dt

    from newel.durations.go import format_duration

    return format_duration(dt.timedelta(seconds=int(period.total_seconds())))
