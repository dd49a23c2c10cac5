"""CertificateSigningRequests (certificates.k8s.io/v1) whose signer is one of our cluster issuers.

The signer of a cluster issuer is ``newelclusterissuers.newel.dev/NAME``. A request is signed once it is
approved. The API has no state for a request that waits: the reason is told by an event. Failed is final.
"""

import datetime as dt
from dataclasses import dataclass

import msgspec

from newel.kubernetes import conditions
from newel.kubernetes.api import Object
from newel.kubernetes.errors import InvalidRequestError, shorten
from newel.kubernetes.issuance import ResourceRequest
from newel.kubernetes.issuers import IssuerKey
from newel.kubernetes.kinds import CLUSTER_ISSUER, SIGNER, SIGNING_REQUEST, Kind
from newel.kubernetes.requests import Verdict

APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    request: bytes
    usages: tuple[str, ...]
    username: str = ""
    expiration_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class SigningRequests:
    """The contract of certificates.k8s.io."""

    kind: Kind = SIGNING_REQUEST

    def find_issuer(self, found: Object) -> IssuerKey | None:
        """Return the cluster issuer that the signer's name names."""
        spec: Object = found.get("spec") or {}
        return find_signer(spec)

    def has_ended(self, found: Object) -> bool:
        """Tell whether a request is signed, denied or failed."""
        state = conditions.read(found)
        status: Object = found.get("status") or {}
        ended = conditions.is_true(state, FAILED) or conditions.is_true(state, DENIED)
        return bool(status.get("certificate")) or ended

    def read_mark(self, found: Object) -> tuple[str, bool]:
        """Return the object's identity, and whether it is approved."""
        return found["metadata"].get("uid", ""), self.judge(found)

    def judge(self, found: Object) -> bool:
        """Return whether a request is approved; a denied one has ended."""
        return conditions.is_true(conditions.read(found), APPROVED)

    def read(self, found: Object) -> ResourceRequest:
        """Read what a request asks for. Raises InvalidRequestError."""
        try:
            spec = msgspec.convert(found["spec"], _Spec)
        except msgspec.ValidationError as error:
            raise InvalidRequestError(
                f"The request cannot be read: {shorten(str(error))}."
            ) from None
        seconds = spec.expiration_seconds
        duration = dt.timedelta(seconds=seconds) if seconds is not None else None
        facts = {
            "kind": self.kind.name,
            "namespace": "",
            "name": found["metadata"]["name"],
            "username": spec.username,
            "usages": list(spec.usages),
        }
        return ResourceRequest(spec.request, duration, spec.usages, facts)

    def make_status(self, found: Object, verdict: Verdict, now: dt.datetime) -> Object | None:
        """Return the certificate, or the condition Failed; {} while the request waits."""
        del found
        if verdict.outcome == "postponed":
            return {}
        if verdict.issued:
            return {"certificate": msgspec.to_builtins(verdict.issued.chain)}
        reason = "InvalidRequest" if verdict.invalid else "Refused"
        failed = conditions.make([], FAILED, "True", reason, verdict.message, now)
        return {"conditions": [failed | {"lastUpdateTime": failed["lastTransitionTime"]}]}


def find_signer(spec: Object) -> IssuerKey | None:
    """Return the cluster issuer whose signer a spec names, None for other signers."""
    prefix, _, name = str(spec.get("signerName", "")).partition("/")
    return IssuerKey(CLUSTER_ISSUER, ("", name)) if prefix == SIGNER and name else None
