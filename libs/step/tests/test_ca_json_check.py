"""Every member of ca.json takes effect, keeps the authority from starting, or is named at start."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from newel.step import ca_json, provisioners
from newel.step.ca_json_check import Setting, lines
from newel.step.ca_json_members import CA_JSON
from newel.step.provisioner_members import OF_KIND, SUPPORTED, members_of
from newel.step.treatment import Member, Treatment

KEY = {"kty": "EC", "crv": "P-256", "kid": "k", "x": "AA", "y": "AA"}
VALUES: dict[str, Any] = {"x509": {"allow": {"dns": ["*.lab"]}}, "template": "{}"}
"""Where anything that is not empty would be of a wrong type."""


class Place:
    """A member and how to set it in a file."""

    def __init__(self, kind: str, path: tuple[str, ...], member: Member) -> None:
        self.kind, self.path, self.member = kind, path, member

    def __str__(self) -> str:
        return ".".join((self.kind, *self.path) if self.kind else self.path)

    def file(self, value: Any) -> dict[str, Any]:
        return (
            nest(self.path, value)
            if not self.kind
            else with_record(self.kind, nest(self.path, value))
        )


FIRST = "[0]"
"""Ends the name of a list in the path of a member of its objects."""


def nest(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    for part in reversed(path):
        name = part.removesuffix(FIRST)
        if name == "profiles":
            value = {"name": "short", **value}
        value = {name: value if name == part else [value]}
    return value


def with_record(kind: str, more: Mapping[str, Any]) -> dict[str, Any]:
    needed = {"JWK": {"key": KEY}, "OIDC": {"clientID": "c"}}.get(kind, {})
    record = {"type": kind, "name": "n", **needed, **more}
    return {"authority": {"provisioners": [record]}}


def leaves(
    kind: str, members: Mapping[str, Member], above: tuple[str, ...] = ()
) -> Iterator[Place]:
    for name, member in members.items():
        if member.members and member.treatment is Treatment.HONOURED:
            inside = f"{name}{FIRST}" if member.several else name
            yield from leaves(kind, member.members, (*above, inside))
        else:
            yield Place(kind, (*above, name), member)


ALL = list(leaves("", CA_JSON)) + [
    place for kind in sorted(OF_KIND) for place in leaves(kind, members_of(kind))
]
DECIDING = [
    each
    for each in ALL
    if each.member.treatment is Treatment.REFUSED and each.kind in {"", *SUPPORTED}
]
MISSING = [
    each
    for each in ALL
    if each.member.treatment is Treatment.WARNED
    and each.kind in {"", *SUPPORTED}
    and not each.member.fits(True)
]


def value_for(place: Place) -> Any:
    name = place.path[-1]
    if name in {"x509", "template"}:
        return (
            {"organization": "x"} if place.path[-2:] == ("authority", "template") else VALUES[name]
        )
    if name.endswith("Duration"):
        return "1h"
    if name == "enableSSHCA" or name.startswith("disable"):
        return True
    if name == "ssh":
        return (
            {"hostKey": "k"}
            if place.path == ("ssh",)
            else {"user": {"allow": {"principal": ["x"]}}}
        )
    objects = {
        "db": {"type": "bbolt"},
        "monitoring": {"type": "newrelic"},
        "templates": {"data": {"a": 1}},
    }
    lists: dict[str, list[Any]] = {
        "webhooks": [{"name": "w"}],
        "attestationFormats": ["tpm"],
    }
    return objects.get(name) or lists.get(name) or "x"


def read(file: Mapping[str, Any]) -> list[str]:
    return lines(ca_json.read_strictly(json.dumps(file)).warnings)


@pytest.mark.parametrize("place", DECIDING, ids=str)
def test_what_decides_who_gets_what_and_is_not_there_is_refused(place: Place) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - looked at below
        read(place.file(value_for(place)))
    where = "authority.provisioners[0]." if place.kind else ""
    assert str(refusal.value) == f"{where}{'.'.join(place.path)}: {place.member.says}"
    assert read(place.file(None)) == []


def test_a_policy_without_rules_asks_for_nothing() -> None:
    empty = {"x509": {"allow": {"dns": []}, "deny": {}, "allowWildcardNames": False}, "ssh": None}
    assert read({"authority": {"policy": empty, "template": {}, "type": "softcas"}}) == []


@pytest.mark.parametrize(
    ("kind", "member"), [("ACME", "attestationFormats"), ("AWS", "imdsVersions")]
)
@pytest.mark.parametrize("unknown", ["usb", "", None])
def test_an_entry_that_is_none_of_those_known_is_refused(
    kind: str, member: str, unknown: str | None
) -> None:
    known = {"ACME": "tpm", "AWS": "v2"}[kind]
    file = {"authority": {"provisioners": [{"type": kind, "name": "p", member: [known, unknown]}]}}
    with pytest.raises(ValueError, match=f"{member}: {unknown!r} is not a "):
        read(file)


@pytest.mark.parametrize("place", MISSING, ids=str)
def test_what_decides_nothing_and_is_not_there_is_named(place: Place) -> None:
    where = "authority.provisioners[0]." if place.kind else ""
    assert read(place.file(value_for(place))) == [
        f"{where}{'.'.join(place.path)}: {place.member.says}"
    ]


@pytest.mark.parametrize("place", ALL, ids=str)
def test_a_mistyped_member_is_refused_with_its_path_and_the_nearest_one(place: Place) -> None:
    *above, name = place.path
    wrong = Place(place.kind, (*above, f"{name}x"), place.member)
    where = "authority.provisioners[0]." if place.kind else ""
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - looked at below
        read(wrong.file("x"))
    assert str(refusal.value) == (
        f"{where}{'.'.join(wrong.path)}: unknown member; did you mean {name!r}?"
    )


@pytest.mark.parametrize("kind", sorted(OF_KIND))
def test_the_records_know_the_members_of_their_kind(kind: str) -> None:
    record = provisioners.from_mapping(with_record(kind, {})["authority"]["provisioners"][0])
    fields = {each.encode_name for each in msgspec.structs.fields(record)}
    assert fields | {"type", "policy"} == set(members_of(kind))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"foo": 2}', "foo: unknown member"),
        ('{\n "root": "a",\n', "line 3, column 1: "),
        ('{"root": "a" "crt": "b"}', "line 1, column 14: "),
        ('{"authority": {"policy": {}, "policy": {"x509": {}}}}', "'policy' is given twice"),
        ('{"dnsNames": "localhost"}', "dnsNames: expected"),
        ("[]", "not a JSON object"),
        ('{"crl": {"cacheDuration": "24x"}}', "crl.cacheDuration: invalid duration '24x'"),
        ('{"authority": {"backdate": "soon"}}', "authority.backdate: invalid duration 'soon'"),
        ('{"authority": {"backdate": "999999h"}}', "authority.backdate: 24h is the most"),
        ('{"authority": {"backdate": "24h1s"}}', "authority.backdate: 24h is the most"),
        (
            '{"authority": {"claims": {"minTLSCertDuration": "0s"}}}',
            "minTLSCertDuration: it must be",
        ),
        ('{"authority": {"claims": {"maxTLSCertDuration": 3}}}', "maxTLSCertDuration: it must be"),
        ('{"tls": {"minVersion": 1.1}}', "tls.minVersion: it must be 1.2 or 1.3"),
        ('{"authority": {"claims": []}}', "authority.claims: "),
        ('{"newel": {}, "x": NaN}', "NaN is not JSON"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        (b"\xff\xfe{", "not UTF-8"),
        ('{"crt": "a\\u0000b"}', "crt: the character U+0000 is not allowed"),
        ('{"dnsNames": ["\\ud800"]}', "dnsNames[0]: the character U+D800 is not allowed"),
        ('{"\\ud800": 1}', "the character U+D800 is not allowed"),
        ('{"tls": {"minVersion": ' + "1" * 5000 + "}}", "a number has 5000 digits"),
        ('{"crl": [{}]}', "crl: it is not an object"),
        ('{"templates": {"ssh": {"user": {}}}}', "templates.ssh.user: it is not a list"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_what(text: str | bytes, says: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - looked at below
        ca_json.read_strictly(text)
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (
            {"type": "JWKK", "name": "x"},
            "[0].type: there is no kind of provisioner 'JWKK'; did you mean 'JWK'?",
        ),
        ({"name": "x"}, "[0].type: there is no kind of provisioner None"),
        ({"type": "ACME", "name": ""}, "[0].name: a provisioner needs a name"),
        ({"type": "ACME"}, "[0]: object missing required field `name`"),
        ({"type": "ACME", "name": "x", "forceCN": "yes"}, "[0].forceCN: expected `bool`"),
        (
            {"type": "JWK", "name": "x", "key": KEY | {"d": "AA"}},
            "[0].key: it has the private member 'd'",
        ),
        (
            {"type": "JWK", "name": "x", "key": {"kty": "oct", "k": "AA"}},
            "[0].key: it has the private member 'k'",
        ),
        (
            {"type": "ACME", "name": "x", "options": {"x509": {"templateData": [1]}}},
            "templateData: it must be an",
        ),
        (
            {"type": "ACME", "name": "x", "options": {"x509": [{}]}},
            "[0].options.x509: it is not an object",
        ),
        ({"type": "ACME", "name": "x", "claims": [{}]}, "[0].claims: it is not an object"),
        ("x", "[0]: it is not an object"),
    ],
)
def test_a_provisioner_that_cannot_be_meant_is_refused(record: Any, says: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - looked at below
        read({"authority": {"provisioners": [record]}})
    assert says in str(refusal.value)


def test_every_fault_of_a_file_is_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"^adress: .*; authority\.deploymentType: "):
        read({"adress": ":9", "authority": {"deploymentType": "linked"}})


def test_members_and_kinds_are_read_in_any_case_as_the_original_does() -> None:
    checked = ca_json.read_strictly(
        b'\xef\xbb\xbf{"DNSNames": ["x"], "Authority": {"Provisioners": [{"TYPE": "K8SSA", "Name": "k"}]}}'
    )
    assert checked.config.dns_names == ["x"]
    assert checked.config.authority is not None
    (record,) = checked.config.authority.parse_provisioners()
    assert (provisioners.kind(record), record.name) == ("K8sSA", "k")


def test_reasons_that_are_the_same_are_one_line() -> None:
    found = [
        Setting("ssh.a", "has no effect"),
        Setting("b", "is old"),
        Setting("c", "has no effect"),
    ]
    assert lines(found) == ["ssh.a, c: has no effect", "b: is old"]
