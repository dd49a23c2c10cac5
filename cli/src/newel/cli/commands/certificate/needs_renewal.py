"""`newel certificate needs-renewal`: an exit code for scripts. 0 yes, 1 not yet, 2 no such file, 255 unclear."""

import datetime as dt
import os
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.certificates import file_or_server, sources
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateNeedsRenewalOptions
    from newel.crypto.reader.certificates import Certificate

NOT_YET, NO_FILE, UNCLEAR = 1, 2, 255
DEFAULT_PERCENT = 66
WHOLE = 100


class Threshold(NamedTuple):
    """When renewal is due: so many percent of the lifetime used, or so much of it left."""

    percent: int
    left: dt.timedelta | None


def run(options: "CertificateNeedsRenewalOptions") -> int:
    """Say by the exit code whether the certificate is due for renewal."""
    try:
        name = options.positionals(1)[0]
        listed = certificates(options, name)
        threshold = read_certificates(options)
    except CliError as error:
        raise CliError(str(error), code=NO_FILE if error.code == NO_FILE else UNCLEAR) from None
    at = now()
    due = any(is_due(one, threshold, at) for one in (listed if options.bundle else listed[:1]))
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"needs_renewal": due})
    elif options.verbose:
        if not due:
            raise CliError("certificate does not need renewal", code=NOT_YET)
        print("certificate needs renewal")
    return 0 if due else NOT_YET


def certificates(options: "CertificateNeedsRenewalOptions", name: str) -> "list[Certificate]":
    """Return the certificates of the file or server."""
    if not sources.is_url(name) and name != "-" and not os.path.exists(name):  # noqa: PTH110 - slow
        raise CliError(f"stat {name}: no such file or directory", code=NO_FILE)
    return file_or_server.read_certificates(
        name, roots=options.roots, servername=options.servername, insecure=False
    )


def read_certificates(options: "CertificateNeedsRenewalOptions") -> Threshold:
    """Return what --expires-in says: ``75%`` of the lifetime used, or a duration that is left."""
    value = options.expires_in or f"{DEFAULT_PERCENT}%"
    if value.endswith("%"):
        number = value.removesuffix("%")
        if not number.lstrip("+-").isdecimal():
            raise UsageError(f"invalid value '{value}' for flag '--expires-in'")
        if not 0 <= int(number) <= WHOLE:
            raise UsageError(
                f"invalid value '{value}' for flag '--expires-in'; value must be in range 0-100%"
            )
        return Threshold(int(number), None)
    from newel.durations.go import parse_duration

    try:
        return Threshold(0, parse_duration(value))
    except ValueError:
        raise UsageError(f"invalid value '{value}' for flag '--expires-in'") from None


def is_due(one: "Certificate", threshold: Threshold, at: dt.datetime) -> bool:
    """Say whether the certificate has used up what the threshold gives it."""
    remaining = one.not_after - at
    if threshold.left is not None:
        return threshold.left >= remaining
    lifetime = one.not_after - one.not_before
    if lifetime <= dt.timedelta(0):
        return True
    return int((1 - remaining / lifetime) * WHOLE) >= threshold.percent
