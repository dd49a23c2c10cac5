"""All policies that one certificate is held to, and the name constraints of its issuer's chain."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from newel.crypto.distinguished_names import COMMON_NAME, Attribute
from newel.crypto.name_constraints import ConstraintError, ForbiddenNameError, NameConstraints
from newel.crypto.names import GeneralName
from newel.registration.errors import constraint_error, policy_error
from newel.registration.policy.sides import NameNotAllowedError
from newel.registration.policy.ssh import SSHPolicy
from newel.registration.policy.x509 import X509Policy
from newel.step.policies import PolicyConfig


class Policies(NamedTuple):
    """One level's policies, compiled; None where it has none."""

    x509: X509Policy | None = None
    ssh: SSHPolicy | None = None


NO_POLICIES = Policies()


def compile_policies(config: PolicyConfig | None) -> Policies:
    """Compile one level. Raises ValueError with the constraint at fault."""
    if config is None:
        return NO_POLICIES
    x509 = X509Policy(config.x509) if config.x509 else None
    ssh = SSHPolicy(config.ssh) if config.ssh else None
    return Policies(
        None if x509 is None or x509.is_empty else x509,
        None if ssh is None or ssh.is_empty else ssh,
    )


def check_x509(
    levels: Iterable[Policies],
    general_names: Sequence[GeneralName],
    subject: Sequence[Attribute] = (),
    constraints: Iterable[NameConstraints] = (),
) -> None:
    """Check the names that a certificate is going to have. Raises NewelError (403).

    ``levels`` are the policies of the ACME account, the provisioner and the authority, in this order.
    ``constraints`` are those of the issuer's chain up to its root (RFC 5280 §4.2.1.10).
    """
    for each in constraints:
        try:
            each.check(general_names, subject)
        except ConstraintError as error:
            raise constraint_error(_describe(error)) from None
    common_names = [each.value for each in subject if each.oid == COMMON_NAME] or [""]
    for level in levels:
        if level.x509 is None:
            continue
        try:
            for index, common_name in enumerate(common_names):
                level.x509.check(() if index else general_names, common_name)
        except NameNotAllowedError as error:
            raise policy_error(str(error)) from None


def check_ssh(levels: Iterable[Policies], kind: str, principals: Sequence[str]) -> None:
    """Check the principals that an SSH certificate is going to have. Raises NewelError (403)."""
    for level in levels:
        if level.ssh is None:
            continue
        try:
            level.ssh.check("host" if kind == "host" else "user", principals)
        except NameNotAllowedError as error:
            raise policy_error(str(error)) from None


_KINDS = {"dns": "DNS name", "ip": "IP address", "email": "Email address", "uri": "URI"}
"""The kinds of names in step-ca's messages about name constraints."""


def _describe(error: ConstraintError) -> str:
    if not isinstance(error, ForbiddenNameError) or error.kind not in _KINDS:
        return str(error)
    name = f'{_KINDS[error.kind]} "{error.name}"'
    if error.base is None:
        return f"{name} is not permitted by any constraint"
    return f'{name} is excluded by constraint "{error.base}"'
