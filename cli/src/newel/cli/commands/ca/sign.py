"""`newel ca sign`: a certificate for a request that was made elsewhere."""

from typing import TYPE_CHECKING

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import say
from newel.cli.operations import certificate_requests, enroll
from newel.cli.options.times import for_authority
from newel.cli.store import atomic_write
from newel.cli.store.files import read

if TYPE_CHECKING:
    from newel.cli.options.records.ca import CASignOptions


def run(options: "CASignOptions") -> None:
    """Writes the certificate of a request."""
    csr_file, certificate = options.positionals(2)
    if options.offline and options.token:
        raise UsageError("flag '--offline' is incompatible with '--token'")
    for flag in ("not-before", "not-after"):
        for_authority(options, flag)
    request = certificate_requests.read(read(csr_file), csr_file)
    names = certificate_requests.asked_names(request)
    subject = certificate_requests.asked_subject(request) or (names[0] if names else "")
    atomic_write.allow([certificate], force=options.force)
    if options.offline:
        from newel.cli.operations.keys.key_files import from_spki
        from newel.cli.operations.offline import certificates

        key = from_spki(request.spki, csr_file)
        chain = certificates.issue(options, key, subject, names or [subject])
    else:
        ticket = enroll.prepare(options, subject, names)
        if isinstance(ticket, enroll.AcmeDirectory):
            from newel.cli.operations.acme import enroll as by_acme

            chain = by_acme.obtain_for(options, ticket, request.der, subject, names)
        else:
            from newel.cli.operations.certificates.sources import pem

            chain = enroll.sign(options, ticket, pem(request.der, "CERTIFICATE REQUEST"))
    atomic_write.write_all([atomic_write.Target(certificate, chain)])
    say("Certificate", certificate)
    if options.json:
        from newel.cli.interact.terminal import show_json

        show_json({"certificate": certificate})
