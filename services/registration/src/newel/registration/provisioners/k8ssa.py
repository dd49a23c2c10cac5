"""K8sSA provisioners: the service account tokens of Kubernetes pods.

Legacy tokens never expire and are verified by the cluster's public key. Bound tokens name an audience, a
pod and an end, and are verified by the cluster's published keys, by a review of its API server, or both.
"""

import base64
import datetime as dt
import hashlib
from collections.abc import Awaitable, Iterable, Sequence
from functools import partial

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from newel.crypto import armor
from newel.crypto.keys import PublicKey
from newel.jose import base64url, jws
from newel.jose.errors import InvalidSignatureError, JOSEError
from newel.registration.errors import unauthorized_error
from newel.registration.provisioners.grant import (
    Grant,
    LeafKind,
    NameRule,
    RevocationGrant,
    TokenUse,
)
from newel.registration.provisioners.k8ssa_claims import (
    LEGACY_ISSUER,
    Account,
    read_account,
    template_variables,
)
from newel.registration.provisioners.k8ssa_review import (
    Reviewer,
    Verdict,
    require_authenticated,
    review_url,
)
from newel.registration.provisioners.key_set_cache import CachedKeySet
from newel.registration.provisioners.key_set_sources import (
    Access,
    discovery_url,
    require_https,
    share_discovered,
    share_key_set,
)
from newel.registration.provisioners.provisioner import (
    Provisioner,
    ProvisionerContext,
    Selector,
    TokenRules,
    check_times,
    token_use,
)
from newel.registration.provisioners.ssh_grant import BOTH, SSHChoice, SSHGrant
from newel.step.audiences import Method
from newel.step.provisioners import K8sSANewel, K8sSAProvisionerConfig
from newel.step.tokens import Token, UnverifiedToken

_MAX_KEYS = 64


