"""`step-kms-plugin` for a hardware key that is a file: what the real step asks of it to attest a key.

The plug-in's folder has ``key.pem`` and ``attestation.pem``, whatever URI it is given.
"""

import shlex
import stat
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_PROGRAM = """#!{python}
import base64, sys
from pathlib import Path
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

folder = Path({folder!r})
key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
if sys.argv[1] == "key":
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    sys.stdout.write(key.public_key().public_bytes(*form).decode())
elif sys.argv[1] == "attest":
    sys.stdout.write((folder / "attestation.pem").read_text())
elif sys.argv[1] == "sign":
    signature = key.sign(sys.stdin.buffer.read(), ec.ECDSA(Prehashed(hashes.SHA256())))
    sys.stdout.write(base64.b64encode(signature).decode())
else:
    sys.exit(2)
"""


def install_plugin(folder: Path, key: ec.EllipticCurvePrivateKey, attestation: str) -> None:
    """Install the plug-in in a folder, for a key and its attestation certificates in PEM."""
    form = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
    (folder / "attestation.pem").write_text(attestation)
    program = folder / "step-kms-plugin"
    program.write_text(_PROGRAM.format(python=shlex.quote(sys.executable), folder=str(folder)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
