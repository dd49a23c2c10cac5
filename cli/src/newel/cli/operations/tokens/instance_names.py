"""The names that an instance asks for when its command names none, as the step tools have them."""

import base64
import json
from typing import Any

from newel.cli.errors import CliError


def list_names(claims: dict[str, Any], subject: str, *, own_only: bool) -> list[str]:
    """Return the names that a token's cloud gives its instance, then the subject; [] for other tokens.

    ``own_only``: without the subject, because the provisioner allows no names but the cloud's.
    Raises CliError for a cloud's token that does not say what the names are made of.
    """
    own = _of_cloud(claims)
    return own if own_only or not own else list(dict.fromkeys([*own, subject]))


def _of_cloud(claims: dict[str, Any]) -> list[str]:
    for claim, read in _CLOUDS.items():
        if claim in claims:
            return read(claims[claim])
    return []


def _of_amazon(claim: Any) -> list[str]:
    try:
        document = json.loads(base64.b64decode(_text(claim, "document", "amazon"), validate=True))
    except ValueError:
        raise CliError("the token's amazon.document is not JSON in base64") from None
    address = _text(document, "privateIp", "amazon.document")
    region = _text(document, "region", "amazon.document")
    return [address, f"ip-{address.replace('.', '-')}.{region}.compute.internal"]


def _of_google(claim: Any) -> list[str]:
    where = "google.compute_engine"
    engine = claim.get("compute_engine") if isinstance(claim, dict) else None
    name, zone, project = (
        _text(engine, each, where) for each in ("instance_name", "zone", "project_id")
    )
    return [f"{name}.c.{project}.internal", f"{name}.{zone}.c.{project}.internal"]


def _of_azure(claim: Any) -> list[str]:
    name = claim.rpartition("/")[2] if isinstance(claim, str) else ""
    if not name:
        raise CliError("the token's xms_mirid names no resource")
    return [name]


_CLOUDS = {"amazon": _of_amazon, "google": _of_google, "xms_mirid": _of_azure}


def _text(record: Any, name: str, where: str) -> str:
    value = record.get(name) if isinstance(record, dict) else None
    if not isinstance(value, str) or not value:
        raise CliError(f"the token's {where} has no {name}")
    return value
