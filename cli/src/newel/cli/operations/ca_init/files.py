"""The files of a new authority: what they hold, and writing them all or none."""

from typing import TYPE_CHECKING

from newel.cli.operations.ca_init import configuration
from newel.cli.store import atomic_write
from newel.cli.store.atomic_write import Target
from newel.cli.store.files import make_directory
from newel.step import ssh_templates

if TYPE_CHECKING:
    from newel.cli.operations.ca_init.answers import Answers
    from newel.cli.operations.ca_init.configuration import Layout
    from newel.cli.operations.ca_init.init_options import InitOptions
    from newel.cli.operations.ca_init.material import Material
    from newel.crypto.keys import PrivateKey

FOLDERS = ("certs", "config", "secrets")


def files_of(
    material: "Material", layout: "Layout", password: bytes, *, keep_keys: bool
) -> list[Target]:
    """Return certificates and encrypted keys; a given root's key is stored only where it signed."""
    from newel.cli.operations.keys.key_output import openssh_public, private_pem

    signers = {"root_ca": material.root, "intermediate_ca": material.intermediate}
    targets = [
        Target(layout.certificate(f"{name}.crt"), signer.pem)
        for name, signer in signers.items()
        if signer
    ]
    keys: list[tuple[str, PrivateKey | None]] = [
        ("root_ca_key", material.root.key if keep_keys else None),
        ("intermediate_ca_key", material.intermediate.key if material.intermediate else None),
        ("ssh_host_ca_key", material.ssh_host),
        ("ssh_user_ca_key", material.ssh_user),
    ]
    for name, key in keys:
        if key is None:
            continue
        targets.append(Target(layout.secret(name), private_pem(key, password)))
        if name.startswith("ssh_"):
            targets.append(
                Target(layout.certificate(f"{name}.pub"), openssh_public(key.public_key()))
            )
    return targets


def configure(
    options: "InitOptions", given: "Answers", layout: "Layout", fingerprint: str
) -> list[Target]:
    """ca.json, defaults.json and, with --ssh, the templates."""
    settings = configuration.defaults(options, given, layout, fingerprint)
    config = configuration.ca_json(options, given, layout)
    targets = [
        Target(layout.defaults, configuration.as_file(settings), 0o644),
        Target(layout.ca_json, configuration.as_file(config), 0o644),
    ]
    targets += [
        Target(layout.certificate(configuration.federated_name(number)), read_root(name))
        for number, name in enumerate(options.federated_root)
    ]
    if options.ssh:
        folder = layout.base / "templates/ssh"
        targets += [
            Target(str(folder / name), text.encode(), 0o644)
            for name, text in ssh_templates.TEXTS.items()
        ]
    return targets


def read_root(name: str) -> bytes:
    """Return the root of another authority as PEM. Raises CliError."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from newel.cli.operations.ca_init.material import read_authority

    return read_authority(name, None).certificate.public_bytes(Encoding.PEM)


def write(targets: list[Target], layout: "Layout", *, ssh: bool) -> None:
    """Write everything at once, after asking about each file that is there already."""
    for name in (*FOLDERS, *(["templates/ssh"] if ssh else [])):
        make_directory(layout.base / name)
    atomic_write.allow([target.name for target in targets], force=False)
    atomic_write.write_all(targets)
