"""What names a provisioner, and what proves to it that a token may be made."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions
    from newel.cli.operations.oauth.sign_in import SignInOptions

PASSWORD_FLAGS = ("provisioner-password-file", "admin-password-file", "password-file")
"""The flags that name the file with a provisioner's password, the most particular one first."""


class TokenOptions(NamedTuple):
    """What a command was told about the token it needs."""

    authority: "AuthorityOptions"
    offline: bool = False
    provisioner: str | None = None
    kid: str | None = None
    key: str | None = None
    kms: str | None = None
    password_file: str | None = None
    """The file with the password of the provisioner's key."""
    password_flag: str = PASSWORD_FLAGS[0]
    """The flag that would name that file."""
    ca_password_file: str | None = None
    """The file with the password of the authority's own keys."""
    x5c_cert: str | None = None
    x5c_key: str | None = None
    x5c_chain: Sequence[str] = ()
    x5c_insecure: bool = False
    sshpop_cert: str | None = None
    sshpop_key: str | None = None
    nebula_cert: str | None = None
    nebula_key: str | None = None
    k8ssa_token_path: str | None = None
    k8ssa_given: bool = False
    """Whether ``k8ssa_token_path`` comes from the command line itself."""
    console: bool = False
    sign_in: "Callable[[], SignInOptions] | None" = None
    """How a person signs in with an OpenID provider, looked up when a provisioner asks for that."""

    @property
    def kinds(self) -> set[str]:
        """The types of the provisioners that the given credentials are for."""
        by_flag = {
            "X5C": self.x5c_cert or self.x5c_key,
            "SSHPOP": self.sshpop_cert,
            "Nebula": self.nebula_cert,
            "K8sSA": self.k8ssa_given,
        }
        return {kind for kind, given in by_flag.items() if given}
