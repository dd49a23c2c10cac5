"""A real webhook server over TLS, and a registration authority whose provisioner calls it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.authority import CertificateAuthority
from fixtures.pki import InternalPki
from fixtures.registration import JwkKey, RegistrationHarness, open_registration
from fixtures.webhooks import Opening
from newel.crypto import keys


@pytest.fixture
async def open_with(
    authority: CertificateAuthority, tmp_path: Path, pki: InternalPki
) -> AsyncIterator[Opening]:
    """Opens a registration authority with these webhooks, and maybe a template of X.509 or of SSH."""
    opened: list[RegistrationHarness] = []

    async def open_it(
        *webhooks: dict[str, Any], template: str = "", ssh_template: str = "", **outgoing: Any
    ) -> Any:
        admin = JwkKey("admin", keys.generate())
        options: dict[str, Any] = {"webhooks": list(webhooks)}
        if template:
            options["x509"] = {"template": template}
        if ssh_template:
            options["ssh"] = {"template": ssh_template}
        ra = await open_registration(
            f"sqlite:///{tmp_path}/ra.db",
            authority,
            admin=admin,
            provisioners=(admin.record(options=options, claims={"enableSSHCA": True}),),
            outgoing={"ca_file": pki.roots, **outgoing},
        )
        opened.append(ra)
        return ra

    yield open_it
    for ra in opened:
        await ra.database.close()
