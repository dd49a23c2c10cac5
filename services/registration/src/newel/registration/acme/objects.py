"""Records as the objects of RFC 8555 §7.1, for clients."""

from collections.abc import Sequence

import msgspec

from newel.acme import messages
from newel.acme.challenges import DNS_PERSIST_01
from newel.acme.problems import Problem
from newel.registration.acme import validity
from newel.registration.acme.ids import derive_token
from newel.registration.acme.records import (
    Account,
    Authorization,
    AuthorizationStatus,
    ChallengeStatus,
    Order,
    OrderStatus,
)
from newel.registration.acme.urls import URLs
from newel.registration.provisioners.acme import ACMEProvisioner

_problem = msgspec.json.Decoder(Problem)


def directory(urls: URLs, provisioner: ACMEProvisioner) -> messages.Directory:
    """Describe the directory of one provisioner (§7.1.1)."""
    meta = messages.Meta(
        provisioner.terms_of_service or None,
        provisioner.website or None,
        provisioner.caa_identities,
        provisioner.require_external_account,
        provisioner.profiles,
        provisioner.subdomains,
    )
    return messages.Directory(
        urls.to("new-nonce"),
        urls.to("new-account"),
        urls.to("new-order"),
        urls.to("revoke-cert"),
        urls.to("key-change"),
        None if meta == messages.Meta() else meta,
        urls.to("renewal-info"),
        urls.to("new-authz") if provisioner.preauthorization else None,
    )


def account(urls: URLs, found: Account) -> messages.Account:
    """Describe an account (§7.1.2)."""
    terms_agreed = bool(found.terms_agreed)
    return messages.Account(found.status, urls.orders(found.id), found.contact, terms_agreed)


def order(urls: URLs, found: Order) -> messages.Order:
    """Describe an order (§7.1.3)."""
    return messages.Order(
        found.status,
        list(found.identifiers),
        [urls.named_authorization(each) for each in found.authorizations]
        or [urls.authorization(found.id, position) for position in range(len(found.identifiers))],
        urls.finalize(found.id),
        validity.text(found.expires_at),
        *validity.requested_times(found),
        None if found.error is None else _problem.decode(found.error),
        urls.certificate(found.id) if found.status is OrderStatus.VALID else None,
        found.replaces,
        found.profile,
    )


def authorization(
    urls: URLs, found: Authorization, offered: Sequence[str], identities: Sequence[str]
) -> messages.Authorization:
    """Describe an authorization (§7.1.4); a decided one with the challenge that decided it."""
    if found.status is not AuthorizationStatus.PENDING and found.challenge is not None:
        offered = (found.challenge,)
    elif found.is_approved:
        offered = offered[:1]  # some clients read the one that is valid
    return messages.Authorization(
        found.status,
        found.identifier,
        [challenge(urls, found, kind, identities) for kind in offered],
        validity.text(found.expires_at),
        found.wildcard,
        found.subdomains,
    )


def challenge(
    urls: URLs, found: Authorization, kind: str, identities: Sequence[str]
) -> messages.Challenge:
    """Describe a challenge of an authorization (§7.1.5). ``identities`` are the authority's, in DNS records."""
    is_attempted = found.challenge == kind or found.is_approved
    shown = messages.Challenge(
        kind,
        urls.challenge(found.order_id, found.position, kind),
        ChallengeStatus.PENDING,
        derive_token(found.seed, kind),
    )
    if kind == DNS_PERSIST_01:
        shown.token, shown.account_uri = "", urls.account(found.account)
        shown.issuer_domain_names = [each.lower() for each in identities]
    if is_attempted and found.validated_at is not None:
        shown.status, shown.validated = ChallengeStatus.VALID, validity.text(found.validated_at)
    elif found.status is not AuthorizationStatus.PENDING:
        shown.status = ChallengeStatus.INVALID
    elif is_attempted:
        shown.status = ChallengeStatus.PROCESSING
    if is_attempted and found.error is not None:
        shown.error = _problem.decode(found.error)
    return shown
