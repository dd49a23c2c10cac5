"""Who may call the key of an SSH certificate compromised: that key need not be the requester's."""

import base64
from pathlib import Path
from typing import Any

import pytest

from fixtures.authority import EPOCH, CertificateAuthority
from fixtures.birth_certificates import BirthAuthority
from fixtures.registration import CA, open_registration, read_message
from newel.crypto import keys
from newel.crypto.ssh import certificates
from newel.crypto.ssh.public_keys import wire_of
from newel.step.tokens import SSHOptions

MAKER = BirthAuthority.root(EPOCH)
DEVICE = MAKER.leaf(EPOCH)


@pytest.mark.attack("X13")
async def test_a_strangers_key_is_not_called_compromised_by_who_had_it_certified(
    authority: CertificateAuthority, tmp_path: Path
) -> None:
    """An SSH certificate needs no proof of its key, and every other certificate on it would be revoked."""
    record = {
        "type": "X5C",
        "name": "devices",
        "roots": MAKER.roots,
        "claims": {"enableSSHCA": True},
    }
    ra = await open_registration(f"sqlite:///{tmp_path}/ra.db", authority, provisioners=(record,))

    def token(subject: str, method: str, **more: Any) -> str:
        audience = f"{CA}/1.0/ssh/{method}#x5c/devices"
        return DEVICE.token("devices", subject=subject, audience=audience, now=EPOCH, **more)

    victim = base64.b64encode(wire_of(keys.generate("P-256").public_key())).decode()
    options = SSHOptions(cert_type="host", principals=["w.internal"])
    answer = await ra.post(
        "/ssh/sign", publicKey=victim, ott=token("w.internal", "sign", ssh=options)
    )
    made = certificates.parse(base64.b64decode(answer.json()["crt"]))
    serial = str(made.serial)

    def body(reason: int) -> dict[str, Any]:
        ott = token(serial, "revoke")
        return {"serial": serial, "ott": ott, "passive": True, "reasonCode": reason}

    refused = await ra.post("/ssh/revoke", **body(1))
    assert refused.status_code == 403
    assert "compromised" in read_message(refused)
    assert ra.audit.lines[-1][:2] == ("ssh-revoke", "refused")
    assert (await ra.post("/ssh/revoke", **body(4))).status_code == 200
    await ra.database.close()
