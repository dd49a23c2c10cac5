"""Every fault of a configuration file, found by the readers that the services start with."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

from newel.alerting.config import Config as AlertingConfig
from newel.inventory.config import Config as InventoryConfig
from newel.issuing.config import Config as IssuingConfig
from newel.registration.config import Config as RegistrationConfig
from newel.runtime.config import Config, ConfigError, validate
from newel.runtime.config import load_table as load_toml_table
from newel.runtime.process.process_config import RuntimeConfig, read_process_config
from newel.signer.config import Config as SignerConfig
from newel.standalone import models
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings, read_newel_section, read_settings
from newel.standalone.usable_files import require_files
from newel.step.ca_json_check import parse_document
from newel.validation.config import Config as ValidationConfig

SERVICES: dict[str, type[Config]] = {
    "alerting": AlertingConfig,
    "inventory": InventoryConfig,
    "issuing": IssuingConfig,
    "registration": RegistrationConfig,
    "signer": SignerConfig,
    "validation": ValidationConfig,
}
"""The services that have a file of their own where they are split."""

_PLACE = re.compile(r"[A-Za-z][\w.\[\]-]*(?=: )")


class Fault(NamedTuple):
    """One fault: the path of the member, "" where it is the file's, and what is wrong."""

    place: str
    says: str


def find_service(file: Path, given: str) -> str:
    """Return whose file it is: as given, or by its name. Raises ConfigError for an unknown one."""
    name = given or file.stem
    if name not in SERVICES:
        raise ConfigError(
            f"{file}: of which service is it? Name one by --service: {', '.join(SERVICES)}"
        )
    return name


def find_toml_faults(file: Path, service: str) -> list[Fault]:
    """Return the faults of a service's own file."""
    try:
        read_process_config(file, SERVICES[service])
    except ConfigError as error:
        first = split(error, file)
    else:
        return []
    try:
        table = load_toml_table(file)
    except ConfigError:
        return first
    runtime = table.pop("runtime", {})
    both = (
        *_collect(file, lambda: validate(RuntimeConfig, runtime, f"{file}: runtime")),
        *_collect(file, lambda: validate(SERVICES[service], table, str(file))),
    )
    return list(dict.fromkeys(both)) or first


def find_ca_json_faults(layout: Layout) -> tuple[list[Fault], list[str]]:
    """Return the faults of a ca.json, and its warnings: what it asks for and is not there."""
    try:
        settings = read_settings(layout)
    except ConfigError as error:
        return list(dict.fromkeys((*split(error, layout.ca_json), *_find_newel_faults(layout)))), []
    checks: tuple[Callable[[Settings], object], ...] = (models.check, require_files)
    faults = [
        fault for check in checks for fault in _collect(layout.ca_json, lambda c=check: c(settings))
    ]
    return list(dict.fromkeys(faults)), settings.warnings


def _find_newel_faults(layout: Layout) -> Iterator[Fault]:
    """Yield the faults of the ``newel`` section of a file that has faults before it."""
    try:
        section: Any = parse_document(layout.ca_json.read_bytes()).get("newel") or {}
    except (OSError, ValueError):
        return
    if isinstance(section, dict):
        own = cast("dict[str, Any]", section)
        yield from _collect(layout.ca_json, lambda: read_newel_section(layout, own))


def _collect(file: Path, check: Callable[[], object]) -> list[Fault]:
    try:
        check()
    except ConfigError as error:
        return split(error, file)
    return []


def split(error: ConfigError, file: Path) -> list[Fault]:
    """Return the faults that an error names."""
    text = str(error).removeprefix(f"{file}: ")
    if error.faults:
        section = next((each for each in ("newel", "runtime") if text.startswith(f"{each}: ")), "")
        return [
            Fault(".".join(filter(None, (section, place))), says) for place, says in error.faults
        ]
    place = _PLACE.match(text)
    return [Fault(place[0], text[place.end() + 2 :])] if place else [Fault("", text)]
