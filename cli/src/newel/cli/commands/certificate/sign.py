"""`newel certificate sign`: a certificate for a request, from a local authority."""

import sys
from typing import TYPE_CHECKING

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.certificates import builder, issuers, sources, validity
from newel.cli.operations.template_data import TemplateData
from newel.cli.render.certificates import summary
from newel.crypto import oids
from newel.crypto.extensions import Extension
from newel.crypto.reader import names

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateSignOptions
    from newel.crypto.reader.certificates import Request

LEAF, INTERMEDIATE, CSR = "leaf", "intermediate-ca", "csr"
FAILURES = {
    "ECDSA": "x509: ECDSA verification failure",
    "Ed25519": "x509: Ed25519 verification failure",
    "RSA": "crypto/rsa: verification error",
}
# an issuer says these, whatever a request asks for
ISSUERS_OWN = {oids.AUTHORITY_KEY_IDENTIFIER, oids.SUBJECT_KEY_IDENTIFIER}


def run(options: "CertificateSignOptions") -> None:
    """Print the certificate, with --bundle the issuer's behind it."""
    csr_file, certificate_file, key_file = options.positionals(3)
    request = read_request(csr_file)
    chain = sources.from_file(certificate_file, options.kms)
    issuer = issuers.issuer_of(chain[0], key_file, options.password_file, options.kms)
    profile = profile_of(options)
    length = options.integer("path-len")
    if length < -1:
        raise UsageError(
            f"invalid value '{length}' for flag '--path-len'; path-len must be -1 or greater"
        )
    issuers.check_authority(chain[0], profile, length)
    times = validity.resolve_both(options.not_before, options.not_after)
    default = builder.TEN_YEARS if profile == INTERMEDIATE else builder.DAY
    start, end = validity.complete(options.not_after, *times, default)
    if options.template:
        from newel.cli.operations.certificates import templated

        data = TemplateData(options.set_, options.set_file).read()
        names = names_of(options, request)
        wanted = templated.certify(options.template, data, request, names, length, (start, end))
    else:
        extensions = extensions_of(options, request, profile, length)
        wanted = builder.CertificateSpec(request.subject, request.spki, start, end, extensions)
    made = [builder.issue(wanted, issuer)]
    if options.bundle:
        made += [one.der for one in chain]
    sys.stdout.write("".join(map(sources.pem, made)))


def profile_of(options: "CertificateSignOptions") -> str:
    """Return the name of the profile. Raises UsageError for an unknown one."""
    profile = options.profile or LEAF
    if profile not in {LEAF, INTERMEDIATE, CSR}:
        raise UsageError(
            f"invalid value '{profile}' for flag '--profile'; options are leaf, intermediate-ca, csr"
        )
    if options.template and options.is_given("profile"):
        raise UsageError("flag '--profile' is incompatible with '--template'")
    return profile


def read_request(name: str) -> "Request":
    """Return the request of a file, whose signature proves possession of the key. Raises CliError."""
    from newel.cli.operations.certificate_requests import is_proved

    found = sources.request(sources.contents(name))
    if found is None:
        raise CliError(f"error parsing {name}: not a valid certificate request")
    if not is_proved(found, name):
        cause = FAILURES.get(summary.key_name(found.spki).split()[0], "x509: verification failure")
        raise CliError(f"certificate request has invalid signature: {cause}")
    return found


def extensions_of(
    options: "CertificateSignOptions", request: "Request", profile: str, length: int
) -> tuple[Extension, ...]:
    """Return the extensions of the profile; with ``csr`` all that the request asks for."""
    if profile == INTERMEDIATE:
        return builder.authority_extensions(None if length < 0 else length)
    if profile == CSR:
        return tuple(
            Extension(each.oid, each.critical, each.value)
            for each in request.extensions
            if each.oid not in ISSUERS_OWN
        )
    return builder.leaf_extensions(request.spki, request.subject, names_of(options, request))


def names_of(options: "CertificateSignOptions", request: "Request") -> list[str]:
    """Return the names asked for; the common name when there are none, unless --omit-cn-san."""
    found = names.parse_general_names(request.extension(oids.SUBJECT_ALT_NAME))
    listed = [*found.dns, *found.emails, *found.addresses, *found.uris]
    common = names.common_name(request.subject)
    if listed or not common or options.omit_cn_san or not builder.is_name(common):
        return listed
    return [common]
