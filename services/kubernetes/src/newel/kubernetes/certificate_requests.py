"""CertificateRequests of cert-manager that name one of our issuers.

What each state means is cert-manager's contract for external issuers: nothing is done before a request is
approved; Ready is False with the reason Pending while there is hope, and Failed, with failureTime, where
there is none. A request that came to an end is not touched again.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from newel.durations.go import parse_duration
from newel.kubernetes import conditions
from newel.kubernetes.api import Object
from newel.kubernetes.errors import InvalidRequestError, RefusalError, shorten
from newel.kubernetes.issuance import ResourceRequest
from newel.kubernetes.issuers import IssuerKey
from newel.kubernetes.kinds import CERTIFICATE_REQUEST, Kind
from newel.kubernetes.requests import Verdict

APPROVED, DENIED, READY, INVALID = "Approved", "Denied", "Ready", "InvalidRequest"
_ENDED = frozenset({"Issued", "Failed", "Denied"})


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    request: bytes
    duration: str | None = None
    is_ca: bool = msgspec.field(default=False, name="isCA")
    usages: tuple[str, ...] = ("digital signature", "key encipherment")


@dataclass(frozen=True, slots=True)
class CertificateRequests:
    """The contract of cert-manager, for issuers of these kinds."""

    issuers: Sequence[Kind]
    kind: Kind = CERTIFICATE_REQUEST

    def find_issuer(self, found: Object) -> IssuerKey | None:
        """Return the issuer that a request names; an empty group is cert-manager's own."""
        spec: Object = found.get("spec") or {}
        reference: Object = spec.get("issuerRef") or {}
        named = reference.get("group"), reference.get("kind")
        for kind in self.issuers:
            if (kind.group, kind.name) == named:
                namespace = found["metadata"].get("namespace", "") if kind.namespaced else ""
                return IssuerKey(kind, (namespace, reference.get("name", "")))
        return None

    def has_ended(self, found: Object) -> bool:
        """Tell whether a request is issued, failed, denied or invalid."""
        state = conditions.read(found)
        ready = conditions.find(state, READY)
        return conditions.is_true(state, INVALID) or ready.get("reason") in _ENDED

    def read_mark(self, found: Object) -> tuple[str, bool, bool]:
        """Return the object's identity, and whether it is approved or denied."""
        state = conditions.read(found)
        uid = found["metadata"].get("uid", "")
        return uid, conditions.is_true(state, APPROVED), conditions.is_true(state, DENIED)

    def judge(self, found: Object) -> Verdict | bool:
        """Return the verdict on a denied request, else whether it is approved."""
        state = conditions.read(found)
        if conditions.is_true(state, DENIED):
            said = conditions.find(state, DENIED).get("message") or "no reason given"
            return Verdict("denied", "Denied", f"The request was denied: {said}.")
        return conditions.is_true(state, APPROVED)

    def read(self, found: Object) -> ResourceRequest:
        """Read what a request asks for. Raises InvalidRequestError or RefusalError."""
        try:
            spec = msgspec.convert(found["spec"], _Spec)
            duration = parse_duration(spec.duration) if spec.duration else None
        except (msgspec.ValidationError, ValueError, OverflowError) as error:
            raise InvalidRequestError(
                f"The request cannot be read: {shorten(str(error))}."
            ) from None
        if spec.is_ca:
            raise RefusalError("An authority's certificate (isCA) is never issued to the cluster.")
        if duration is not None and duration <= dt.timedelta(0):
            raise InvalidRequestError("spec.duration: it is not longer than nothing.")
        metadata = found["metadata"]
        annotations: Mapping[str, str] = metadata.get("annotations") or {}
        facts = {
            "kind": self.kind.name,
            "namespace": metadata.get("namespace", ""),
            "name": metadata["name"],
            "certificate": annotations.get("cert-manager.io/certificate-name", ""),
            "usages": list(spec.usages),
        }
        return ResourceRequest(spec.request, duration, spec.usages, facts)

    def make_status(self, found: Object, verdict: Verdict, now: dt.datetime) -> Object | None:
        """Return conditions, and the certificate or failureTime; None where Ready says it already."""
        old = conditions.read(found)
        ready = "True" if verdict.issued else "False"
        condition = conditions.make(old, READY, ready, verdict.reason, verdict.message, now)
        if conditions.is_same(old, condition):
            return None
        status: Object = {"conditions": [condition]}
        if verdict.invalid:
            status["conditions"].append(
                conditions.make(old, INVALID, "True", "Invalid", verdict.message, now)
            )
        if verdict.issued:
            status["certificate"] = msgspec.to_builtins(verdict.issued.chain)
            status["ca"] = msgspec.to_builtins(verdict.issued.root)
        elif verdict.outcome != "postponed":
            status["failureTime"] = conditions.format_time(now)
        return status
