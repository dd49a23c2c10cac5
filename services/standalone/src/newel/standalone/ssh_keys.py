"""The SSH authority's two keys and its templates, made on the first start with ``--ssh``.

They are laid out and named as the step tools do, and the signer holds them.
"""

import contextlib
import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newel.crypto import keys
from newel.crypto.ssh import key_quality
from newel.crypto.ssh.public_keys import read_line
from newel.runtime.config import ConfigError
from newel.standalone.layout import Layout
from newel.step import ca_json, ssh_templates

KINDS = ("host", "user")


def private_path(layout: Layout, kind: str) -> Path:
    """Encrypted PEM."""
    return layout.state / f"secrets/ssh_{kind}_ca_key"


def public_path(layout: Layout, kind: str) -> Path:
    """One authorized_keys line."""
    return layout.state / f"certs/ssh_{kind}_ca_key.pub"


def read_public_keys(layout: Layout) -> dict[str, keys.PublicKey]:
    """Read the public keys that there are, by the signer's names for the keys.

    Raises ConfigError for a file that has no key, and OSError for one that cannot be read.
    """
    found: dict[str, keys.PublicKey] = {}
    for kind in KINDS:
        path = public_path(layout, kind)
        with contextlib.suppress(FileNotFoundError):  # there is none without SSH
            try:
                found[f"ssh-{kind}"] = key_quality.load_key(read_line(path.read_bytes()).wire)
            except ValueError as error:
                raise ConfigError(f"{path}: {error}") from None
    return found


def create(layout: Layout, password: bytes) -> ca_json.SSH:
    """Make both keys and return ca.json's ``ssh`` section."""
    for kind in KINDS:
        key = keys.generate(keys.KeyKind.P256)
        path = private_path(layout, kind)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(keys.encrypt_private_key(key, password))
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        public_path(layout, kind).write_bytes(public + b"\n")
    return ca_json.SSH(
        host_key=str(private_path(layout, "host").relative_to(layout.state)),
        user_key=str(private_path(layout, "user").relative_to(layout.state)),
    )


def template_folder(layout: Layout) -> Path:
    """Return where the templates of clients' and hosts' SSH configuration are; people may edit them."""
    return layout.state / "templates/ssh"


def write_templates(layout: Layout) -> dict[str, Any]:
    """Write the templates of the SSH configuration and return ca.json's ``templates`` section."""
    folder = template_folder(layout)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in ssh_templates.TEXTS.items():
        (folder / name).write_text(text)
    return {"ssh": ssh_templates.ENTRIES}
