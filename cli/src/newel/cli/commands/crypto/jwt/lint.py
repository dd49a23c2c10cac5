"""`newel crypto jwt lint`: what the standards and current practices find in a token."""

import sys
from typing import TYPE_CHECKING

from newel.cli.jose import jwt_lints
from newel.cli.render import lint_report
from newel.cli.store.files import read
from newel.client.clock import now

if TYPE_CHECKING:
    from newel.cli.options.records.crypto_jwt import CryptoJWTLintOptions


def run(options: "CryptoJWTLintOptions") -> None:
    """Print every rule with its result; findings do not change the exit code."""
    options.positionals(0)
    token = jwt_lints.read_token(read("-").decode(errors="replace"))
    results = jwt_lints.find_results(token)
    timestamp = int(now().timestamp())
    sys.stdout.write(lint_report.render(results, timestamp, failed_only=options.failed_only))
