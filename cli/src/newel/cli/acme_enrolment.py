"""A certificate by ACME: `ca certificate --acme` and `ca sign --acme`, or an ACME provisioner."""

import contextlib
import ipaddress
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from newel.cli import certificate_requests
from newel.cli.connection import explained
from newel.cli.enrolment import AcmeDirectory
from newel.cli.errors import CliError, UsageError
from newel.cli.moments import resolved
from newel.client import acme, acme_transport, http01
from newel.client.clock import now

if TYPE_CHECKING:
    import datetime as dt
    import ssl

    from cryptography import x509

    from newel.cli.invocation import Invocation
    from newel.crypto.keys import PrivateKey

PUBLIC = ("api.letsencrypt.org", "letsencrypt.org")


def obtain(
    call: "Invocation",
    directory: AcmeDirectory,
    key: "PrivateKey",
    subject: str,
    sans: Sequence[str],
) -> bytes:
    """The chain for a new key. Raises CliError."""
    names = list(dict.fromkeys([subject, *sans]))
    identifiers = [identifier(name) for name in names]
    csr = certificate_requests.make(key, subject, names)
    request = certificate_requests.read(csr.encode(), "the request")
    return _run(call, directory, request, identifiers)


def obtain_for(
    call: "Invocation",
    directory: AcmeDirectory,
    request: "x509.CertificateSigningRequest",
    subject: str,
    names: Sequence[str],
) -> bytes:
    """The chain for a request that was made elsewhere."""
    wanted = list(dict.fromkeys([subject, *names] if subject else names))
    return _run(call, directory, request, [identifier(name) for name in wanted])


def identifier(name: str) -> tuple[str, str]:
    """A name as an order has it. Raises UsageError for kinds ACME does not certify here."""
    try:
        return "ip", str(ipaddress.ip_address(name))
    except ValueError:
        pass
    if "@" in name or "://" in name:
        raise UsageError(f"'{name}' cannot be proved by ACME: only DNS names and IP addresses can")
    return "dns", name


def _run(
    call: "Invocation",
    directory: AcmeDirectory,
    request: "x509.CertificateSigningRequest",
    identifiers: Sequence[tuple[str, str]],
) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    moment = now()
    public = any(name in directory.url for name in PUBLIC)
    wanted = acme.Wanted(
        identifiers,
        request.public_bytes(Encoding.DER),
        contacts=call.all("contact"),
        not_before="" if public else rfc3339(resolved(call, "not-before", moment)),
        not_after="" if public else rfc3339(resolved(call, "not-after", moment)),
    )
    flow = acme.obtain(directory.url, ec.generate_private_key(ec.SECP256R1()), wanted)
    with contextlib.ExitStack() as stack, explained():
        progress = _Progress(*_solver(call, stack))
        try:
            chain = acme_transport.run(flow, _tls(directory), progress, progress.watch)
            progress.end(well=True)
        except OSError as error:
            raise CliError(f"error answering the challenge: {error}") from None
        finally:
            progress.end(well=False)
    return chain


def _solver(call: "Invocation", stack: contextlib.ExitStack) -> tuple[acme_transport.Solver, str]:
    webroot = call.get("webroot")
    if webroot and call.on("standalone"):
        raise UsageError("flag '--standalone' and flag '--webroot' are mutually exclusive")
    if webroot:
        return http01.Webroot(webroot), "Webroot"
    address = call.get("http-listen") or ":80"
    try:
        return stack.enter_context(http01.Standalone(address)), "Standalone"
    except (OSError, ValueError, OverflowError) as error:
        raise CliError(f"error listening on {address}: {error}") from None


class _Progress:
    """A line for each stage, ended by "done!" when the next one begins; also a solver that reports itself."""

    def __init__(self, solver: acme_transport.Solver, mode: str) -> None:
        self._solver = solver
        self._mode = mode
        self._open = False

    def prove(self, challenge: acme.Prove) -> None:
        """Answers from now on."""
        self._solver.prove(challenge)
        self._begin(f"Using {self._mode} Mode HTTP challenge to validate {challenge.identifier}")

    def withdraw(self, name: str, token: str) -> None:
        """Answers no more."""
        self._solver.withdraw(name, token)

    def watch(self, stage: str) -> None:
        """The order has come to another stage."""
        ready = "Waiting for Order to be 'ready' for finalization"
        self._begin(ready if stage == "ready" else "Finalizing Order")

    def end(self, *, well: bool) -> None:
        """Ends the line that is open, if one is."""
        if self._open:
            print(". done!" if well else "", file=sys.stderr)
        self._open = False

    def _begin(self, text: str) -> None:
        self.end(well=True)
        print(f"{text} .", end="", file=sys.stderr, flush=True)
        self._open = True


def _tls(directory: AcmeDirectory) -> "ssl.SSLContext":
    """The system's roots and, where there is one, the authority's own."""
    import ssl

    from newel.client.trust import trusting

    context = trusting(None)
    if directory.root:
        try:
            context.load_verify_locations(cadata=directory.root)
        except ssl.SSLError:
            raise CliError("error reading root certificate: no certificate in it") from None
    return context


def rfc3339(moment: "dt.datetime | None") -> str:
    """A time as an order has it; "" for none."""
    from newel.step.durations import format_time

    return format_time(moment.replace(microsecond=0)) if moment else ""
