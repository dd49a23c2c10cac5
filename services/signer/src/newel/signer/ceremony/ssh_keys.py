"""The keys of SSH CAs, which have no certificates: public keys are all that users and hosts are told."""

from dataclasses import dataclass

from newel.crypto.ssh.public_keys import wire_of, write_line
from newel.signer.ceremony.certificates import make_key
from newel.signer.ceremony.plan import Plan, SSHKeyPlan
from newel.signer.keys import SigningKey


@dataclass(frozen=True, slots=True)
class SSHCAKey:
    """A new key, and its PEM where it is not in a token or a key service."""

    plan: SSHKeyPlan
    key: SigningKey
    key_pem: bytes | None

    @property
    def line(self) -> bytes:
        """The public key, one line as in ``authorized_keys``."""
        return write_line(wire_of(self.key.public_key), self.plan.name)


def make_ssh_keys(plan: Plan) -> list[SSHCAKey]:
    """Make every SSH CA's key of the plan; no file is written here."""
    return [SSHCAKey(each, *make_key(each)) for each in plan.ssh_keys]
