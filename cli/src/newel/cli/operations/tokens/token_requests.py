"""A token for what the flags ask for: from the authority that is online, or from its files, or from neither."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import UsageError
from newel.cli.operations import connection
from newel.cli.operations.tokens import provisioner_choice
from newel.cli.operations.tokens.one_time_tokens import (
    TokenRequest,
    password_file,
    signed,
    token_of,
)

if TYPE_CHECKING:
    from newel.cli.operations.tokens.provisioner_choice import Provisioner
    from newel.cli.options.invocation import Invocation


class Place(NamedTuple):
    """Where a token is good: whose provisioners it may come from, and what it must name."""

    provisioners: Sequence["Provisioner"]
    audience: str
    """What stands before the method's path."""
    root: str
    """SHA-256 of the root, hex."""


def online(call: "Invocation") -> Place:
    """What the running authority says."""
    url, root = connection.url_of(call), connection.root_pem(call)
    with connection.connected(call, url=url, root=root) as authority:
        found = provisioner_choice.every(authority)
    return Place(found, f"{url}/1.0", fingerprint_of(root))


def offline(call: "Invocation") -> Place:
    """What ca.json says; nothing is asked of the network."""
    from newel.cli.operations.offline.authority_files import AuthorityFiles

    files = AuthorityFiles.read(call)
    return Place(files.provisioners, f"https://{files.host}", fingerprint_of(files.root))


def fingerprint_of(root: str) -> str:
    """The fingerprint of the first certificate of a PEM text."""
    from newel.cli.operations.certificates.sources import bundle
    from newel.step.fingerprint import fingerprint

    return fingerprint(bundle(root.encode(), "the root certificate")[0].der)


def issue(
    call: "Invocation",
    path: str,
    subject: str,
    *,
    kinds: Sequence[str] = (),
    place: Place | None = None,
    provisioner: "Provisioner | None" = None,
    **claims: Any,
) -> str:
    """A token for the method at ``path`` ("sign", "ssh/renew" …); ``claims`` are TokenRequest's."""
    away = call.known("offline") and call.on("offline")
    if away and place is None and not has_files(call):
        return alone(call, path, subject, **claims)
    place = place or (offline(call) if away else online(call))
    chosen = provisioner or provisioner_choice.choose(call, place.provisioners, kinds)
    wanted = TokenRequest(subject, f"{place.audience}/{path}", place.root, **claims)
    return token_of(call, chosen, wanted)


def has_files(call: "Invocation") -> bool:
    """Whether the authority's own configuration is on this machine."""
    from newel.cli.operations.offline.authority_files import configuration_of

    return configuration_of(call).is_file()


def alone(call: "Invocation", path: str, subject: str, **claims: Any) -> str:
    """A token from flags only: no authority is asked and none of its files is here (API-21)."""
    from newel.cli.operations.keys.kms import service, signing_key

    for flag in ("provisioner", "kid", "key"):
        if not call.get(flag):
            raise UsageError(f"flag '--offline' requires the '--{flag}' flag")
    key = signing_key(call.require("key"), password_file(call), service(call))
    root = fingerprint_of(connection.root_pem(call))
    wanted = TokenRequest(subject, f"{connection.url_of(call)}/1.0/{path}", root, **claims)
    return signed(wanted, key, kid=call.require("kid"), issuer=call.require("provisioner"))
