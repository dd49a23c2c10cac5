"""A certificate by ACME: `ca certificate --acme`, `ca sign --acme`, `ca renew --acme`, or an ACME provisioner."""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations import certificate_requests
from newel.cli.operations.acme import accounts, challenge_solvers, directories, external_account
from newel.cli.operations.acme.progress import Progress
from newel.cli.operations.connection import explained
from newel.cli.operations.network_errors import explain
from newel.cli.options.times import resolved
from newel.client import acme, acme_transport
from newel.client.clock import now

if TYPE_CHECKING:
    import datetime as dt

    from newel.cli.operations.enroll import AcmeDirectory
    from newel.cli.options.invocation import Invocation
    from newel.crypto.keys import PrivateKey

PUBLIC = ("api.letsencrypt.org", "letsencrypt.org")


def obtain(
    call: "Invocation",
    directory: "AcmeDirectory",
    key: "PrivateKey",
    subject: str,
    sans: Sequence[str],
) -> bytes:
    """The chain for a new key. Raises CliError."""
    names = list(dict.fromkeys([subject, *sans]))
    identifiers = [identifier(name) for name in names]
    csr = certificate_requests.make(key, subject, names)
    request = certificate_requests.read(csr.encode(), "the request")
    return _run(call, directory, request.der, identifiers)


def obtain_for(
    call: "Invocation",
    directory: "AcmeDirectory",
    request: bytes,
    subject: str,
    names: Sequence[str],
) -> bytes:
    """The chain for a request in DER that was made elsewhere."""
    wanted = list(dict.fromkeys([subject, *names] if subject else names))
    return _run(call, directory, request, [identifier(name) for name in wanted])


def obtain_again(call: "Invocation", certificate: str, key_file: str) -> bytes:
    """The chain for a certificate's names and key, which are proved once more: ACME's renewal."""
    from newel.cli.operations.keys.key_files import private_key
    from newel.cli.operations.renewal.leaf import read_leaf
    from newel.cli.operations.tokens.one_time_tokens import check_pair
    from newel.crypto import loading

    leaf = read_leaf(certificate).chain[0]
    key = private_key(key_file, call.get("password-file"))
    check_pair(leaf, key, certificate, key_file)
    parsed = loading.load_certificate(leaf)
    names = certificate_requests.names_of(parsed)
    subject = certificate_requests.common_name(parsed) or next(iter(names), "")
    return obtain(call, directories.of(call), key, subject, names)


def identifier(name: str) -> tuple[str, str]:
    """A name as an order has it. Raises UsageError for kinds ACME does not certify here."""
    try:
        return acme.identifier(name)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _run(
    call: "Invocation",
    directory: "AcmeDirectory",
    request: bytes,
    identifiers: Sequence[tuple[str, str]],
) -> bytes:
    moment = now()
    public = any(name in directory.url for name in PUBLIC)
    challenge_solvers.check(call, identifiers)
    with contextlib.ExitStack() as stack, explained():
        way = challenge_solvers.chosen(call, stack)
        wanted = acme.OrderRequest(
            identifiers,
            request,
            way.challenge,
            contacts=call.all("contact"),
            not_before="" if public else rfc3339(time_of(call, "not-before", moment)),
            not_after="" if public else rfc3339(time_of(call, "not-after", moment)),
            binding=external_account.binding(call),
        )
        flow = acme.obtain(directory.url, accounts.key_for(call, directory.url), wanted)
        progress = Progress(way.solver, way.text)
        try:
            chain = acme_transport.run(flow, directories.tls(directory), progress, progress.watch)
            progress.end(well=True)
        except OSError as error:
            raise CliError(f"error answering the challenge: {explain(error)}") from None
        finally:
            progress.end(well=False)
    return chain


def time_of(call: "Invocation", flag: str, moment: "dt.datetime") -> "dt.datetime | None":
    """A flag's time; None where the command has no such flag, or was not given it."""
    return resolved(call, flag, moment) if call.known(flag) else None


def rfc3339(moment: "dt.datetime | None") -> str:
    """A time as an order has it; "" for none."""
    from newel.durations.go import format_time

    return format_time(moment.replace(microsecond=0)) if moment else ""
