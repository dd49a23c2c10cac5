"""The trust stores of this machine: the system's, Firefox's and Java's."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from newel.cli.errors import CliError
from newel.cli.operations.certificates import sources
from newel.cli.render.certificates import summary
from newel.cli.store.steppath import home
from newel.crypto.reader import names

if TYPE_CHECKING:
    from newel.crypto.reader.certificates import Certificate


class Store(NamedTuple):
    """A system's store: its directory, the names of its files, what to run after a change."""

    directory: str
    suffix: str
    update: tuple[str, ...]


STORES = (
    Store("/etc/pki/ca-trust/source/anchors", ".pem", ("update-ca-trust", "extract")),
    Store("/usr/local/share/ca-certificates", ".crt", ("update-ca-certificates",)),
    Store("/usr/share/pki/trust/anchors", ".crt", ("update-ca-certificates",)),
    Store("/etc/ca-certificates/trust-source/anchors", ".crt", ("trust", "extract-compat")),
)
JAVA_PASSWORD = "changeit"  # noqa: S105 - every Java's


class StoreOptions(NamedTuple):
    """Which trust stores to change, and what the root is called in them."""

    all_: bool = False
    no_system: bool = False
    firefox: bool = False
    java: bool = False
    prefix: str | None = None


def change(name: str, options: StoreOptions, *, remove: bool) -> str:
    """Add the root in a file to the stores, or remove it; return its summary. Raises CliError."""
    root = sources.from_file(name)[0]
    if summary.kind(root) != "Root CA":
        raise CliError(f"certificate {name} is not a root CA")
    alias = alias_of(root, options.prefix)
    if not options.no_system:
        system(root, alias, remove=remove)
    if options.all_ or options.firefox:
        firefox(root, alias, remove=remove)
    if options.all_ or options.java:
        java(root, alias, remove=remove)
    return summary.certificate_short(root)


def alias_of(root: "Certificate", prefix: str | None) -> str:
    """Return the root's name in a store: the prefix, else its common name, and its serial number."""
    common = names.common_name(root.subject)
    prefix = prefix or (f"{common} " if common else "Newel Development CA ")
    return f"{prefix}{root.serial}".replace("/", "_")


def system(root: "Certificate", alias: str, *, remove: bool) -> None:
    """Change the first kind of store that this system has."""
    store = next((each for each in STORES if Path(each.directory).is_dir()), None)
    if store is None:
        raise CliError("install is not supported on this system")
    path = Path(store.directory) / (alias.replace(" ", "_") + store.suffix)
    if remove:
        as_root(["rm", "-f", str(path)])
    else:
        as_root(["tee", str(path)], sources.pem(root.der).encode())
    as_root(list(store.update))


def as_root(words: list[str], data: bytes | None = None) -> None:
    """Run a program, by sudo unless this is root already. Raises CliError with what it said."""
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            raise CliError(f'failed to execute "{" ".join(words)}": this needs root')
        words = ["sudo", "--prompt=Sudo password:", "--", *words]
    execute(words, data)


def execute(words: list[str], data: bytes | None = None) -> bytes:
    """Run a program and return what it printed. Raises CliError."""
    try:
        done = subprocess.run(words, input=data, capture_output=True, check=False)
    except OSError as error:
        raise CliError(f'failed to execute "{" ".join(words)}" failed with: {error}') from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
        raise CliError(f'failed to execute "{" ".join(words)}" failed with: {said}')
    return done.stdout


def firefox(root: "Certificate", alias: str, *, remove: bool) -> None:
    """Every NSS database of this person's Firefox profiles."""
    if shutil.which("certutil") is None:
        raise CliError("Firefox's store needs certutil (on Debian: apt install libnss3-tools)")
    folders = [".mozilla/firefox", "snap/firefox/common/.mozilla/firefox", ".pki/nssdb"]
    found = {
        file.parent for folder in folders for file in (Path(home()) / folder).rglob("cert9.db")
    }
    if not found:
        raise CliError("no Firefox profile was found")
    for profile in sorted(found):
        words = ["certutil", "-d", f"sql:{profile}", "-n", alias]
        if remove:
            execute([*words, "-D"])
        else:
            execute([*words, "-A", "-t", "C,,"], sources.pem(root.der).encode())


def java(root: "Certificate", alias: str, *, remove: bool) -> None:
    """Change the key store of the Java in JAVA_HOME."""
    home = os.environ.get("JAVA_HOME")
    if not home:
        raise CliError("Java's store needs JAVA_HOME")
    stores = [Path(home) / "lib/security/cacerts", Path(home) / "jre/lib/security/cacerts"]
    store = next((each for each in stores if each.is_file()), None)
    if store is None:
        raise CliError(f"no trust store was found under {home}")
    keytool = str(Path(home) / "bin/keytool")
    common = ["-keystore", str(store), "-storepass", JAVA_PASSWORD, "-alias", alias]
    if remove:
        as_root([keytool, "-delete", *common])
        return
    with tempfile.NamedTemporaryFile(suffix=".crt") as file:
        file.write(sources.pem(root.der).encode())
        file.flush()
        as_root([keytool, "-importcert", "-noprompt", *common, "-file", file.name])
