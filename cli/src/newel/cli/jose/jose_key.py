"""A key for JOSE, with the members that say how it is used."""

from dataclasses import dataclass
from typing import Any

from newel.cli.operations.keys.key_material import Material
from newel.crypto.keys import PublicKey


@dataclass(frozen=True, slots=True)
class JOSEKey:
    """A key with its id, use and algorithm, each "" where nothing names it."""

    key: Material
    jwk: dict[str, Any]

    @property
    def kid(self) -> str:
        """The key id."""
        return str(self.jwk.get("kid", ""))

    @property
    def use(self) -> str:
        """``sig``, ``enc`` or ""."""
        return str(self.jwk.get("use", ""))

    @property
    def alg(self) -> str:
        """The algorithm."""
        return str(self.jwk.get("alg", ""))

    @property
    def public_only(self) -> bool:
        """Whether the private half is missing."""
        return isinstance(self.key, PublicKey)
