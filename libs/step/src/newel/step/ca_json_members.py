"""Every member of ca.json, and what a Newel authority does with it. ``docs/ca-json.md`` shows the same table."""

import re
from collections.abc import Mapping
from typing import Any, cast

from newel.step import cipher_suites
from newel.step.policies import POLICY
from newel.step.provisioner_members import CLAIMS
from newel.step.treatment import (
    Member,
    backdate,
    honour,
    one_of,
    positive_duration,
    refuse,
    text,
    warn,
)

_ELSEWHERE = (
    "this authority issues with its own keys (softcas); it does not stand in front of another one"
)
_KEYS = "no key is kept there; other stores are set in newel.signer.keys"
_KEY_SERVICES = ("", "softkms", "awskms", "azurekms", "cloudkms", "pkcs11")
_HEADER = re.compile(r"[A-Za-z0-9-]{0,64}", re.ASCII)
_HTTP_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/%?=&-]*)?", re.ASCII)
_DATABASE = (
    "this authority keeps SQLite files of its own; of what step-ca stored it knows what 'newel import' has"
    " brought over"
)


def _part(says: str) -> Member:
    """Return a member of an object that is warned about as a whole."""
    return honour(says)


def _database_type(value: Any) -> str:
    kind = str(cast("dict[str, Any]", value).get("type")) if isinstance(value, dict) else ""
    return kind.lower()


def _own_database(value: Any) -> bool:
    return _database_type(value) in ("newel", "postgresql")


def _database_problem(value: Any) -> str:
    """Return why the authority cannot keep its state there."""
    kind = str(value or "").lower()
    if kind == "mysql":
        return (
            "MySQL is not supported: leave db out, or name a PostgreSQL; 'newel import --from mysql' brings"
            " over what step-ca stored in it"
        )
    known = ("", "newel", "postgresql", "badger", "badgerv1", "badgerv2", "bbolt")
    return "" if kind in known else "it must be postgresql, or a type of step-ca's files"


SUBJECT: Mapping[str, Member] = {
    name: honour("for subjects without one", problem=text)
    for name in (
        "country", "organization", "organizationalUnit", "locality", "province", "streetAddress",
        "serialNumber", "commonName",
    )
}  # fmt: skip # a table

AUTHORITY: Mapping[str, Member] = {
    "provisioners": honour("who may ask for certificates: see below"),
    "claims": honour("limits that provisioners inherit", members=CLAIMS),
    "policy": honour("which names are issued", members=POLICY),
    "template": honour(
        "what subjects have that say nothing else",
        members=SUBJECT,
    ),
    "backdate": honour("how long before now certificates begin, default 1m, 24h at most", problem=backdate),
    "disableIssuedAtCheck": honour(
        "always as if true: used tokens are remembered across restarts"
    ),
    "enableAdmin": honour("administrators manage provisioners and policies: see administration.md"),
    "disableGetSSHHosts": honour("whether the list of hosts is kept from clients"),
    "authorityId": honour("the id in answers to administrators"),
    "deploymentType": refuse(
        "only standalone authorities are supported", fits=one_of("standalone")
    ),
    "type": refuse(_ELSEWHERE, fits=one_of("softcas", "SoftCAS", "SOFTCAS")),
    "certificateAuthority": refuse(_ELSEWHERE),
    "certificateAuthorityFingerprint": refuse(_ELSEWHERE),
    "certificateIssuer": refuse(_ELSEWHERE),
    "credentialsFile": refuse(_ELSEWHERE),
    "config": refuse(_ELSEWHERE),
}  # fmt: skip # a table


def _log_format(value: Any) -> str:
    return "" if value in (None, "", "text", "json", "common") else "it is text, json or common"


def _header(value: Any) -> str:
    valid = value is None or (isinstance(value, str) and _HEADER.fullmatch(value))
    return "" if valid else "it is not the name of an HTTP header"


def _http_url(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, str) and _HTTP_URL.fullmatch(value):
        return ""
    return "it is not an http or https URL"


def _version(value: Any) -> str:
    return (
        "" if value in (None, 1.2, 1.3) else "it must be 1.2 or 1.3; older versions are not served"
    )


def _kms_type(value: Any) -> str:
    if value is None or (isinstance(value, str) and value.lower() in _KEY_SERVICES):
        return ""
    return (
        "keys are encrypted files (softkms), in a token (pkcs11), or in awskms, azurekms or cloudkms; other"
        " stores are set in newel.signer.keys"
    )


TLS: Mapping[str, Member] = {
    "cipherSuites": honour(
        "of this server with TLS 1.2, and told to clients; those of TLS 1.3 are always served",
        problem=cipher_suites.problem,
        item_problem=cipher_suites.item_problem,
    ),
    "minVersion": honour("1.2 or 1.3: of this server, and told to clients", problem=_version),
    "maxVersion": honour("1.2 or 1.3: of this server, and told to clients", problem=_version),
    "renegotiation": honour("told to clients; servers never renegotiate, step-ca's neither"),
}

