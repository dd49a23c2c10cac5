"""Step 2 of issuance: check a request against its profile and issuer before anything is built.

The registration authority has authenticated the caller, but nothing that it says about the
certificate is trusted. Only an :class:`AcceptedRequest` can be built.
"""

import datetime as dt
import functools
import hashlib

from newel.crypto import distinguished_names, names
from newel.crypto.dns_names import InvalidNameError, NameRules
from newel.crypto.extensions import MUST_STAPLE, Extension
from newel.crypto.profile import ProfileError
from newel.issuing.issuers import Issuers
from newel.issuing.profiles import Profile, Profiles
from newel.issuing.requests import (
    IDEMPOTENCY_KEY_SIZES,
    AcceptedRequest,
    DecidedRequest,
    IssueRequest,
    Provisioner,
    RefusedRequest,
    RequestedName,
    malformed_error,
)
from newel.runtime.errors import ErrorType, NewelError
from newel.step import extension as step_extension

_MAX_PUBLIC_KEY_SIZE = 8 * 1024
_MAX_EXTENSION_SIZE = 8 * 1024
_MAX_TEXT_LENGTH = 1024
_MAX_SERIAL_SIZE = 20  # octets (RFC 5280 §4.1.2.2)


class Admission:
    """Checks requests for new certificates against the configuration."""

    def __init__(self, profiles: Profiles, issuers: Issuers) -> None:
        self._profiles = profiles
        self._issuers = issuers

    def decide(self, request: IssueRequest, now: dt.datetime) -> DecidedRequest:
        """Accept or refuse a request."""
        digest = hashlib.sha256(request.public_key).digest()
        try:
            return self._accept(request, digest, now)
        except NewelError as error:
            refusal = error
        except InvalidNameError as error:
            refusal = NewelError(ErrorType.REJECTED_IDENTIFIER, str(error))
        return RefusedRequest(request.idempotency_key, digest, request.request_id, refusal)

    def _accept(self, request: IssueRequest, digest: bytes, now: dt.datetime) -> AcceptedRequest:
        if len(request.idempotency_key) not in IDEMPOTENCY_KEY_SIZES:
            raise malformed_error("an idempotency key has 8 to 64 octets")
        if len(request.public_key) > _MAX_PUBLIC_KEY_SIZE:
            raise NewelError(ErrorType.BAD_PUBLIC_KEY, "the public key is too large")
        if len(request.subject_of_proof) > _MAX_TEXT_LENGTH:
            raise malformed_error("subject_of_proof is too long")
        if "\0" in request.subject_of_proof:
            raise malformed_error("subject_of_proof has the character U+0000")
        if request.replaces is not None and len(request.replaces) > _MAX_SERIAL_SIZE:
            raise malformed_error("replaces is no serial number")
        profile = self._profiles.get(request.profile)
        if request.key_usages or request.extended_key_usages:
            profile = profile.narrow(request.key_usages, request.extended_key_usages)
        issuer = self._issuers.select(now)
        if len(request.names) > profile.config.max_names:
            raise malformed_error(f"more than {profile.config.max_names} names")
        extensions = request.extensions
        if extensions:
            _check_extensions(extensions, profile)
        if profile.config.provisioner_extension:
            extensions += provisioner_extension(request.provisioner)
        san = tuple([_parse_name(each, profile.names) for each in request.names])
        subject = profile.shape.subject(request.subject, san)
        issuer.check_names(san, subject)
        return AcceptedRequest(
            idempotency_key=request.idempotency_key,
            profile=profile,
            issuer=issuer,
            public_key=request.public_key,
            key_digest=digest,
            subject=distinguished_names.encode(subject),
            names=san,
            validity=profile.validity(
                issuer, now, request.not_before, request.not_after, request.default_duration
            ),
            extensions=extensions,
            provisioner=request.provisioner,
            subject_of_proof=request.subject_of_proof,
            renewed_from=None,
            request_id=request.request_id,
            accepted_at=now,
            replaces=request.replaces,
        )


@functools.lru_cache(maxsize=1024)
def provisioner_extension(provisioner: Provisioner) -> tuple[Extension, ...]:
    """Return the step provisioner extension; none if the provisioner hides it.

    Raises ``malformed`` for a type that the extension has no number for.
    """
    if provisioner.hide_extension or not provisioner.type:
        return ()
    try:
        kind = step_extension.ProvisionerType[provisioner.type]
    except KeyError:
        raise malformed_error(f"there is no provisioner type {provisioner.type!r}") from None
    value = step_extension.ProvisionerExtension(
        kind, provisioner.name, provisioner.credential_id, provisioner.key_values
    ).encode()
    return (Extension(step_extension.OID, critical=False, value=value),)


def _check_extensions(given: tuple[Extension, ...], profile: Profile) -> None:
    if any(len(each.value) > _MAX_EXTENSION_SIZE for each in given):
        raise malformed_error("an extension is too large")
    if MUST_STAPLE in given and not profile.shape.must_staple:
        raise NewelError(
            ErrorType.BAD_CSR,
            "certificates that must be stapled (TLS feature 5) are not given here",
        )
    try:
        profile.shape.check_extensions(given)
    except ProfileError as error:
        raise malformed_error(str(error)) from None


def _parse_name(given: RequestedName, rules: NameRules) -> names.GeneralName:
    """Parse a name, which must be canonical: what was authorized is what is certified."""
    name: names.GeneralName
    match given:
        case ("dns", str(text)):
            name = names.dns_name(text, rules)
            canonical = name.value == text
        case ("ip", bytes(octets)):
            name = names.ip_octets(octets)
            canonical = name.value.packed == octets
        case ("email", str(text)):
            name = names.email_address(text)
            canonical = name.value == text
        case ("uri", str(text)):
            name = names.uri(text)
            canonical = name.value == text
        case ("permanent_identifier", str(text)):
            name = names.permanent_identifier(text)
            canonical = True
        case _:
            raise NewelError(ErrorType.UNSUPPORTED_IDENTIFIER, "a name of no known kind")
    if not canonical:
        raise NewelError(
            ErrorType.REJECTED_IDENTIFIER, f"the name {name} was not given in its canonical form"
        )
    return name
