"""The URLs of resources, as step-ca lays them out: ``https://<host>/acme/<provisioner>/…``."""

from dataclasses import dataclass
from urllib.parse import quote

from newel.registration.acme import ids


@dataclass(frozen=True, slots=True)
class URLs:
    """Every URL of one provisioner under one authority (host and port as the client wrote them)."""

    base: str

    @classmethod
    def of(cls, authority: str, provisioner: str) -> "URLs":
        """Build the URLs under ``https://authority/acme/provisioner``."""
        return cls(f"https://{authority}/acme/{quote(provisioner, safe='')}")

    def to(self, resource: str) -> str:
        """Return the URL of a resource without an id, such as "new-order"."""
        return f"{self.base}/{resource}"

    def account(self, account: bytes) -> str:
        """Return the URL of an account: the ``kid`` of its requests."""
        return f"{self.base}/account/{ids.text(account)}"

    def orders(self, account: bytes) -> str:
        """Return the URL of an account's list of orders."""
        return f"{self.base}/account/{ids.text(account)}/orders"

    def order(self, order: bytes) -> str:
        """Return the URL of an order."""
        return f"{self.base}/order/{ids.text(order)}"

    def finalize(self, order: bytes) -> str:
        """Return the URL that takes an order's CSR."""
        return f"{self.base}/order/{ids.text(order)}/finalize"

    def certificate(self, order: bytes) -> str:
        """Return the URL of an order's certificate."""
        return self.chain(ids.text(order))

    def chain(self, order: str, name: str = "") -> str:
        """Return the URL of an order's certificate with one of its chains, by default the issuer's own."""
        return f"{self.base}/certificate/{order}" + (f"/{name}" if name else "")

    def authorization(self, order: bytes, position: int) -> str:
        """Return the URL of the authorization of an order's identifier at ``position``."""
        return self.named_authorization(ids.name_authorization(order, position))

    def named_authorization(self, name: str) -> str:
        """Return the URL of an authorization by its name."""
        return f"{self.base}/authz/{name}"

    def challenge(self, order: bytes, position: int, kind: str) -> str:
        """Return the URL of a challenge of an authorization."""
        return f"{self.base}/challenge/{ids.text(order)}.{position}/{kind}"
