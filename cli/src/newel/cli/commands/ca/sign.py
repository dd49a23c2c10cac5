"""`newel ca sign`: a certificate for a request that was made elsewhere."""

from newel.cli import certificate_requests, enrolment, file_sets
from newel.cli.errors import UsageError
from newel.cli.files import read
from newel.cli.invocation import Invocation
from newel.cli.moments import for_authority
from newel.cli.terminal import say


def run(call: Invocation) -> None:
    """Writes the certificate of a request."""
    csr_file, certificate = call.positionals(2)
    if call.on("offline") and call.get("token"):
        raise UsageError("flag '--offline' is incompatible with '--token'")
    for flag in ("not-before", "not-after"):
        for_authority(call, flag)
    request = certificate_requests.read(read(csr_file), csr_file)
    names = certificate_requests.asked_names(request)
    subject = certificate_requests.asked_subject(request) or (names[0] if names else "")
    file_sets.allow([certificate], force=call.on("force"))
    if call.on("offline"):
        from newel.cli.keys.key_files import from_spki
        from newel.cli.offline import certificates

        key = from_spki(request.spki, csr_file)
        chain = certificates.issue(call, key, subject, names or [subject])
    else:
        ticket = enrolment.prepare(call, subject, names)
        if isinstance(ticket, enrolment.AcmeDirectory):
            from newel.cli.acme import enrolment as by_acme

            chain = by_acme.obtain_for(call, ticket, request.der, subject, names)
        else:
            from newel.cli.certificates.sources import pem

            chain = enrolment.sign(call, ticket, pem(request.der, "CERTIFICATE REQUEST"))
    file_sets.write_all([file_sets.Target(certificate, chain)])
    say("Certificate", certificate)
    if call.json:
        from newel.cli.terminal import show_json

        show_json({"certificate": certificate})
