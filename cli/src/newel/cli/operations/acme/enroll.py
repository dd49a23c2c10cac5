"""A certificate by ACME: `ca certificate --acme`, `ca sign --acme`, `ca renew --acme`, or an ACME provisioner."""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations import certificate_requests
from newel.cli.operations.acme import accounts, challenge_solvers, directories, external_account
from newel.cli.operations.acme.progress import Progress
from newel.cli.operations.connection import explain_refusals
from newel.cli.operations.network_errors import explain
from newel.cli.operations.times import resolve_time
from newel.client import acme, acme_transport
from newel.client.clock import now

if TYPE_CHECKING:
    import datetime as dt

    from newel.cli.operations.acme.acme_options import ACMEOptions
    from newel.cli.operations.connection import AuthorityOptions
    from newel.cli.operations.enroll import AcmeDirectory
    from newel.crypto.keys import PrivateKey

PUBLIC = ("api.letsencrypt.org", "letsencrypt.org")


def obtain(
    options: "ACMEOptions",
    directory: "AcmeDirectory",
    key: "PrivateKey",
    subject: str,
    sans: Sequence[str],
) -> bytes:
    """Return the chain for a new key. Raises CliError."""
    names = list(dict.fromkeys([subject, *sans]))
    identifiers = [identifier(name) for name in names]
    csr = certificate_requests.make(key, subject, names)
    request = certificate_requests.read(csr.encode(), "the request")
    return _run(options, directory, request.der, identifiers)


def obtain_for(
    options: "ACMEOptions",
    directory: "AcmeDirectory",
    request: bytes,
    subject: str,
    names: Sequence[str],
) -> bytes:
    """Return the chain for a request in DER that was made elsewhere."""
    wanted = list(dict.fromkeys([subject, *names] if subject else names))
    return _run(options, directory, request, [identifier(name) for name in wanted])


def renew(
    options: "ACMEOptions",
    authority: "AuthorityOptions",
    certificate: str,
    key_file: str,
    password_file: str | None,
) -> bytes:
    """Return the chain for a certificate's names and key, proving the names once more."""
    from newel.cli.operations.keys.key_files import private_key
    from newel.cli.operations.renewal.leaf import read_leaf
    from newel.cli.operations.tokens.one_time_tokens import check_pair
    from newel.crypto import loading

    leaf = read_leaf(certificate).chain[0]
    key = private_key(key_file, password_file)
    check_pair(leaf, key, certificate, key_file)
    parsed = loading.load_certificate(leaf)
    names = certificate_requests.names_of(parsed)
    subject = certificate_requests.common_name(parsed) or next(iter(names), "")
    return obtain(options, directories.find(options.acme, authority), key, subject, names)


def identifier(name: str) -> tuple[str, str]:
    """Return a name as an order has it. Raises UsageError for kinds ACME does not certify here."""
    try:
        return acme.identifier(name)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _run(
    options: "ACMEOptions",
    directory: "AcmeDirectory",
    request: bytes,
    identifiers: Sequence[tuple[str, str]],
) -> bytes:
    moment = now()
    start = resolve_time(options.not_before, "not-before", moment)
    end = resolve_time(options.not_after, "not-after", moment)
    public = any(name in directory.url for name in PUBLIC)
    challenge_solvers.check(options, identifiers)
    with contextlib.ExitStack() as stack, explain_refusals():
        solver = challenge_solvers.choose(options, stack)
        wanted = acme.OrderRequest(
            identifiers,
            request,
            solver.challenge,
            contacts=options.contact,
            not_before="" if public else rfc3339(start),
            not_after="" if public else rfc3339(end),
            binding=external_account.read_binding(options),
        )
        flow = acme.obtain(directory.url, accounts.key_for(options.account, directory.url), wanted)
        progress = Progress(solver.solver, solver.text)
        try:
            chain = acme_transport.run(flow, directories.tls(directory), progress, progress.watch)
            progress.end(well=True)
        except OSError as error:
            raise CliError(f"error answering the challenge: {explain(error)}") from None
        finally:
            progress.end(well=False)
    return chain


def rfc3339(moment: "dt.datetime | None") -> str:
    """Return a time as an order has it; "" for none."""
    from newel.durations.go import format_time

    return format_time(moment.replace(microsecond=0)) if moment else ""
