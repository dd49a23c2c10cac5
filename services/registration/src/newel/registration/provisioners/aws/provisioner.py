"""AWS provisioners: a token keyed by the signature of the instance's identity document.

The instance makes the token itself, by HMAC with the document's signature as the key (RFC 7515, HS256). What
AWS vouches for is the document; the token adds the subject and the audience.
"""

import datetime as dt

import msgspec

from newel.jose.errors import JOSEError
from newel.registration.errors import unauthorized_error
from newel.registration.provisioners.aws.document_keys import published_keys, read_keys
from newel.registration.provisioners.aws.documents import (
    IdentityDocument,
    InvalidDocumentError,
    verify_document,
)
from newel.registration.provisioners.grant import Grant
from newel.registration.provisioners.instances import (
    Instance,
    InstanceProvisioner,
    check_age,
    parse_age,
)
from newel.registration.provisioners.provisioner import ProvisionerContext, TokenRules, check_times
from newel.step.audiences import Method
from newel.step.provisioners import AWSProvisionerConfig
from newel.step.tokens import Token, UnverifiedToken

_ISSUER = "ec2.amazonaws.com"


class _Amazon(msgspec.Struct):
    """The identity document and its signature, each in base64."""

    document: bytes = b""
    signature: bytes = b""


class _Claims(msgspec.Struct):
    amazon: _Amazon


_claims = msgspec.json.Decoder(_Claims)


class AWSProvisioner(InstanceProvisioner):
    """One AWS provisioner."""

    def __init__(self, record: AWSProvisionerConfig, context: ProvisionerContext) -> None:
        super().__init__(record, context)
        self._accounts = frozenset(record.accounts or ())
        self._longest_age = parse_age(record.instance_age)
        self._keys = read_keys(record.iid_roots) if record.iid_roots else published_keys()

    def accepts(self, credential_id: str) -> bool:
        """Tell whether a certificate was admitted for an account that is still listed."""
        return not self._accounts or credential_id in self._accounts

    def identify(
        self, token: UnverifiedToken, rules: TokenRules, now: dt.datetime, method: Method
    ) -> Instance:
        """Verify a token and return the instance that it proves.

        1. the token's own HMAC; 2. AWS's signature of the document; 3. issuer, audience, times and
        subject; 4. account and age of the instance.
        """
        verified, document = self._verify(token)
        check_times(verified, now, rules.max_duration)
        claims = verified.claims
        if claims.iss != _ISSUER:
            raise unauthorized_error(f"the token's issuer is not {_ISSUER} (iss)")
        if not rules.audiences.accepts(method, claims.audience, self.id):
            raise unauthorized_error("the token is for another audience (aud)")
        if not claims.sub:
            raise unauthorized_error("the token has no subject (sub)")
        own_names = (document.private_name, document.private_ip)
        if self._has_own_names_only and claims.sub not in {document.instance_id, *own_names}:
            raise unauthorized_error("the token's subject is not the instance (sub)")
        if self._accounts and document.account_id not in self._accounts:
            raise unauthorized_error("the instance is of another account")
        check_age(document.pending_time, self._longest_age, now)
        reference = self.reference(document.account_id, (("InstanceID", document.instance_id),))
        id = document.instance_id  # noqa: A001 - AWS calls it the id
        return Instance(verified, id, claims.sub, own_names, (claims.sub,), reference, id)

    def grant(self, instance: Instance) -> Grant:
        """Grant names: here the request's common name is the subject, whichever names it may have."""
        return super().grant(instance)._replace(common_names=(instance.subject,))

    def _verify(self, token: UnverifiedToken) -> tuple[Token, IdentityDocument]:
        try:
            amazon = _claims.decode(token.payload).amazon
        except (ValueError, RecursionError):
            raise unauthorized_error("the token has no identity document (amazon)") from None
        try:
            verified = token.verify_mac(amazon.signature, "HS256")
            return verified, verify_document(amazon.document, amazon.signature, self._keys)
        except (JOSEError, InvalidDocumentError) as error:
            raise unauthorized_error(str(error)) from None
