"""The files that ca.json names: a configuration whose files are not there would not start."""

from pathlib import Path

from newel.crypto import certificate_files, pem
from newel.runtime.config import ConfigError
from newel.runtime.system_errors import describe
from newel.standalone.key_stores import is_in_service
from newel.standalone.settings import Settings


def require_files(settings: Settings) -> None:
    """Read what the next start would read. Raises ConfigError with the faulty member."""
    ca, file = settings.ca, settings.layout.ca_json
    if not ca.address:
        raise ConfigError(f"{file}: address: missing")
    certificates = [("crt", ca.crt), *(("root", root) for root in ca.roots)]
    certificates += [("federatedRoots", root) for root in ca.federated_roots or ()]
    keys = [("newel.passwordFile", str(settings.password_file))]
    if not settings.newel.signer.get("keys") and not is_in_service(ca.kms, ca.key):
        keys.append(("key", ca.key))
    for _, certificate, key in settings.former_issuers:
        certificates.append(("newel.formerIssuers", certificate))
        if not is_in_service(ca.kms, key):
            keys.append(("newel.formerIssuers", key))
    for member, name in (*certificates, *keys):
        try:
            if (member, name) in keys:
                Path(name).open("rb").close()
            else:
                certificate_files.read_certificates(Path(name))
        except OSError as error:
            raise ConfigError(f"{file}: {member}: {describe(error)}") from None
        except pem.PEMError as error:
            raise ConfigError(f"{file}: {member}: {name}: {error}") from None
