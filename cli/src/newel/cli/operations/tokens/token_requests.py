"""A token for what the flags ask for: from the authority that is online, or from its files, or from neither."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from newel.cli.errors import UsageError
from newel.cli.operations import connection
from newel.cli.operations.tokens import provisioner_choice
from newel.cli.operations.tokens.one_time_tokens import token_of
from newel.cli.operations.tokens.signed_tokens import TokenRequest, sign

if TYPE_CHECKING:
    from newel.cli.operations.connection import AuthorityOptions
    from newel.cli.operations.tokens.provisioner_choice import Provisioner
    from newel.cli.operations.tokens.token_options import TokenOptions


class Place(NamedTuple):
    """Where a token is good: whose provisioners it may come from, and what it must name."""

    provisioners: Sequence["Provisioner"]
    audience: str
    """What stands before the method's path."""
    root: str
    """SHA-256 of the root, hex."""


def online(options: "AuthorityOptions") -> Place:
    """Ask the running authority."""
    url, root = connection.url_of(options), connection.root_pem(options)
    with connection.connect(options, url=url, root=root) as authority:
        found = provisioner_choice.list_all(authority)
    return Place(found, f"{url}/1.0", fingerprint_of(root))


def offline(options: "AuthorityOptions") -> Place:
    """Read ca.json; nothing is asked of the network."""
    from newel.cli.operations.offline.authority_files import AuthorityFiles

    files = AuthorityFiles.read(options.configuration)
    return Place(files.provisioners, f"https://{files.host}", fingerprint_of(files.root))


def fingerprint_of(root: str) -> str:
    """Return the fingerprint of the first certificate of a PEM text."""
    from newel.cli.operations.certificates.sources import bundle
    from newel.step.fingerprint import fingerprint

    return fingerprint(bundle(root.encode(), "the root certificate")[0].der)


def issue(
    options: "TokenOptions",
    path: str,
    subject: str,
    *,
    kinds: Sequence[str] = (),
    place: Place | None = None,
    provisioner: "Provisioner | None" = None,
    **claims: Any,
) -> str:
    """Return a token for the method at ``path`` ("sign", "ssh/renew" …); ``claims`` are TokenRequest's."""
    authority = options.authority
    if options.offline and place is None and not authority.configuration.is_file():
        return issue_alone(options, path, subject, **claims)
    place = place or (offline(authority) if options.offline else online(authority))
    chosen = provisioner or provisioner_choice.choose(options, place.provisioners, kinds)
    wanted = TokenRequest(subject, f"{place.audience}/{path}", place.root, **claims)
    return token_of(options, chosen, wanted)


def issue_alone(options: "TokenOptions", path: str, subject: str, **claims: Any) -> str:
    """Return a token from the options only: no authority is asked and none of its files is here."""
    from newel.cli.operations.keys.signing_keys import signing_key

    given = {"provisioner": options.provisioner, "kid": options.kid, "key": options.key}
    missing = next((flag for flag, value in given.items() if not value), None)
    if missing:
        raise UsageError(f"flag '--offline' requires the '--{missing}' flag")
    key = signing_key(str(options.key), options.password_file, options.kms)
    root = fingerprint_of(connection.root_pem(options.authority))
    url = connection.url_of(options.authority)
    wanted = TokenRequest(subject, f"{url}/1.0/{path}", root, **claims)
    return sign(wanted, key, kid=str(options.kid), issuer=str(options.provisioner))
