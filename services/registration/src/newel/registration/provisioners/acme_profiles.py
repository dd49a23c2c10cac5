"""The profiles of ACME provisioners (draft-ietf-acme-profiles): each is a provisioner with other settings."""

from collections.abc import Iterator

import msgspec

from newel.step.acme_profiles import ACMENewel, ACMEProfile
from newel.step.provisioners import ACMEProvisionerConfig, Claims, ProvisionerConfig


def apply_profile(record: ACMEProvisionerConfig, profile: ACMEProfile) -> ACMEProvisionerConfig:
    """Return the record as it holds for the orders of one of its profiles."""
    own = record.newel or ACMENewel()
    changes: dict[str, object] = {
        "claims": _override(record.claims, profile.claims),
        "newel": msgspec.structs.replace(
            own, profiles=None, profile=profile.profile or own.profile
        ),
    }
    if profile.template:
        template = {"template": profile.template, "templateData": profile.template_data or {}}
        changes["options"] = {**(record.options or {}), "x509": template}
    return msgspec.structs.replace(record, **changes)


def effective_records(record: ProvisionerConfig) -> Iterator[ProvisionerConfig]:
    """Yield the record, and what it is for each of its profiles."""
    yield record
    if isinstance(record, ACMEProvisionerConfig) and record.newel is not None:
        for each in record.newel.profiles or ():
            yield apply_profile(record, each)


def _override(claims: Claims | None, own: Claims | None) -> Claims | None:
    if claims is None or own is None:
        return own or claims
    given = {
        name: value for name, value in msgspec.structs.asdict(own).items() if value is not None
    }
    return msgspec.structs.replace(claims, **given)
