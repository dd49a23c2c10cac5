"""A birth certificate under a root of its own, for tokens of an X5C provisioner."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from newel.crypto import keys
from newel.jose import jwk

PROVISIONER = "births"
_CLEAR = ("--no-password", "--insecure")


class Birth(NamedTuple):
    """The files of a certificate under an intermediate."""

    root: Path
    chain: Path
    jwk: Path
    """The private key of the leaf."""

    @classmethod
    def make(cls, folder: Path) -> "Birth":
        """Make the files."""
        folder.mkdir()
        _create(folder, "Maker Root", "root", "--profile", "root-ca")
        below = ("--ca", "root.crt", "--ca-key", "root.key")
        _create(folder, "Maker CA", "middle", "--profile", "intermediate-ca", *below)
        below = ("--ca", "middle.crt", "--ca-key", "middle.key")
        _create(folder, "device-1", "leaf", *below)
        chain = folder / "chain.pem"
        chain.write_bytes((folder / "leaf.crt").read_bytes() + (folder / "middle.crt").read_bytes())
        key = keys.load_private_key((folder / "leaf.key").read_bytes())
        private = folder / "leaf.jwk"
        private.write_bytes(msgspec.json.encode(jwk.from_private_key(key)))
        return cls(folder / "root.crt", chain, private)

    def record(self) -> dict[str, Any]:
        """The provisioner that admits it."""
        roots = base64.b64encode(self.root.read_bytes()).decode()
        return {"type": "X5C", "name": PROVISIONER, "roots": roots}

    def flags(self) -> list[str]:
        """The load generator's flags."""
        return ["-x5c", str(self.chain), "-prov", PROVISIONER]


def add_provisioner(config: Path, record: dict[str, Any]) -> None:
    """Add a provisioner to an authority's ca.json."""
    ca = json.loads(config.read_text())
    ca["authority"]["provisioners"].append(record)
    config.write_text(json.dumps(ca))


def _create(folder: Path, subject: str, name: str, *flags: str) -> None:
    newel = str(Path(sys.executable).with_name("newel"))
    words = [newel, "certificate", "create", *_CLEAR, subject, f"{name}.crt", f"{name}.key", *flags]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
