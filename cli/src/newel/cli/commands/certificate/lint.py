"""`newel certificate lint`: what pkilint finds in a certificate, in the shape zlint's users know."""

import json
import sys
from typing import TYPE_CHECKING, Any

from newel.cli.certificates import sources
from newel.cli.certificates.lint_names import ZLINT_NAMES
from newel.cli.certificates.lint_rules import rule_names
from newel.cli.errors import CliError
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.invocation import Invocation

RESULTS = {"FATAL": "fatal", "ERROR": "error", "WARNING": "warn", "NOTICE": "info"}


def run(call: "Invocation") -> None:
    """Prints every rule with its verdict; what is found never changes the exit code."""
    name = call.positionals(1)[0]
    one = sources.certificates(call, name, insecure=call.on("insecure"))[0]
    lints: dict[str, dict[str, str]] = {rule: {"result": "NA"} for rule in rule_names()}
    lints |= {rule: {"result": "pass"} for rule in ZLINT_NAMES.values()}
    for code, severity, details in findings(one.der):
        if severity in RESULTS:
            found = {"result": RESULTS[severity]} | ({"details": details} if details else {})
            lints[ZLINT_NAMES.get(code, code)] = found
    results = {each["result"] for each in lints.values()}
    shown = {
        "version": 3,
        "timestamp": int(now().timestamp()),
        "lints": dict(sorted(lints.items())),
        "notices_present": "info" in results,
        "warnings_present": "warn" in results,
        "errors_present": "error" in results,
        "fatals_present": "fatal" in results,
    }
    sys.stdout.write(json.dumps(shown, indent=1))


def findings(data: bytes) -> list[tuple[str, str, str]]:
    """Code, severity and details of everything pkilint's RFC 5280 rules find. Raises CliError."""
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
        (each.finding.code, each.finding.severity.name, each.message or "")
        for result in validator.validate(document.root)
        for each in result.finding_descriptions
    ]
