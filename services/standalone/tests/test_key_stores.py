"""Keys of ca.json in the key service of its ``kms``: what reaches the signer, and what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from newel.runtime.config import ConfigError
from newel.standalone import models
from newel.standalone.layout import Layout
from newel.standalone.settings import Settings, read_settings

BASE = {
    "root": "r.crt",
    "crt": "i.crt",
    "key": "i.key",
    "address": ":9000",
    "authority": {"provisioners": [{"type": "ACME", "name": "a"}]},
}


def settings_of(folder: Path, added: dict[str, Any]) -> Settings:
    """Read and check a ca.json with more members."""
    layout = Layout(folder)
    layout.ca_json.parent.mkdir(exist_ok=True)
    layout.ca_json.write_text(json.dumps(BASE | added))
    settings = read_settings(layout)
    models.check(settings)
    return settings


VERSION = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"


@pytest.mark.parametrize(
    ("kms", "key", "kind", "members"),
    [
        (
            {"type": "awskms", "region": "r", "profile": "p", "credentialsFile": "aws"},
            "awskms:key-id=1",
            "awskms",
            {"key_id": "1", "region": "r", "profile": "p"},
        ),
        (
            {"type": "AWSKMS"},
            "arn:aws:kms:r:1:key/2",
            "awskms",
            {"key_id": "arn:aws:kms:r:1:key/2"},
        ),
        (None, "awskms:key-id=1?region=r", "awskms", {"key_id": "1", "region": "r"}),
        ({"type": "cloudkms", "uri": "cloudkms:"}, VERSION, "cloudkms", {"key": VERSION}),
        ({"type": "softkms"}, f"cloudkms:{VERSION}", "cloudkms", {"key": VERSION}),
        (
            {"type": "azurekms", "uri": "azurekms:vault=lab"},
            "azurekms:name=ca",
            "azurekms",
            {"vault": "lab", "name": "ca"},
        ),
        (
            {"type": "pkcs11", "uri": "pkcs11:module-path=/m;token=lab?pin-source=file:/pin"},
            "pkcs11:id=01ff;object=ca;type=private",
            "pkcs11",
            {"token": "lab", "label": "ca", "id": b"\x01\xff", "pin_file": Path("/pin")},
        ),
        (
            {"type": "pkcs11", "pin": "other"},
            "pkcs11:module-path=/m;token=lab;object=ca?pin-value=12%2034",
            "pkcs11",
            {"module": Path("/m"), "pin": SecretStr("12 34"), "pin_file": None},
        ),
        (
            {"type": "pkcs11", "pin": "1234"},
            "pkcs11:module-path=/m;token=lab;id=%01",
            "pkcs11",
            {"pin": SecretStr("1234"), "id": b"\x01"},
        ),
    ],
)
def test_keys_in_the_service_of_kms_reach_the_signer(
    tmp_path: Path, kms: Any, key: str, kind: str, members: dict[str, Any]
) -> None:
    former = {"formerIssuers": [{"crt": "f.crt", "key": key}]}
    added = {"key": key, "newel": former, "ssh": {"hostKey": key}} | ({"kms": kms} if kms else {})
    settings = settings_of(tmp_path, added)
    main, responder, past, host = models.configure_signer(settings).keys
    assert responder.store.kind == "file"
    for store in (main.store, past.store, host.store):
        assert store.kind == kind
        assert {name: getattr(store, name) for name in members} == members
    if kms and "credentialsFile" in kms:
        assert getattr(main.store, "credentials_file", None) == tmp_path / "aws"


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        ({"kms": {"type": "tpmkms"}}, "kms.type: keys are encrypted files"),
        ({"kms": {"type": 3}}, "kms.type: keys are encrypted files"),
        ({"kms": {"type": "awskms", "pin": "1"}}, "kms.pin: only pkcs11 has it"),
        ({"kms": {"type": "awskms", "uri": "cloudkms:"}}, "kms.uri: it is the URI of another"),
        ({"kms": {"uri": "tpmkms:name=a"}}, "kms.uri: it is a URI of awskms"),
        ({"kms": {"region": "r"}}, "kms.region: only awskms has it"),
        (
            {"kms": {"type": "pkcs11"}, "key": "intermediate"},
            "key: in this service a key is named by a URI: pkcs11:token=",
        ),
        ({"key": "pkcs11:module-path=/m;token=t;object=o"}, "a token has one PIN"),
        ({"key": "pkcs11:module-path=/m;slot-id=1"}, "key: 'slot-id' is no attribute of pkcs11"),
        ({"kms": {"type": "azurekms"}}, "key: in this service a key is named by a URI"),
        (
            {"kms": {"type": "awskms"}, "key": f"cloudkms:{VERSION}"},
            "key: it is the URI of another",
        ),
        ({"key": "tpmkms:name=ca"}, "key: it is the URI of a 'tpmkms' store"),
        ({"key": "awskms:name=ca"}, "key: 'name' is no attribute of awskms"),
        ({"key": "cloudkms:projects/p"}, "keys.0.store"),
        ({"ssh": {"userKey": "yubikey:slot-id=9c"}}, "ssh.userKey: it is the URI of a 'yubikey'"),
    ],
)
def test_a_key_service_that_cannot_be_used_is_told_with_its_place(
    tmp_path: Path, added: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(reason)):
        settings_of(tmp_path, added)
