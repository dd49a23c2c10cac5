"""Whether a certificate chains to a root now, with the sentences of Go's x509 package."""

import datetime as dt
from collections.abc import Sequence

from newel.cli.errors import CliError
from newel.cli.render.certificates.summary import key_name
from newel.crypto import path_validation
from newel.crypto.path_validation import PathError, Reason
from newel.crypto.reader import names
from newel.crypto.reader.certificates import Certificate

_SENTENCES = {
    Reason.UNHANDLED_CRITICAL_EXTENSION: "x509: unhandled critical extension",
    Reason.NOT_A_CA: "x509: certificate is not authorized to sign other certificates",
    Reason.PATH_TOO_LONG: "x509: too many intermediates for path length constraint",
    Reason.NAME_NOT_PERMITTED: (
        "x509: a root or intermediate certificate is not authorized to sign for this name: "
    ),
    Reason.TOO_MANY_SIGNATURES: (
        "x509: signature check attempts limit reached while verifying chain"
    ),
    Reason.NO_ISSUER: "x509: certificate signed by unknown authority",
}
_FAILURES = {"RSA": "crypto/rsa: verification error"}
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class TrustError(CliError):
    """The certificate is not trusted; the text says why, as Go's x509 package would."""


def chain_of(
    leaf: Certificate, others: Sequence[Certificate], roots: Sequence[Certificate], at: dt.datetime
) -> list[Certificate]:
    """Return the certificates from ``leaf`` to a root at the aware time ``at``. Raises TrustError."""
    try:
        return path_validation.find_path(leaf, others, roots, at)
    except PathError as error:
        raise TrustError(_sentence(error, at)) from None


def check_itself(one: Certificate, at: dt.datetime) -> None:
    """Check the validity, and that nothing critical is unknown here. Raises TrustError."""
    try:
        path_validation.check_validity(one, at)
    except PathError as error:
        raise TrustError(_sentence(error, at)) from None


def _sentence(error: PathError, at: dt.datetime) -> str:
    failed = error.certificate
    if failed and error.reason in {Reason.NOT_YET_VALID, Reason.EXPIRED}:
        early = error.reason is Reason.NOT_YET_VALID
        end = (
            f"before {failed.not_before:{_TIME}}" if early else f"after {failed.not_after:{_TIME}}"
        )
        said = "x509: certificate has expired or is not yet valid: current time"
        return f"{said} {at:{_TIME}} is {end}"
    sentence = _SENTENCES[error.reason]
    if error.reason is Reason.NAME_NOT_PERMITTED:
        return sentence + error.detail
    if error.reason is Reason.NO_ISSUER and failed:
        kind = key_name(failed.spki).split()[0]
        cause = _FAILURES.get(kind, f"x509: {kind} verification failure")
        sentence += (
            f' (possibly because of "{cause}" while trying to verify candidate '
            f'authority certificate "{names.common_name(failed.subject)}")'
        )
    return sentence


def system_roots() -> list[Certificate]:
    """Return the certificates this system trusts."""
    import ssl

    from newel.cli.operations.certificates.sources import parse

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    found = [parse(one, "system roots") for one in context.get_ca_certs(binary_form=True)]
    paths = ssl.get_default_verify_paths()
    if not found and paths.cafile:
        from newel.cli.operations.certificates.sources import from_file

        return from_file(paths.cafile)
    return found
