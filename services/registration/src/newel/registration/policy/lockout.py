"""Protection of administrators: a policy must not deny the names by which they prove who they are."""

from collections.abc import Iterable

from newel.crypto import names
from newel.crypto.dns_names import UNDERSCORES, InvalidNameError
from newel.registration.policy.levels import compile_policies
from newel.registration.policy.sides import NameNotAllowedError
from newel.step.policies import PolicyConfig


class LockOutError(ValueError):
    """A policy would deny an administrator the certificate to manage the authority with."""

    def __init__(self, subject: str) -> None:
        super().__init__(
            f"the provided policy would lock out [{subject}] from the CA. Please create an x509 policy"
            f" to include [{subject}] as an allowed DNS name"
        )


def require_no_lock_out(config: PolicyConfig, administrators: Iterable[str]) -> None:
    """Refuse a policy that denies an administrator's subject as a certificate's only name.

    ``administrators`` are the subjects of those who are held to it: of an authority's policy all of
    them, of a provisioner's those whom it admits. Raises :class:`LockOutError`, and ValueError for a
    policy that cannot be compiled.
    """
    policy = compile_policies(config).x509
    if policy is None:
        return
    for subject in administrators:
        try:
            # step asks for a certificate with the subject as its name and as its common name
            policy.check([names.parse_san(subject, UNDERSCORES)], subject)
        except (NameNotAllowedError, InvalidNameError):
            raise LockOutError(subject) from None
