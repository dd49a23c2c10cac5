"""Checks of what is in the state folder: the configuration, rights, keys, certificates, room and databases."""

import datetime as dt
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newel.crypto import certificate_files, keys, loading
from newel.crypto.authority_chain import ChainError, find_chain, name_of
from newel.runtime.config import ConfigError, read_secret_octets
from newel.runtime.database.connect import UnusableDatabaseError
from newel.runtime.system_errors import describe
from newel.standalone import models
from newel.standalone.doctor.diagnoses import Diagnosis, Level
from newel.standalone.existing import require_databases
from newel.standalone.key_stores import is_in_service
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings, read_settings
from newel.standalone.usable_files import require_files

OTHERS_READ = 0o007
"""Reading by the group is left to the operator, as Kubernetes mounts secrets with a group."""
OTHERS_WRITE = 0o022
ISSUER_NOTICE = dt.timedelta(days=60)
"""How long before its end an issuer or its revocation list is announced."""
LEAST_FREE = 1 << 30
"""Octets: below this a disk fills within days."""
LEAST_SHARE = 0.05
_CEREMONY = "docs/runbooks/key-ceremony.md"


def check_configuration(layout: Layout) -> tuple[Settings | None, list[Diagnosis]]:
    """Read ca.json as the next start would; None where that start would be refused."""
    try:
        settings = read_settings(layout)
        models.check(settings)
        require_files(settings)
    except ConfigError as error:
        advice = "mend the file; docs/ca-json.md has every member"
        if not layout.ca_json.exists():
            advice = "name the folder of an authority by --state, or make one: newel up --state DIR"
        return None, [Diagnosis(Level.PROBLEM, "configuration", str(error), advice)]
    findings = [Diagnosis(Level.OK, "configuration", str(layout.ca_json))]
    findings += [Diagnosis(Level.NOTE, "configuration", line) for line in settings.warnings]
    return settings, findings


def check_rights(settings: Settings) -> Iterator[Diagnosis]:
    """Check that no one else reads the secrets or changes the configuration."""
    layout = settings.layout
    secrets = [settings.password_file, layout.root_key, layout.responder_key]
    secrets += [layout.administrator_key, *(file for _, file, _ in list_file_keys(settings))]
    found = False
    for file in dict.fromkeys(secrets):
        mode = _mode(file)
        if mode & OTHERS_READ:
            found = True
            text = f"{file} is open to others (mode {mode:04o})"
            yield Diagnosis(Level.PROBLEM, "rights", text, f"chmod 600 {file}")
    mode = _mode(layout.ca_json)
    if mode & OTHERS_WRITE:
        found = True
        text = f"{layout.ca_json} can be changed by others (mode {mode:04o})"
        yield Diagnosis(Level.PROBLEM, "rights", text, f"chmod go-w {layout.ca_json}")
    if not found:
        yield Diagnosis(Level.OK, "rights", "secrets are open to their owner alone")


def check_keys(settings: Settings) -> Iterator[Diagnosis]:
    """Check that the password opens each key file, and that a key is that of its certificate."""
    try:
        password = read_secret_octets(settings.password_file)
    except ConfigError as error:
        yield Diagnosis(
            Level.PROBLEM,
            "keys",
            str(error),
            "name the file with the keys' password by --password-file",
        )
        return
    for name, file, certificate in list_file_keys(settings):
        try:
            key = keys.load_private_key(file.read_bytes(), password)
        except OSError as error:
            yield Diagnosis(
                Level.PROBLEM, "keys", f"{name}: {describe(error)}", "restore it from a backup"
            )
        except keys.InvalidKeyError as error:
            yield Diagnosis(
                Level.PROBLEM, "keys", f"{name}: {file}: {error}", "is it another key's password?"
            )
        else:
            if certificate and not _is_key_of(key.public_key(), certificate):
                text = f"{name}: {file} is not the key of {certificate}"
                yield Diagnosis(
                    Level.PROBLEM,
                    "keys",
                    text,
                    "put the certificate and the key of one ceremony there",
                )
            else:
                yield Diagnosis(Level.OK, "keys", f"{name}: {file}")
    if is_in_service(settings.ca.kms, settings.ca.key):
        yield Diagnosis(
            Level.NOTE, "keys", "issuing: in a token or key service; the running authority tries it"
        )


