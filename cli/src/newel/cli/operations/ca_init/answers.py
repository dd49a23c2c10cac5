"""What `ca init` must know, by flag or by asking, with everything that cannot be refused first."""

import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import UsageError
from newel.cli.interact.menu import choose
from newel.cli.interact.passwords import new_password, password_in
from newel.cli.interact.terminal import ask, say
from newel.cli.operations.ca_init import parent
from newel.cli.operations.ca_init.parent import Parent

if TYPE_CHECKING:
    from newel.cli.operations.ca_init.init_options import InitOptions

STANDALONE, LINKED, HOSTED = "standalone", "linked", "hosted"
KINDS = (STANDALONE, LINKED, HOSTED)
AZURE = "azurekms"
MENU = [
    "Standalone - step-ca instance you run yourself",
    "Linked - standalone, plus cloud configuration, reporting & alerting",
    "Hosted - fully-managed step-ca cloud instance run for you by smallstep",
]
NAME = "What would you like to name your new PKI?"
ISSUER = ("issuer", "issuer_fingerprint", "issuer_provisioner")
_HOST = re.compile(r"[A-Za-z0-9_*]([A-Za-z0-9_.*-]{0,253})", re.ASCII)


class Answers(NamedTuple):
    """All of it. ``dns`` and the rest are empty with ``pki``."""

    kind: str
    name: str
    dns: list[str]
    address: str
    provisioner: str
    password: bytes
    provisioner_password: bytes
    parent: Parent | None = None
    """Who issues instead, for a registration authority, which has no name and no keys of its own."""


def check(options: "InitOptions") -> None:
    """Refuse flags that contradict each other. Raises UsageError."""
    if options.root and not options.key and not options.intermediate:
        raise UsageError("flag '--root' requires the '--key' flag")
    if options.key and not options.root:
        raise UsageError("flag '--key' requires the '--root' flag")
    if options.intermediate and not (options.root and options.intermediate_key):
        needed = "intermediate-key" if options.root else "root"
        raise UsageError(f"flag '--intermediate' requires the '--{needed}' flag")
    if options.admin_subject and not options.remote_management:
        raise UsageError(
            "flag '--admin-subject' is only supported when '--remote-management' is enabled"
        )
    check_kms(options)
    kinds = KINDS[:2] if parent.is_registration_authority(options) else KINDS
    kind = options.deployment_type
    if kind and kind not in kinds:
        raise UsageError(
            f"invalid value '{kind}' for flag '--deployment-type'; options are {', '.join(kinds)}"
        )


def check_kms(options: "InitOptions") -> None:
    """Refuse keys in a cloud, which this program cannot make. Raises UsageError."""
    kms = options.kms
    if not kms:
        return
    if kms.lower() != AZURE:
        raise UsageError(f"invalid value '{kms}' for flag '--kms'; options are {AZURE}")
    if options.ra:
        raise UsageError("flag '--kms' is incompatible with '--ra'")
    raise UsageError(
        f"flag '--kms {AZURE}' is not supported by this version: the keys are made by that service"
    )


def gather(options: "InitOptions") -> Answers:
    """Return the answers; ask only for those that no flag gives."""
    pki, registration = options.pki, parent.is_registration_authority(options)
    kind = deployment(options, pki=pki, registration=registration)
    if kind == HOSTED:
        return Answers(kind, "", [], "", "", b"", b"")
    issuing = parent.gather(options) if registration else None
    name = "" if issuing else options.name or ask(f"{NAME}\n(e.g. Smallstep)", "--name NAME")
    dns, address, provisioner = ([], "", "") if pki else endpoints(options)
    what = "your first provisioner" if issuing else keys_of(pki=pki)
    password = new_password(options.password_file, f"Choose a password for {what}.")
    own = options.provisioner_password_file
    return Answers(
        kind,
        name,
        dns,
        address,
        provisioner,
        password,
        password_in(own) if own else password,
        issuing,
    )


def deployment(options: "InitOptions", *, pki: bool, registration: bool) -> str:
    """Return which kind of authority; standalone where all that it needs is given."""
    given = options.deployment_type
    if given:
        return given
    needed = [*(ISSUER if registration else ["name"]), "password_file"]
    needed += [] if pki else ["dns", "address", "provisioner"]
    if pki or all(getattr(options, field) for field in needed):
        return STANDALONE
    menu = MENU[:2] if registration else MENU
    kind = KINDS[
        choose("What deployment type would you like to configure?", menu, "--deployment-type TYPE")
    ]
    say("Deployment Type", kind.capitalize())
    return kind


def keys_of(*, pki: bool) -> str:
    """Return what the password protects."""
    return "your CA keys" if pki else "your CA keys and first provisioner"


def endpoints(options: "InitOptions") -> tuple[list[str], str, str]:
    """Names, listening address and first provisioner."""
    given = list(options.dns) or [
        ask(
            "What DNS names or IP addresses will clients use to reach your CA?\n"
            "(e.g. ca.example.com[,10.1.2.3,etc.])",
            "--dns NAME",
        )
    ]
    dns = [name.strip().strip("[]") for word in given for name in word.split(",") if name.strip()]
    if not dns:
        raise UsageError("the authority needs a DNS name or an IP address")
    for name in dns:
        check_name(name)
    address = options.address or ask(
        "What IP and port will your new CA bind to? (:443 will bind to 0.0.0.0:443)\n"
        "(e.g. :443 or 127.0.0.1:443)",
        "--address ADDRESS",
    )
    check_address(address)
    provisioner = options.provisioner or ask(
        "What would you like to name the CA's first provisioner?\n(e.g. you@smallstep.com)",
        "--provisioner NAME",
    )
    if not provisioner.strip():
        raise UsageError("the first provisioner needs a name")
    return dns, address, provisioner


def check_name(name: str) -> None:
    """Refuse what is neither a DNS name nor an address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        if not _HOST.fullmatch(name):
            raise UsageError(f"'{name}' is neither a DNS name nor an IP address") from None


def check_address(address: str) -> None:
    """Refuse what cannot be listened on."""
    _, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"'{address}' is not a TCP address")
