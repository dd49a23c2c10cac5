"""Every member of ca.json, and what a Newel authority does with it. ``docs/ca-json.md`` shows the same table."""

from collections.abc import Mapping
from typing import Any

from newel.step.messages import TlsOptions
from newel.step.provisioner_members import CLAIMS, SSH
from newel.step.treatment import (
    Member,
    backdate,
    honoured,
    one_of,
    positive_duration,
    refused,
    warned,
)

_ELSEWHERE = (
    "this authority issues with its own keys (softcas); it does not stand in front of another one"
)
_KEYS = "keys are encrypted files (softkms); other stores are set in newel.signer.keys"
_DATABASE = "the database of step-ca is not read: certificates, accounts and revocations in it are unknown here"


def _part(says: str) -> Member:
    """A member of an object that is warned about as a whole."""
    return honoured(says)


def _own_database(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "newel"


def _subject(*names: str) -> str:
    return f"a subject's missing attributes ({', '.join(names)}) are not filled in yet"


AUTHORITY: Mapping[str, Member] = {
    "provisioners": honoured("who may ask for certificates: see below"),
    "claims": honoured("limits that provisioners inherit", members=CLAIMS),
    "policy": honoured(
        "which names are issued",
        members={
            "x509": refused(
                "policies are not applied yet, so names that they forbid would be issued"
            ),
            "ssh": warned(SSH),
        },
    ),
    "template": refused(
        _subject(
            "country", "organization", "organizationalUnit", "locality", "province", "streetAddress",
            "serialNumber", "commonName",
        )
    ),
    "backdate": honoured("how long before now certificates begin, default 1m, 24h at most", problem=backdate),
    "disableIssuedAtCheck": honoured(
        "always as if true: used tokens are remembered across restarts"
    ),
    "enableAdmin": warned(
        "remote management is not there yet; provisioners and administrators in step-ca's database are"
        " not taken over"
    ),
    "disableGetSSHHosts": warned(SSH),
    "authorityId": warned("the authority has no identity beside its root yet"),
    "deploymentType": refused(
        "only standalone authorities are supported", fits=one_of("standalone")
    ),
    "type": refused(_ELSEWHERE, fits=one_of("softcas", "SoftCAS", "SOFTCAS")),
    "certificateAuthority": refused(_ELSEWHERE),
    "certificateAuthorityFingerprint": refused(_ELSEWHERE),
    "certificateIssuer": refused(_ELSEWHERE),
    "credentialsFile": refused(_ELSEWHERE),
    "config": refused(_ELSEWHERE),
}  # fmt: skip


def _version(value: Any) -> str:
    return (
        "" if value in (None, 1.2, 1.3) else "it must be 1.2 or 1.3; older versions are not served"
    )


TLS: Mapping[str, Member] = {
    "cipherSuites": warned(
        "told to clients; the suites of this server itself are not set by it",
        fits=one_of(TlsOptions().cipher_suites),
    ),
    "minVersion": honoured("1.2 or 1.3: of this server, and told to clients", problem=_version),
    "maxVersion": honoured("1.2 or 1.3: of this server, and told to clients", problem=_version),
    "renegotiation": warned("told to clients; this server never renegotiates"),
}

CA_JSON: Mapping[str, Member] = {
    "root": honoured("the root, or a list of them: every one is served"),
    "federatedRoots": honoured("roots of other authorities, served at /federation"),
    "crt": honoured("the issuing certificate and its chain"),
    "key": honoured("the issuing certificate's key: an encrypted file"),
    "password": refused(
        "a password does not belong in this file; name its file by --password-file or newel.passwordFile"
    ),
    "address": honoured("where HTTPS is served, HOST:PORT"),
    "insecureAddress": honoured("where OCSP and revocation lists are served without TLS, HOST:PORT"),
    "metricsAddress": honoured("where metrics are served, HOST:PORT; by default on this machine alone"),
    "dnsNames": honoured("names and addresses of this server, default localhost, 127.0.0.1, ::1"),
    "commonName": honoured("the common name of this server's certificate"),
    "kms": honoured(
        "where keys are kept",
        members={
            "type": refused(_KEYS, fits=one_of("softkms", "SoftKMS", "SOFTKMS")),
            "credentialsFile": refused(_KEYS),
            "uri": refused(_KEYS),
            "pin": refused(_KEYS),
            "managementKey": refused(_KEYS),
            "region": refused(_KEYS),
            "profile": refused(_KEYS),
            "storageDirectory": refused(_KEYS),
        },
    ),
    "ssh": warned(
        SSH,
        members={
            "hostKey": _part("the key for hosts"),
            "userKey": _part("the key for users"),
            "keys": honoured(
                "further keys",
                several=True,
                members={"type": _part("user or host"), "federated": _part("of others"), "key": _part("a JWK")},
            ),
            "addUserPrincipal": _part("who adds users"),
            "addUserCommand": _part("how users are added"),
            "bastion": honoured(
                "the way to hosts",
                members={
                    name: _part("of the bastion") for name in ("hostname", "user", "port", "cmd", "flags")
                },
            ),
        },
    ),
    "logger": honoured(
        "how the authority logs",
        members={
            "format": warned("the log is text or json, nothing else", fits=one_of("text", "json")),
            "traceHeader": warned("requests are traced by the header X-Request-Id"),
        },
    ),
    "db": warned(
        _DATABASE,
        members={
            "type": _part("newel: this authority's own, below the state folder"),
            "dataSource": _part("the folder of the database"),
            "valueDir": _part("of badger"),
            "database": _part("its name"),
            "badgerFileLoadingMode": _part("of badger"),
        },
        fits=_own_database,
    ),
    "monitoring": warned(
        "nothing is reported to New Relic; metrics are served for Prometheus",
        members={"type": _part("newrelic"), "name": _part("of the application"), "key": _part("a secret")},
    ),
    "authority": honoured("who gets what", members=AUTHORITY),
    "tls": honoured("what clients are told to speak", members=TLS),
    "templates": warned(
        SSH,
        members={
            "ssh": honoured(
                "configurations of clients and servers",
                members={
                    kind: honoured(
                        "files",
                        several=True,
                        members={
                            name: _part("of one file")
                            for name in ("name", "type", "template", "path", "comment", "requires")
                        },
                    )
                    for kind in ("user", "host")
                },
            ),
            "data": _part("variables"),
        },
    ),
    "crl": honoured(
        "revocation lists",
        members={
            "enabled": honoured("always as if true: lists are published where there is a plain HTTP address"),
            "generateOnRevoke": honoured("always as if true"),
            "cacheDuration": honoured("how long a list is valid, default 24h", problem=positive_duration),
            "renewPeriod": honoured(
                "a new list at least this often, default a third of its validity", problem=positive_duration
            ),
            "idpURL": warned("certificates and lists name the address that newel.httpUrl gives"),
        },
    ),
    "newel": honoured("what the format has no word for; unknown members are refused too"),
}  # fmt: skip