def check_certificates(settings: Settings, now: dt.datetime) -> Iterator[Diagnosis]:
    """Check the chain, and how long each of its certificates and the root's list are good for."""
    chain = certificate_files.read_certificates(Path(settings.ca.crt))
    roots = [d for f in settings.ca.roots for d in certificate_files.read_certificates(Path(f))]
    try:
        find_chain(chain, roots)
    except ChainError as error:
        text = f"{settings.ca.crt} leads to no root of ca.json: {error}"
        yield Diagnosis(
            Level.PROBLEM,
            "certificates",
            text,
            "add the certificates in between, or its root to root",
        )
    for der in dict.fromkeys((*chain, *roots)):
        certificate = loading.load_certificate(der)
        if certificate.not_valid_before_utc > now:
            text = f"{name_of(certificate)} begins at {_show(certificate.not_valid_before_utc)}"
            yield Diagnosis(Level.PROBLEM, "clock", text, "this machine's clock is behind; set it")
        yield _check_end(name_of(certificate), certificate.not_valid_after_utc, now, _CEREMONY)
    if settings.layout.root_crl.exists():
        crl = loading.load_pem_list(settings.layout.root_crl.read_bytes())
        if crl.next_update_utc:
            name = "the root's revocation list"
            yield _check_end(name, crl.next_update_utc, now, f"remake it: {_CEREMONY}")


def check_room(layout: Layout) -> Diagnosis:
    """Check that the disk has room for records, logs and lists."""
    usage = shutil.disk_usage(layout.state)
    text = f"{usage.free / (1 << 30):.1f} GiB free at {layout.state}"
    if usage.free < LEAST_FREE or usage.free < LEAST_SHARE * usage.total:
        advice = "make room; on a full disk the authority refuses to issue"
        return Diagnosis(Level.WARNING, "disk", text, advice)
    return Diagnosis(Level.OK, "disk", text)


def check_databases(settings: Settings) -> Diagnosis:
    """Check that the SQLite files of an authority that has run are there and readable."""
    layout = settings.layout
    try:
        require_databases(layout, new=False)
    except (UnusableDatabaseError, OSError) as error:
        text = describe(error) if isinstance(error, OSError) else str(error)
        return Diagnosis(
            Level.PROBLEM, "databases", text, "docs/runbooks/backup-and-restore.md says how"
        )
    if not layout.databases.exists():
        return Diagnosis(Level.NOTE, "databases", "there are none yet; the first start makes them")
    folder = layout.databases.parent
    if not os.access(folder, os.W_OK):
        return Diagnosis(
            Level.PROBLEM, "databases", f"{folder} cannot be written", f"chown it: {folder}"
        )
    return Diagnosis(Level.OK, "databases", str(folder))


def list_file_keys(settings: Settings) -> Iterator[tuple[str, Path, str]]:
    """Yield the name, the file and the certificate's file ("" for none) of each key under the password."""
    ca, layout = settings.ca, settings.layout
    named = [("issuing", ca.key, ca.crt)] if not settings.newel.signer.get("keys") else []
    named += [(name, key, certificate) for name, certificate, key in settings.former_issuers]
    if ca.ssh and layout.given_ssh_passwords is None:
        named += [("SSH hosts", ca.ssh.host_key, ""), ("SSH users", ca.ssh.user_key, "")]
    for name, key, certificate in named:
        if key and not is_in_service(ca.kms, key):
            yield name, Path(key), certificate
    if layout.responder_key.exists():
        yield "OCSP responder", layout.responder_key, str(layout.responder_certificate)


def _check_end(name: str, end: dt.datetime, now: dt.datetime, how: str) -> Diagnosis:
    if end <= now:
        return Diagnosis(
            Level.PROBLEM, "certificates", f"{name} expired at {_show(end)}", f"replace it: {how}"
        )
    text = f"{name} is good until {_show(end)}"
    if end - now < ISSUER_NOTICE:
        return Diagnosis(
            Level.WARNING, "certificates", f"{text}, {(end - now).days} days", f"replace it: {how}"
        )
    return Diagnosis(Level.OK, "certificates", text)


def _is_key_of(public: keys.PublicKey, file: str) -> bool:
    leaf = certificate_files.read_certificates(Path(file))
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    own = public.public_bytes(*form)
    return any(loading.load_certificate(d).public_key().public_bytes(*form) == own for d in leaf)


def _mode(file: Path) -> int:
    """Return the rights of a file, 0 of one that is not there. Raises OSError."""
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except FileNotFoundError:
        return 0


def _show(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
