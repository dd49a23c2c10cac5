"""What `ca init` was told about the authority it creates."""

from collections.abc import Sequence
from typing import NamedTuple


class InitOptions(NamedTuple):
    """The flags of `ca init`, each field named after its flag."""

    acme: bool = False
    address: str | None = None
    admin_subject: str | None = None
    deployment_type: str | None = None
    dns: Sequence[str] = ()
    federated_root: Sequence[str] = ()
    helm: bool = False
    intermediate: str | None = None
    intermediate_csr: str | None = None
    intermediate_key: str | None = None
    issuer: str | None = None
    issuer_fingerprint: str | None = None
    issuer_provisioner: str | None = None
    key: str | None = None
    key_password_file: str | None = None
    kms: str | None = None
    name: str | None = None
    no_db: bool = False
    password_file: str | None = None
    pki: bool = False
    provisioner: str | None = None
    provisioner_password_file: str | None = None
    ra: str | None = None
    remote_management: bool = False
    root: str | None = None
    ssh: bool = False
    with_ca_url: str | None = None
