"""A provisioner's record out of flags: a new one, or the changes to one that exists."""

import json
from typing import TYPE_CHECKING, Any, cast

from newel.cli.errors import CliError, UsageError
from newel.cli.operations.provisioners import bundles, jwk_keys
from newel.cli.operations.provisioners.members import (
    CHALLENGES,
    CLAIMS,
    FORMATS,
    MEMBERS,
    NAMES,
    OPTIONS,
    REQUIRED,
    Member,
)
from newel.cli.options.groups import select
from newel.cli.store.files import read, read_password

if TYPE_CHECKING:
    from newel.cli.options.invocation import Invocation

Record = dict[str, Any]
FILES = {
    reading.__name__: reading
    for reading in (
        bundles.certificates,
        bundles.public_keys,
        bundles.nebula_certificates,
        bundles.first_certificate,
        bundles.encrypted_key,
    )
}


def kind_of(call: "Invocation") -> str:
    """Return the kind of --type, whatever its case. Raises UsageError."""
    given = call.get("type") or "JWK"
    kind = NAMES.get(given.upper())
    if kind is None:
        raise UsageError(f"invalid value '{given}' for flag '--type'; options are {OPTIONS}")
    return kind


def new_record(call: "Invocation", name: str, key_file: str = "") -> Record:
    """Return the record of a new provisioner; a JWK one's key may be in ``key_file``. Raises CliError."""
    kind = kind_of(call)
    if key_file and (kind != "JWK" or call.on("create") or call.get("public-key")):
        raise UsageError(f"a key file is for a JWK provisioner without other keys: '{key_file}'")
    check(call, kind)
    record: Record = {"type": kind, "name": name}
    if kind == "JWK":
        password_file = call.get("password-file")
        record |= (
            jwk_keys.of_file(key_file, password_file)
            if key_file
            else jwk_keys.members(key_flags(call))
        )
    for flag in REQUIRED.get(kind, ()):
        if not call.all(flag):
            raise UsageError(f"flag '--type {kind}' requires the '--{flag}' flag")
    if kind in {"AWS", "GCP", "Azure"}:
        record |= {"disableCustomSANs": False, "disableTrustOnFirstUse": False}
    set_members(call, record, MEMBERS[kind])
    if kind == "AWS":
        record["imdsVersions"] = ["v2", "v1"]
    record["claims"] = {
        "enableSSHCA": True,
        "disableRenewal": kind == "OIDC",  # people log in again
        "allowRenewalAfterExpiry": False,
        "disableSmallstepExtensions": False,
    }
    set_members(call, record["claims"], CLAIMS)
    if kind != "SSHPOP":
        record["options"] = {"x509": {}, "ssh": {}}
        set_templates(call, record["options"])
    return record


def change(call: "Invocation", record: Record) -> None:
    """Change a record as the flags say."""
    kind = NAMES.get(str(record.get("type")).upper(), "")
    check(call, kind)
    if call.get("name"):
        record["name"] = call.get("name")
    if kind == "JWK":
        jwk_keys.change(key_flags(call), record)
    set_members(call, record, MEMBERS.get(kind, ()))
    claims = record.setdefault("claims", {})
    set_members(call, claims, CLAIMS)
    if not claims:
        del record["claims"]
    options = record.get("options") or {}
    set_templates(call, options)
    if options:
        record["options"] = options


def check(call: "Invocation", kind: str) -> None:
    """Refuse values and combinations no authority would take."""
    if kind == "ACME":
        for flag, known in (("challenge", CHALLENGES), ("attestation-format", FORMATS)):
            for value in call.all(flag):
                if value not in known:
                    raise UsageError(
                        f"invalid value '{value}' for flag '--{flag}'; options are {', '.join(known)}"
                    )
    if kind == "GCP" and call.all("gcp-organization") and call.all("gcp-project"):
        raise UsageError("flag '--gcp-organization' is incompatible with '--gcp-project'")
    if call.get("create") and call.on("create"):
        for flag in ("public-key", "private-key"):
            if call.get(flag):
                raise UsageError(f"flag '--create' is incompatible with '--{flag}'")


def set_members(call: "Invocation", holder: Record, members: tuple[Member, ...]) -> None:
    """Set every member whose flag was given; add to lists and remove from them."""
    for member in members:
        if not call.has(member.flag):
            continue
        removed = f"remove-{member.flag}"
        if member.form == "list":
            before = list(cast("list[str]", holder.get(member.name) or []))
            gone = call.all(removed) if call.has(removed) else []
            left = [value for value in before if value not in gone]
            left += [value for value in call.all(member.flag) if value not in left]
            if left:
                holder[member.name] = left
            else:
                holder.pop(member.name, None)
        elif call.is_given(member.flag):
            holder[member.name] = value_of(call, member)


def value_of(call: "Invocation", member: Member) -> Any:
    """Return the member's value as ca.json has it."""
    if member.form == "flag":
        return call.on(member.flag)
    if member.form == "number":
        return call.integer(member.flag)
    if member.form == "duration":
        from newel.cli.operations.times import parse_duration
        from newel.durations.go import format_duration

        found = parse_duration(call.get(member.flag), member.flag)
        return format_duration(found) if found is not None else ""
    if member.form == "secret":
        return read_password(call.require(member.flag))
    if member.form in FILES:
        return FILES[member.form](call.all(member.flag))
    return call.all(member.flag)[0]


def set_templates(call: "Invocation", options: Record) -> None:
    """Set templates and their data; an empty flag removes one."""
    for kind in ("x509", "ssh"):
        holder = options.get(kind)
        changed = dict(cast("Record", holder or {}))
        for flag, name, form in (
            ("template", "template", text_in),
            ("template-data", "templateData", json_in),
        ):
            file = call.get(f"{kind}-{flag}")
            if file:
                changed[name] = form(file)
            elif call.is_given(f"{kind}-{flag}"):
                changed.pop(name, None)
        if changed or holder is not None:
            options[kind] = changed


def text_in(name: str) -> str:
    """Return a file's text. Raises CliError."""
    try:
        return read(name).decode()
    except UnicodeDecodeError:
        raise CliError(f"error reading {name}: it is not UTF-8") from None


def json_in(name: str) -> Any:
    """Return a file's JSON. Raises CliError."""
    try:
        return json.loads(text_in(name))
    except (ValueError, RecursionError) as error:
        raise CliError(f"error parsing {name}: {error}") from None


def key_flags(call: "Invocation") -> jwk_keys.KeyFlags:
    """Return where the key of a JWK provisioner comes from."""
    return select(jwk_keys.KeyFlags, call, private_key_given=call.is_given("private-key"))