class K8sSAProvisioner(Provisioner):
    """One K8sSA provisioner."""

    def __init__(self, record: K8sSAProvisionerConfig, context: ProvisionerContext) -> None:
        """Read the record. Raises ValueError for one that can verify no token."""
        super().__init__(record, context)
        own = record.newel or K8sSANewel()
        self._own = own
        self._public_keys = _read_keys(record.public_keys or "")
        if not self._public_keys and not own.issuer:
            raise ValueError(
                "K8s Service Account provisioner cannot be initialized without pub keys"
            )
        access = Access(own.ca_file, own.token_file)
        if own.issuer == LEGACY_ISSUER:
            raise ValueError(
                f"newel.issuer: {LEGACY_ISSUER} is the issuer of legacy tokens, which publicKeys verify"
            )
        self._key_set = self._share_keys(context, access) if own.issuer else None
        self._reviewer = _reviewer(own, context, access) if own.token_review_url else None
        self._fragment = f"k8ssa/{record.name}"
        self._reviewed: tuple[bytes, Verdict] | None = None
        self._reference = super().reference()

    def _share_keys(self, context: ProvisionerContext, access: Access) -> CachedKeySet | None:
        """Return the published keys; None where others verify or the API server reviews."""
        own = self._own
        if own.jwks_url:
            try:
                require_https(own.jwks_url)
            except ValueError as error:
                raise ValueError(f"newel.jwksURL: {error}") from None
            return share_key_set(context.key_sets, own.jwks_url, access)
        if self._public_keys or own.token_review_url:
            return None
        try:
            url = discovery_url(own.issuer)
        except ValueError as error:
            raise ValueError(f"newel.issuer: {error}") from None
        return share_discovered(context.key_sets, url, access)

    @property
    def problem(self) -> str:
        """Why no bound token can be verified now; ``""`` when they can."""
        return self._key_set.problem if self._key_set is not None else ""

    @property
    def selectors(self) -> Sequence[Selector]:
        """Return the issuers of its tokens, and the fragment that an audience may have."""
        found = [("iss", LEGACY_ISSUER)] if self._public_keys else []
        if self._own.issuer:
            found += [("iss", self._own.issuer), ("id", self._fragment)]
        return found

    def prepare(self, token: UnverifiedToken) -> Awaitable[None] | None:
        """Return the fetch of the cluster's keys, or the review, that a bound token needs."""
        if token.unverified.iss == LEGACY_ISSUER:
            return None
        keys = self._key_set
        fetch = keys.prepare(token.header.kid or "") if keys is not None else None
        return fetch if self._reviewer is None else self._review(self._reviewer, fetch, token)

    async def _review(
        self, reviewer: Reviewer, fetch: Awaitable[None] | None, token: UnverifiedToken
    ) -> None:
        """Have a token reviewed; one whose signature is wrong does not reach the API server."""
        if fetch is not None:
            await fetch
        if self._key_set is not None or self._public_keys:
            self._verify_signature(token)
        text = f"{token.signed.decode()}.{base64url.encode(token.signature)}"
        audiences = self._own.audiences or token.unverified.audience
        verdict = await reviewer.review(text, audiences)
        # one place, whatever comes of the request: authorize_* follows without another task in between
        self._reviewed = token.signed, verdict

    def authorize_sign(self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime) -> Grant:
        """Verify a token and return its grant: the account may ask for any name.

        A legacy token may be used again; a bound one obtains one certificate.
        """
        verified, account = self._identify(token, rules, now)
        return self._grant(verified, account)

    def _identify(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> tuple[Token, Account]:
        verified = self._verify(token, rules, now)
        is_bound = verified.claims.iss != LEGACY_ISSUER
        return verified, read_account(verified.payload, verified.claims.sub, is_bound=is_bound)

    def _grant(self, verified: Token, account: Account) -> Grant:
        return Grant(
            provisioner=self._reference,
            use=self._use(verified),
            subject=account.serviceaccount.name,
            names=(),
            common_names=None,
            limits=self.limits,
            profile=self.profile,
            payload=verified.payload,
            name_rule=NameRule.FROM_REQUEST,
            leaf=LeafKind.ADMIN,
            template_data=template_variables(account),
        )

    def authorize_ssh_sign(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> SSHGrant:
        """Verify a token and return its grant: the account may ask for any type and names."""
        self.require_ssh()
        verified, account = self._identify(token, rules, now)
        return SSHGrant(
            provisioner=self._reference,
            use=self._use(verified),
            subject=account.serviceaccount.name,
            types=BOTH,
            type="user",
            key_id=account.serviceaccount.name,
            principals=(),
            limits=self.limits,
            identity=partial(self._grant, verified, account),
            choice=SSHChoice.ALL,
            payload=verified.payload,
            template_data=template_variables(account),
        )

    def authorize_revoke(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime
    ) -> RevocationGrant:
        """Refuse: a service account token names no serial, and no account owns another's certificate."""
        self._verify(token, rules, now)
        raise unauthorized_error("service account tokens revoke no certificates")

    def _use(self, token: Token) -> TokenUse | None:
        if token.claims.iss == LEGACY_ISSUER or self._own.allow_reuse:
            return None
        return token_use(self.id, token)

    def _verify(self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime) -> Token:
        """Verify signature, times, issuer and audience. Raises NewelError."""
        reviewed, self._reviewed = self._reviewed, None
        is_legacy = token.unverified.iss == LEGACY_ISSUER and bool(self._public_keys)
        if not is_legacy and token.unverified.iss != self._own.issuer:
            raise unauthorized_error("the token's issuer is not the cluster's (iss)")
        verified = self._verify_signature(token)
        check_times(verified, now, None if is_legacy else rules.max_duration)
        claims = verified.claims
        if not claims.sub:
            raise unauthorized_error("k8sSA token subject cannot be empty")
        # an API server may issue bound tokens under the legacy issuer, for audiences of their own
        if (claims.audience or not is_legacy) and not self._is_for_us(claims.audience, rules):
            raise unauthorized_error("the token is for another audience (aud)")
        if not is_legacy and self._reviewer is not None:
            audiences = self._own.audiences or claims.audience
            verdict = reviewed[1] if reviewed and reviewed[0] == token.signed else Verdict()
            require_authenticated(verdict, claims.sub, audiences)
        return verified

    def _is_for_us(self, audience: Sequence[str], rules: TokenRules) -> bool:
        if self._own.audiences:
            return not set(self._own.audiences).isdisjoint(audience)
        accepts = rules.audiences.accepts
        return accepts(Method.SIGN, audience) or accepts(Method.SIGN, audience, self._fragment)

    def _verify_signature(self, token: UnverifiedToken) -> Token:
        """Verify the signature where keys are known; without any, the review does it."""
        if self._key_set is not None and token.unverified.iss != LEGACY_ISSUER:
            return self._key_set.verify(token)[0]
        if self._public_keys:
            return _verify_by(self._public_keys, token)
        if self._reviewer is None:
            raise unauthorized_error("there is nothing to verify the token by")
        identity = hashlib.sha256(token.signed).digest()
        return Token(token.unverified, token.header, token.payload, identity)


def _reviewer(own: K8sSANewel, context: ProvisionerContext, access: Access) -> Reviewer:
    if context.outgoing is None:
        raise ValueError("tokens are not reviewed here")
    try:
        return Reviewer(context.outgoing, review_url(own.token_review_url), access)
    except ValueError as error:
        raise ValueError(f"newel.tokenReviewURL: {error}") from None


def _verify_by(keys: Iterable[PublicKey], token: UnverifiedToken) -> Token:
    for key in keys:
        try:
            return token.verify(key)
        except InvalidSignatureError:
            continue
    raise unauthorized_error("error validating k8sSA token and extracting claims")


def _read_keys(encoded: str) -> tuple[PublicKey, ...]:
    """Read the public keys of a PEM bundle in base64. Raises ValueError."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise ValueError("publicKeys: it is not base64") from None
    found: list[PublicKey] = []
    for block in armor.blocks(data):
        try:
            key = load_pem_public_key(block.text)
            found.append(jws.require_verifying_key(key))
        except (JOSEError, ValueError, UnsupportedAlgorithm):
            raise ValueError("publicKeys: one of the blocks is not a usable public key") from None
    if len(found) > _MAX_KEYS:
        raise ValueError(f"publicKeys: more than {_MAX_KEYS} keys")
    if encoded and not found:
        raise ValueError("publicKeys: there is no PEM block")
    return tuple(found)
