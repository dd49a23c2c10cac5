"""`newel ca sign`: a certificate for a request that was made elsewhere."""

from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import say
from newel.cli.operations import certificate_requests, enroll
from newel.cli.operations.times import parse_time
from newel.cli.options.groups import acme_options, template_data, token_options
from newel.cli.store import atomic_write
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CASignOptions
    from newel.crypto.reader.certificates import Request


def run(options: "CASignOptions") -> None:
    """Write the certificate of a request."""
    csr_file, certificate = options.positionals(2)
    if options.offline and options.token:
        raise UsageError("flag '--offline' is incompatible with '--token'")
    parse_time(options.not_before, "not-before")
    parse_time(options.not_after, "not-after")
    request = certificate_requests.read(read(csr_file), csr_file)
    atomic_write.allow([certificate], force=options.force)
    chain = obtain(options, request, csr_file)
    atomic_write.write_all([atomic_write.Target(certificate, chain)])
    say("Certificate", certificate)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"certificate": certificate})


def obtain(options: "CASignOptions", request: "Request", csr_file: str) -> bytes:
    """Return the chain for a request: offline, by ACME or by a token."""
    names = certificate_requests.requested_names(request)
    subject = certificate_requests.subject_of(request) or (names[0] if names else "")
    tokens, data = token_options(options), template_data(options)
    start = parse_time(options.not_before, "not-before")
    end = parse_time(options.not_after, "not-after")
    if options.offline:
        from newel.cli.operations.keys.key_files import from_spki
        from newel.cli.operations.offline import certificates

        key = from_spki(request.spki, csr_file)
        return certificates.issue(tokens, key, subject, names or [subject], (start, end), data)
    ticket = enroll.prepare(tokens, subject, names, token=options.token, acme=options.acme)
    if isinstance(ticket, enroll.AcmeDirectory):
        from newel.cli.operations.acme import enroll as by_acme

        return by_acme.obtain_for(acme_options(options), ticket, request.der, subject, names)
    from newel.cli.operations.certificates.sources import pem

    csr, validity = pem(request.der, "CERTIFICATE REQUEST"), (str(start), str(end))
    return enroll.sign(tokens.authority, ticket, csr, validity, data.read())
