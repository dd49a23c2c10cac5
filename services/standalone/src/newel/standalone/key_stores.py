"""The keys that ca.json names: encrypted files, or keys in the token or key service of its ``kms``.

A key in one is named by a URI. Where ``kms.type`` says which service it is, an AWS key's id or ARN and
Google's resource name stand alone too, as the original takes them.
"""

from typing import Any

from newel.signer.config import parse_key_uri, scheme_of
from newel.step.ca_json import KMS

SERVICES = ("awskms", "azurekms", "cloudkms", "pkcs11")
"""The tokens and services, by the schemes of their URIs, which are also the values of ``kms.type``."""

_FORMS = {"azurekms": "azurekms:vault=…;name=…", "pkcs11": "pkcs11:token=…;object=…"}
"""How a key is named in the services where nothing but a URI names one."""
_NAMES = {"awskms": "key_id", "cloudkms": "key"}
"""The setting of a key that is named without a URI."""
_MEMBERS = {
    "region": ("region", ("awskms",)),
    "profile": ("profile", ("awskms",)),
    "credentials_file": ("credentialsFile", ("awskms", "cloudkms")),
    "pin": ("pin", ("pkcs11",)),
}
"""The members of ``kms`` that are settings of a store, as ca.json spells them, and the services with them."""


def find_service(kms: KMS | None) -> str:
    """Return the service that ``kms`` names, "" for files. Raises ValueError with the faulty member."""
    if kms is None:
        return ""
    kind, scheme = kms.type.lower(), scheme_of(kms.uri)
    service = "" if kind in ("", "softkms") else kind
    if kms.uri and scheme not in SERVICES:
        raise ValueError(f"kms.uri: it is a URI of {', '.join(SERVICES)}, not {scheme or 'a path'}")
    if service and scheme and service != scheme:
        raise ValueError(f"kms.uri: it is the URI of another service than kms.type {service}")
    found = service or scheme
    for name, (member, services) in _MEMBERS.items():
        if getattr(kms, name) and found not in services:
            has = "have" if len(services) > 1 else "has"
            raise ValueError(f"kms.{member}: only {' and '.join(services)} {has} it")
    return found


def is_in_service(kms: KMS | None, key: str) -> bool:
    """Tell whether a key of ca.json is in a key service, and no file."""
    if scheme_of(key):
        return True
    return kms is not None and bool(key) and (kms.type.lower() in SERVICES or bool(kms.uri))


def read_service_key(kms: KMS | None, key: str) -> dict[str, Any]:
    """Return the signer's settings of a key in a service. Raises ValueError with what is wrong with it."""
    service, scheme = find_service(kms), scheme_of(key)
    if scheme in SERVICES:
        if service and service != scheme:
            raise ValueError(f"it is the URI of another service than kms, which is {service}")
        store = parse_key_uri(*([kms.uri] if kms and kms.uri else []), key)
    elif service in _NAMES and scheme in ("", "arn"):
        base = parse_key_uri(kms.uri) if kms and kms.uri else {"kind": service}
        store = base | {_NAMES[service]: key}
    elif service and not scheme:
        raise ValueError(f"in this service a key is named by a URI: {_FORMS[service]}")
    else:
        raise ValueError(
            f"it is the URI of a {scheme!r} store; keys are encrypted files, or in one of {', '.join(SERVICES)};"
            " other stores are set in newel.signer.keys"
        )
    given = {name: getattr(kms, name) for name in _MEMBERS if kms}
    if "pin" in store or "pin_file" in store:
        given["pin"] = ""  # the URI's own wins, as with the original
    return store | {name: value for name, value in given.items() if value}
