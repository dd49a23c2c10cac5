"""ca.json's ``ssh`` and ``templates`` mapped onto the configuration of the registration authority."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from newel.crypto.ssh.public_keys import wire_of
from newel.jose import jwk
from newel.jose.errors import JOSEError
from newel.jose.jwk import JWK
from newel.runtime.config import ConfigError
from newel.standalone.settings import Settings


def configure_ssh(settings: Settings) -> dict[str, Any]:
    """Return the ``ssh`` table of the registration authority. Raises ConfigError."""
    ssh = settings.ca.ssh
    templates = cast("Mapping[str, Any]", settings.raw.get("templates") or {})
    files = cast("Mapping[str, Any]", templates.get("ssh") or {})
    adding = {
        name: value
        for name, value in (
            ("add_user_principal", ssh and ssh.add_user_principal),
            ("add_user_command", ssh and ssh.add_user_command),
        )
        if value
    }
    return {
        **adding,
        "keys": [
            _key(settings, index, each) for index, each in enumerate((ssh and ssh.keys) or ())
        ],
        "bastion": {name: str(value) for name, value in ((ssh and ssh.bastion) or {}).items()},
        "hide_hosts": settings.authority.disable_get_ssh_hosts,
        "user_templates": _templates(settings, files.get("user")),
        "host_templates": _templates(settings, files.get("host")),
        "template_data": templates.get("data") or {},
    }


def _key(settings: Settings, index: int, record: Mapping[str, Any]) -> dict[str, Any]:
    try:
        wire = wire_of(jwk.to_public_key(msgspec.convert(record.get("key"), JWK)))
    except (JOSEError, ValueError) as error:
        raise ConfigError(f"{settings.layout.ca_json}: ssh.keys[{index}].key: {error}") from None
    return {
        "type": record.get("type"),
        "public_key": base64.b64encode(wire).decode(),
        "federated": bool(record.get("federated")),
    }


def _templates(
    settings: Settings, records: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for record in records or ():
        one = {name: value for name, value in record.items() if value}
        if "template" in one:
            one["template"] = settings.layout.state / one["template"]
        found.append(one)
    return found
