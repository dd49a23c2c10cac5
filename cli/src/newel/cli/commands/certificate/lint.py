"""`newel certificate lint`: what pkilint finds in a certificate, in the shape zlint's users know."""

import re
import sys
from typing import TYPE_CHECKING, Any

from newel.cli.errors import CliError
from newel.cli.operations.certificates import file_or_server
from newel.cli.operations.certificates.lint_names import ZLINT_NAMES
from newel.cli.operations.certificates.lint_rules import rule_names
from newel.cli.render import lint_report
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.options.records.certificate import CertificateLintOptions

URI_SYNTAX = "pkix.invalid_uri_syntax"
DNS_SYNTAX = "pkix.invalid_domain_name_syntax"
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
RESULTS = {"FATAL": "fatal", "ERROR": "error", "WARNING": "warn", "NOTICE": "info"}


def run(options: "CertificateLintOptions") -> None:
    """Print every rule with its result; findings do not change the exit code."""
    name = options.positionals(1)[0]
    one = file_or_server.read_certificates(
        name, roots=options.roots, servername=options.servername, insecure=options.insecure
    )[0]
    lints: dict[str, dict[str, str]] = {rule: {"result": "NA"} for rule in rule_names()}
    lints |= {rule: {"result": "pass"} for rule in ZLINT_NAMES.values()}
    for name_of_rule, severity, details in findings(one.der):
        if severity in RESULTS:
            found = {"result": RESULTS[severity]} | ({"details": details} if details else {})
            lints[name_of_rule] = found
    timestamp = int(now().timestamp())
    sys.stdout.write(lint_report.render(lints, timestamp, failed_only=options.failed_only))


def findings(data: bytes) -> list[tuple[str, str, str]]:
    """Rule, severity and details of everything pkilint's RFC 5280 rules find. Raises CliError."""
    try:
        from pkilint import loader
        from pkilint.pkix import certificate, extension, name
    except ImportError:
        raise CliError(
            "certificate lint needs the package pkilint, which is not installed"
        ) from None
    validator: Any = certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(
            name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
        ),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )
    try:
        document: Any = loader.load_certificate(data, "certificate")
    except ValueError as error:
        raise CliError(f"error parsing certificate: {error}") from None
    return [
        (
            rule_of(each.finding.code, result.node.path),
            each.finding.severity.name,
            each.message or "",
        )
        for result in validator.validate(document.root)
        for each in result.finding_descriptions
        if not is_mistaken(each.finding.code, str(result.node.pdu))
    ]


def rule_of(code: str, path: str) -> str:
    """Return zlint's name of the rule where both have it, else pkilint's."""
    if code == URI_SYNTAX and "subjectAltName" not in path:
        return code
    return ZLINT_NAMES.get(code, code)


def is_mistaken(code: str, value: str) -> bool:
    """Say whether pkilint objects to what the RFCs allow.

    A host without a dot, as localhost, is one in a URI (RFC 3986 §3.2.2) and a name in the preferred syntax
    (RFC 5280 §4.2.1.6); so is one whose last label has digits.
    """
    if code == DNS_SYNTAX:
        labels = value.lower().split(".")
        return all(map(LABEL.fullmatch, labels[labels[0] == "*" and len(labels) > 1 :]))
    if code != URI_SYNTAX:
        return False
    from urllib.parse import urlsplit

    try:
        host = urlsplit(value).hostname or ""
    except ValueError:
        return False
    return LABEL.fullmatch(host) is not None
