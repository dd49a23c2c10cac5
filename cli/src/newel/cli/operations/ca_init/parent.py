"""`ca init --ra StepCAS`: a registration authority, which has requests certified by another authority."""

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import UsageError
from newel.cli.interact.terminal import ask
from newel.cli.operations.connection import explain_refusals

if TYPE_CHECKING:
    from cryptography import x509

    from newel.cli.operations.ca_init.init_options import InitOptions

KINDS = {"stepcas": "StepCAS", "cloudcas": "CloudCAS"}
ALONE = ("root", "key", "intermediate", "intermediate-csr")
"""Flags that say where an authority's own keys are; a registration authority has none."""

_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)


class Parent(NamedTuple):
    """The authority that issues."""

    url: str
    fingerprint: str
    """SHA-256 of its root, hex."""
    provisioner: str
    """The JWK provisioner whose key lets the registration authority in."""

    @property
    def members(self) -> dict[str, Any]:
        """What ca.json says of it."""
        return {
            "type": "stepcas",
            "certificateAuthority": self.url,
            "certificateAuthorityFingerprint": self.fingerprint,
            "certificateIssuer": {"type": "JWK", "provisioner": self.provisioner},
        }

    def root(self) -> "x509.Certificate":
        """Fetch its root. Raises CliError."""
        from newel.client.bootstrap import fetch_root
        from newel.crypto import loading

        with explain_refusals():
            return loading.load_pem_certificate(fetch_root(self.url, self.fingerprint).encode())


def is_registration_authority(options: "InitOptions") -> bool:
    """Say whether it shall be a registration authority. Raises UsageError for one that cannot be made here."""
    given = options.ra
    if not given:
        return False
    kind = KINDS.get(given.lower())
    if kind is None:
        choices = " or ".join(KINDS.values())
        raise UsageError(f"invalid value '{given}' for flag '--ra'; options are {choices}")
    if kind != "StepCAS":
        raise UsageError(
            f"flag '--ra {kind}' is not supported by this version: that service is asked in its own protocol"
        )
    own = (options.root, options.key, options.intermediate, options.intermediate_csr)
    for flag, value in zip(ALONE, own, strict=True):
        if value:
            raise UsageError(f"flag '--{flag}' is incompatible with '--ra'")
    return True


def gather(options: "InitOptions") -> Parent:
    """Return the parent authority; ask for each part that no flag gives. Raises UsageError."""
    from newel.client.trust import base_url

    given = options.issuer or ask(
        "Which authority shall certify the requests?\n(e.g. https://ca.example.com:9000)",
        "--issuer URL",
    )
    try:
        url = base_url(given) if given.lower().startswith("https://") else ""
    except ValueError:
        url = ""
    if not url:
        raise UsageError(f"'{given}' is not the https address of an authority")
    fingerprint = options.issuer_fingerprint or ask(
        "What is the fingerprint of its root?", "--issuer-fingerprint SHA256"
    )
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise UsageError(f"'{fingerprint}' is no SHA-256 fingerprint in hexadecimal")
    provisioner = options.issuer_provisioner or ask(
        "Which of its JWK provisioners lets this one in?", "--issuer-provisioner NAME"
    )
    if not provisioner.strip():
        raise UsageError("the provisioner needs a name")
    return Parent(url, fingerprint, provisioner)
