"""The names that an instance asks for when its command names none, as the step tools have them."""

import base64
import json
from typing import Any


def list_names(claims: dict[str, Any], subject: str, *, own_only: bool) -> list[str]:
    """Return the names that a token's cloud gives its instance, then the subject; [] for other tokens.

    ``own_only``: without the subject, because the provisioner allows no names but the cloud's.
    """
    own = _of_amazon(claims) or _of_google(claims) or _of_azure(claims)
    return own if own_only or not own else list(dict.fromkeys([*own, subject]))


def _of_amazon(claims: dict[str, Any]) -> list[str]:
    try:
        document = json.loads(base64.b64decode(claims["amazon"]["document"]))
        address, region = str(document["privateIp"]), str(document["region"])
    except (KeyError, TypeError, ValueError):
        return []
    return [address, f"ip-{address.replace('.', '-')}.{region}.compute.internal"]


def _of_google(claims: dict[str, Any]) -> list[str]:
    try:
        engine = claims["google"]["compute_engine"]
        name, zone, project = (engine[each] for each in ("instance_name", "zone", "project_id"))
    except (KeyError, TypeError):
        return []
    return [f"{name}.c.{project}.internal", f"{name}.{zone}.c.{project}.internal"]


def _of_azure(claims: dict[str, Any]) -> list[str]:
    resource = claims.get("xms_mirid")
    name = resource.rpartition("/")[2] if isinstance(resource, str) else ""
    return [name] if name else []
