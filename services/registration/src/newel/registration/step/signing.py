"""``/sign``: a one-time token and a certification request become a certificate."""

import datetime as dt
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from newel.crypto import csr
from newel.crypto.dns_names import UNDERSCORES
from newel.proto.issuing.v1 import issuing_pb2 as pb
from newel.registration.errors import malformed, unauthorized
from newel.registration.issuance import Issuance, apply_template, general_name, put_must_staple
from newel.registration.one_time import UsedTokens, idempotency_key, use_once
from newel.registration.provisioners.grant import Grant, TokenUse
from newel.registration.provisioners.provisioner import Provisioner, TokenRules
from newel.registration.provisioners.registry import Provisioners
from newel.registration.step import validity
from newel.registration.step.subject import check_request
from newel.registration.step.validity import Validity
from newel.registration.trust import Trust
from newel.runtime.clock import Clock
from newel.runtime.errors import ErrorType, NewelError
from newel.step import tokens
from newel.step.messages import SignRequest

if TYPE_CHECKING:
    from newel.registration.provisioners.templates import LeafTemplate

_LONGEST_COMMON_NAME = 64  # ub-common-name, RFC 5280 appendix A.1
_COMMON_NAME = "2.5.4.3"


class Current(Protocol):
    """What may be replaced while running."""

    @property
    def provisioners(self) -> Provisioners:
        """Every provisioner now."""
        ...

    @property
    def trust(self) -> Trust:
        """The issuers now."""
        ...


class SignResult(NamedTuple):
    """A certificate and what the audit trail says of it."""

    certificate: pb.Certificate
    provisioner: str
    subject: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignService:
    """Decides on ``/sign``."""

    current: Current
    rules: TokenRules
    used: UsedTokens
    issuance: Issuance
    clock: Clock
    backdate: dt.timedelta
    latest_start: dt.timedelta

    async def sign(self, body: SignRequest, request_id: str) -> SignResult:
        """One certificate, or the refusal.

        1. the request's own signature; 2. the token, verified by the provisioner it names; 3. the
        request held against the grant; 4. the validity; 5. the provisioner's template, if it has one;
        6. the token is used up, which only now, with everything verified, costs its owner anything;
        7. the issuing authority.
        """
        request = read_request(body.csr)
        provisioner, grant = self._authorize(body.ott or "")
        check_request(request, grant)
        now = self.clock.now()
        period = validity.resolve(
            grant.limits,
            validity.Bounds(self.backdate, self.latest_start, self.current.trust.ends(now)),
            now,
            body.not_before or "",
            body.not_after or "",
        )
        digest_of = request.der + f"{body.not_before}\0{body.not_after}".encode()
        message = build_issue_request(provisioner, grant, request.spki, period, request_id)
        names = tuple(map(str, grant.names))
        if provisioner.template is not None:
            digest_of += bytes(body.template_data)
            names = shaped(message, provisioner.template, grant, request, body, self.clock.now())
        put_must_staple(message, request.extensions)
        await use_once(self.used, grant.use, digest_of, self.clock.unix(), durable=False)
        certificate = await complete_use(self.used, grant.use, self.issuance.issue(message))
        return SignResult(certificate, provisioner.name, grant.subject, names)

    def _authorize(self, ott: str) -> tuple[Provisioner, Grant]:
        if not ott:
            raise malformed("missing ott")
        token = read_token(ott)
        provisioner = self.current.provisioners.of_token(token)
        return provisioner, provisioner.authorize_sign(token, self.rules, self.clock.unix())


def read_request(text: str | None) -> csr.VerifiedRequest:
    """The certification request of a body, its signature verified. Raises the refusal."""
    if not text:
        raise malformed("missing csr")
    try:
        return csr.parse_request(text.encode(), UNDERSCORES)  # the grant decides on them
    except csr.CsrEncodingError as error:
        raise malformed("error decoding json", cause=str(error)) from None
    except csr.CsrSignatureError as error:
        raise malformed("invalid csr", cause=str(error)) from None
    except csr.CsrError as error:
        raise malformed(f"invalid csr: {error}") from None


def read_token(ott: str) -> tokens.UnverifiedToken:
    """A token within its bounds, unverified. Raises the refusal."""
    if len(ott) > tokens.LARGEST:
        raise NewelError(ErrorType.TOO_LARGE, "the token is too large")
    try:
        return tokens.parse(ott)
    except tokens.MalformedToken as error:
        raise unauthorized(str(error)) from None


async def complete_use(
    used: UsedTokens, use: TokenUse, work: Awaitable[pb.Certificate]
) -> pb.Certificate:
    """Awaits what a token is used for and closes the use, however it ends.

    An authority that is away leaves the use to the same request again; a refusal ends it.
    """
    try:
        certificate = await work
    except NewelError as error:
        if error.type is ErrorType.UNAVAILABLE:
            await used.release(use)
        else:
            used.finish(use)
        raise
    used.finish(use)
    return certificate


def build_issue_request(
    provisioner: Provisioner, grant: Grant, spki: bytes, period: Validity, request_id: str
) -> pb.Request:
    """The grant and the proved key as the issuing authority is asked for them."""
    fits = grant.subject and len(grant.subject) <= _LONGEST_COMMON_NAME
    return pb.Request(
        idempotency_key=idempotency_key(grant.use),
        profile=grant.profile,
        public_key=spki,
        subject=[pb.Attribute(oid=_COMMON_NAME, value=grant.subject)] if fits else [],
        names=[general_name(name) for name in grant.names],
        # without a start that was asked for the issuing authority backdates by its own clock
        not_before=_stamp(period.asked_start),
        not_after=_stamp(period.not_after),
        provisioner=provisioner.statement(grant.proof.credential_id, grant.proof.key_values),
        subject_of_proof=grant.proof.subject,
        request_id=request_id,
    )


def shaped(
    message: pb.Request,
    template: "LeafTemplate",
    grant: Grant,
    request: csr.VerifiedRequest,
    body: SignRequest,
    now: dt.datetime,
) -> tuple[str, ...]:
    """Puts what the template makes into the message, in place of the grant's; the names. Raises the refusal."""
    from newel.registration.provisioners.templates import TemplateInput

    granted = [str(name) for name in grant.names]
    user = bytes(body.template_data)
    made = template.shape(TemplateInput(grant.subject, granted, request, grant.payload, user), now)
    apply_template(message, made)
    return tuple(map(str, made.names))


def _stamp(time: dt.datetime | None) -> Timestamp | None:
    return None if time is None else Timestamp(seconds=int(time.timestamp()))
