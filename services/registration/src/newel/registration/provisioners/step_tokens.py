"""Tokens that the step tools make for a provisioner with a key of the client's own."""

import datetime as dt

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from newel.crypto.keys import PublicKey
from newel.jose.errors import AlgorithmMismatchError, InvalidSignatureError
from newel.registration.errors import unauthorized_error
from newel.registration.provisioners.provisioner import TokenRules, check_times
from newel.step.audiences import Method
from newel.step.tokens import Token, UnverifiedToken


class TokenDetails:
    """What clients read in a 401, by the step that failed; ``""`` is the general text."""

    signature = ""
    claims = ""


def verify(
    token: UnverifiedToken,
    key: PublicKey | X25519PublicKey,
    rules: TokenRules,
    method: Method,
    now: dt.datetime,
    *,
    issuer: str,
    fragment: str = "",
    details: type[TokenDetails] = TokenDetails,
) -> Token:
    """Verify a token. Raises ``unauthorized``.

    1. the signature; 2. the times; 3. the issuer, which is the provisioner's name; 4. the audience with
    the ``fragment`` that names the provisioner; 5. there is a subject.
    """
    try:
        verified = token.verify(key)
    except (InvalidSignatureError, AlgorithmMismatchError) as error:
        raise unauthorized_error(str(error), detail=details.signature) from None
    check_times(verified, now, rules.max_duration, detail=details.claims)
    claims = verified.claims
    if claims.iss != issuer:
        raise unauthorized_error(
            "the token's issuer is not this provisioner (iss)", detail=details.claims
        )
    if not rules.audiences.accepts(method, claims.audience, fragment):
        raise unauthorized_error("the token is for another audience (aud)")
    if not claims.sub:
        raise unauthorized_error("the token has no subject (sub)")
    return verified


def require_x509(token: Token) -> None:
    """Raise ``unauthorized`` for a token that is for an SSH certificate; its audience may be ``/sign``."""
    step = token.claims.step
    if step is not None and step.ssh is not None:
        raise unauthorized_error("the token is for an SSH certificate (step.ssh)")