CA_JSON: Mapping[str, Member] = {
    "root": honour("the root, or a list of them: every one is served"),
    "federatedRoots": honour("roots of other authorities, served at /federation"),
    "crt": honour("the issuing certificate and its chain"),
    "key": honour("the issuing certificate's key: an encrypted file, or a key in the service of kms"),
    "password": refuse(
        "a password does not belong in this file; name its file by --password-file or newel.passwordFile"
    ),
    "address": honour("where HTTPS is served, HOST:PORT"),
    "insecureAddress": honour("where OCSP and revocation lists are served without TLS, HOST:PORT"),
    "metricsAddress": honour("where metrics are served, HOST:PORT; by default on this machine alone"),
    "dnsNames": honour("names and addresses of this server, default localhost, 127.0.0.1, ::1"),
    "commonName": honour("the common name of this server's certificate"),
    "kms": honour(
        "where keys are kept",
        members={
            "type": honour("softkms for files, pkcs11, awskms, azurekms or cloudkms", problem=_kms_type),
            "credentialsFile": honour("the credentials for awskms and cloudkms", problem=text),
            "uri": honour("the token or service, as a URI: what it says holds for every key", problem=text),
            "pin": honour("the PIN of pkcs11, where no URI has one; pin-source is safer", problem=text),
            "managementKey": refuse(_KEYS),
            "region": honour("the region of awskms", problem=text),
            "profile": honour("the profile in the credentials for awskms", problem=text),
            "storageDirectory": refuse(_KEYS),
        },
    ),
    "ssh": honour(
        "the authority for SSH",
        members={
            "hostKey": honour("the key that signs certificates of hosts: a file, or in the service of kms"),
            "userKey": honour("the key that signs certificates of users: a file, or in the service of kms"),
            "keys": honour(
                "further keys that are trusted",
                several=True,
                members={
                    "type": honour("user or host"),
                    "federated": honour("listed at /ssh/federation alone"),
                    "key": honour("the public key, a JWK"),
                },
            ),
            "addUserPrincipal": honour("whom hosts let in to add accounts, default provisioner"),
            "addUserCommand": honour("what adds an account there, for the user <principal>"),
            "bastion": honour(
                "the host that connections go through",
                members={
                    "hostname": honour("its name"),
                    "user": honour("who logs in there"),
                    "port": honour("its port"),
                    "cmd": honour("what is run there"),
                    "flags": honour("options of ssh"),
                },
            ),
        },
    ),
    "logger": honour(
        "how the authority logs",
        members={
            "format": honour("text, json, or common for the lines of requests", problem=_log_format),
            "traceHeader": honour("the request's id, where there is no X-Request-Id", problem=_header),
        },
    ),
    "db": warn(
        _DATABASE,
        members={
            "type": honour(
                "postgresql: there, in schemas of their own; else SQLite files", problem=_database_problem
            ),
            "dataSource": _part("the connection string of PostgreSQL"),
            "valueDir": _part("of badger"),
            "database": _part("the name of the database, where the connection string has none"),
            "badgerFileLoadingMode": _part("of badger"),
        },
        fits=_own_database,
    ),
    "monitoring": warn(
        "nothing is reported to New Relic; metrics are served for Prometheus",
        members={"type": _part("newrelic"), "name": _part("of the application"), "key": _part("a secret")},
    ),
    "authority": honour("who gets what", members=AUTHORITY),
    "tls": honour("what clients are told to speak", members=TLS),
    "templates": honour(
        "the files of ssh that clients and hosts are given",
        members={
            "ssh": honour(
                "configurations of clients and servers",
                members={
                    kind: honour(
                        "files",
                        several=True,
                        members={
                            "name": honour("what it is called in errors"),
                            "type": honour("file, snippet, line, prepend-line or directory"),
                            "template": honour("the file of the Go template"),
                            "path": honour("where the client puts it"),
                            "comment": honour("what begins a comment in it"),
                            "requires": honour("variables that the client has to give"),
                        },
                    )
                    for kind in ("user", "host")
                },
            ),
            "data": honour("variables of those files"),
        },
    ),
    "crl": honour(
        "revocation lists",
        members={
            "enabled": honour("always as if true: lists are published where there is a plain HTTP address"),
            "generateOnRevoke": honour("always as if true"),
            "cacheDuration": honour("how long a list is valid, default 24h", problem=positive_duration),
            "renewPeriod": honour(
                "a new list at least this often, default a third of its validity", problem=positive_duration
            ),
            "idpURL": honour(
                "where certificates say that their list is, and lists that they are; else below newel.httpUrl",
                problem=_http_url,
            ),
        },
    ),
    "newel": honour("what the format has no word for; unknown members are refused too"),
}  # fmt: skip # a table
