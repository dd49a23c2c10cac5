"""Certificates a verb rests on: valid at a moment, and below a root where roots are known."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from newel.cli.errors import CliError
from newel.cli.operations.certificates import root_files, sources, trust
from newel.crypto import oids
from newel.crypto.reader import extensions as values
from newel.crypto.reader import names

if TYPE_CHECKING:
    from newel.crypto.keys import PublicKey
    from newel.crypto.reader.certificates import Certificate


def check(
    chain: Sequence["Certificate"],
    roots: Sequence["Certificate"] | None,
    at: dt.datetime,
    whose: str,
) -> list["Certificate"]:
    """Return the path from the first certificate to one of ``roots``, valid at ``at``. Raises CliError.

    Without roots only its own dates are checked: the caller trusts the certificate. ``whose``
    begins the sentence.
    """
    try:
        if roots is not None:
            return trust.chain_of(chain[0], chain[1:], roots, at)
        trust.check_itself(chain[0], at)
        return [chain[0]]
    except trust.TrustError as error:
        raise CliError(f"{whose} is not trusted: {error}") from None


def roots_in(named: str) -> list["Certificate"]:
    """Return the roots of a file, several with commas, or a directory."""
    return [sources.parse(one, named) for one in root_files.root_certificates(named)]


def check_may_sign(certificate: "Certificate", whose: str) -> None:
    """Raise CliError when the certificate's key usage excludes signing."""
    usage = certificate.extension(oids.KEY_USAGE)
    if usage is not None and not values.key_usage(usage) & 1:
        raise CliError(f"{whose} is not for signing: its key usage has no digital signature")


def names_of(certificate: "Certificate") -> list[str]:
    """Return who it is for: its alternative names, or its common name when it has none."""
    found = names.parse_general_names(certificate.extension(oids.SUBJECT_ALT_NAME))
    listed = [*found.emails, *found.dns, *found.uris, *found.addresses]
    return listed or [names.common_name(certificate.subject)]


def key_of(certificate: "Certificate", name: str) -> "PublicKey":
    """Return the public key in a certificate. Raises CliError for kinds that are not used here."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    from newel.cli.operations.keys.key_files import usable

    try:
        return usable(load_der_public_key(certificate.spki), name)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CliError(f"error parsing {name}: {error}") from None
