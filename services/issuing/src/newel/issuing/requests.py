"""Step 2 of issuance: a request held against profile and issuer, before anything is built.

The registration authority has verified who asks; nothing it says about the certificate is taken
over unchecked. What passes is an :class:`AcceptedRequest`, and only that can be built.
"""

import datetime as dt
import functools
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto import distinguished_names, names
from newel.crypto.dns_names import InvalidNameError, NameRules
from newel.crypto.extensions import MUST_STAPLE, Extension
from newel.crypto.profile import ProfileError
from newel.issuing.config import STEP_EXTENSION
from newel.issuing.issuers import Issuer, Issuers
from newel.issuing.profiles import Profile, Profiles, Validity
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.runtime.errors import ErrorType, NewelError
from newel.step.extension import ProvisionerExtension, ProvisionerType

KEY_SIZES = range(8, 65)
"""Octets an idempotency key may have."""

_LARGEST_PUBLIC_KEY = 8 * 1024
_LARGEST_EXTENSION = 8 * 1024
_LONGEST_TEXT = 1024
_LONGEST_VALIDITY = 100 * 366 * 86_400  # seconds; the profiles' own bounds are far below


class AcceptedRequest(NamedTuple):
    """What will be built: everything a certificate of its profile says, but serial and signature."""

    idempotency_key: bytes
    profile: Profile
    issuer: Issuer
    public_key: bytes
    key_digest: bytes
    subject: bytes
    names: tuple[names.GeneralName, ...]
    validity: Validity
    extensions: tuple[Extension, ...]
    provisioner: bytes
    subject_of_proof: str
    renewed_from: bytes | None
    request_id: str
    accepted_at: dt.datetime


class Attempt(NamedTuple):
    """A request under its idempotency key: accepted, or refused already."""

    key: bytes
    key_digest: bytes
    request_id: str
    accepted: AcceptedRequest | NewelError

    @property
    def identity(self) -> tuple[bytes, bytes]:
        """What makes two attempts the same: an idempotency key never serves two public keys."""
        return self.key, self.key_digest


class Admission:
    """Holds requests for new certificates against the configuration."""

    def __init__(self, profiles: Profiles, issuers: Issuers) -> None:
        self._profiles = profiles
        self._issuers = issuers

    def attempt(self, request: pb.Request, now: dt.datetime) -> Attempt:
        """The request as an attempt; a refusal inside says what it failed at."""
        digest = hashlib.sha256(request.public_key).digest()
        accepted: AcceptedRequest | NewelError
        try:
            accepted = self._accept(request, digest, now)
        except NewelError as error:
            accepted = error
        except InvalidNameError as error:
            accepted = NewelError(ErrorType.REJECTED_IDENTIFIER, str(error))
        return Attempt(request.idempotency_key, digest, request.request_id, accepted)

    def _accept(self, request: pb.Request, digest: bytes, now: dt.datetime) -> AcceptedRequest:
        if len(request.idempotency_key) not in KEY_SIZES:
            raise _malformed("an idempotency key has 8 to 64 octets")
        if len(request.public_key) > _LARGEST_PUBLIC_KEY:
            raise NewelError(ErrorType.BAD_PUBLIC_KEY, "the public key is too large")
        if len(request.subject_of_proof) > _LONGEST_TEXT:
            raise _malformed("subject_of_proof is too long")
        if "\0" in request.subject_of_proof:
            raise _malformed("subject_of_proof has the character U+0000")
        profile = self._profiles.get(request.profile)
        if request.key_usages or request.extended_key_usages:
            profile = profile.narrowed(request.key_usages, request.extended_key_usages)
        issuer = self._issuers.issuing(now)
        if len(request.names) > profile.config.max_names:
            raise _malformed(f"more than {profile.config.max_names} names")
        provisioner = request.provisioner.SerializeToString(deterministic=True)
        given = _given(request.extensions, profile)
        if profile.config.provisioner_extension:
            given += provisioner_extension(provisioner)
        san = tuple([_name(each, profile.names) for each in request.names])
        given_subject = [
            distinguished_names.Attribute(each.oid, each.value) for each in request.subject
        ]
        subject = profile.shape.subject(given_subject, san)
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
                issuer,
                now,
                _time(request.not_before) if request.HasField("not_before") else None,
                _time(request.not_after) if request.HasField("not_after") else None,
                _length(request.usual_validity_seconds),
            ),
            extensions=given,
            provisioner=provisioner,
            subject_of_proof=request.subject_of_proof,
            renewed_from=None,
            request_id=request.request_id,
            accepted_at=now,
        )


@functools.lru_cache(maxsize=1024)
def provisioner_extension(provisioner: bytes) -> tuple[Extension, ...]:
    """The step provisioner extension for a serialised ``Provisioner``; none if it is to be hidden.

    Raises ``malformed`` for a type the extension has no number for.
    """
    said = pb.Provisioner.FromString(provisioner)
    if said.hide_extension or not said.type:
        return ()
    try:
        kind = ProvisionerType[said.type]
    except KeyError:
        raise _malformed(f"there is no provisioner type {said.type!r}") from None
    pairs = tuple(sorted(said.key_values.items()))
    value = ProvisionerExtension(kind, said.name, said.credential_id, pairs).encode()
    return (Extension(STEP_EXTENSION, critical=False, value=value),)


def _given(extensions: Sequence[pb.Extension], profile: Profile) -> tuple[Extension, ...]:
    if not extensions:
        return ()
    given = tuple(Extension(each.oid, each.critical, each.value) for each in extensions)
    if any(len(each.value) > _LARGEST_EXTENSION for each in given):
        raise _malformed("an extension is too large")
    if MUST_STAPLE in given and not profile.shape.must_staple:
        raise NewelError(
            ErrorType.BAD_CSR,
            "certificates that must be stapled (TLS feature 5) are not given here",
        )
    try:
        profile.shape.check_extensions(given)
    except ProfileError as error:
        raise _malformed(str(error)) from None
    return given


def _name(given: pb.GeneralName, rules: NameRules) -> names.GeneralName:
    """The name, which must have been canonical: what was authorised is what is certified."""
    kind = given.WhichOneof("name")
    name: names.GeneralName
    if kind == "dns":
        name = names.dns_name(given.dns, rules)
        canonical = name.value == given.dns
    elif kind == "ip":
        name = names.ip_octets(given.ip)
        canonical = name.value.packed == given.ip
    elif kind == "email":
        name = names.email_address(given.email)
        canonical = name.value == given.email
    elif kind == "uri":
        name = names.uri(given.uri)
        canonical = name.value == given.uri
    else:
        raise NewelError(ErrorType.UNSUPPORTED_IDENTIFIER, "a name of no known kind")
    if not canonical:
        raise NewelError(ErrorType.REJECTED_IDENTIFIER, f"the name {name} was not given like this")
    return name


def _time(stamp: Timestamp) -> dt.datetime:
    try:
        return dt.datetime.fromtimestamp(stamp.seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        raise _malformed("a time outside of the years 1 to 9999") from None


def _length(seconds: int) -> dt.timedelta | None:
    if not 0 <= seconds <= _LONGEST_VALIDITY:
        raise _malformed("a validity of no possible length")
    return dt.timedelta(seconds=seconds) or None


def _malformed(detail: str) -> NewelError:
    return NewelError(ErrorType.MALFORMED, detail)
