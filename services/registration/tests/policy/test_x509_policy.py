"""What a name policy lets into X.509 certificates."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.crypto import names
from newel.crypto.distinguished_names import COMMON_NAME, Attribute
from newel.crypto.dns_names import UNDERSCORES
from newel.crypto.name_constraints import NameConstraints
from newel.registration.errors import PolicyError, VerbatimError
from newel.registration.policy.levels import Policies, check_x509, compile_policies
from newel.registration.policy.lockout import LockOutError, require_no_lock_out
from newel.registration.policy.sides import NameNotAllowedError
from newel.registration.policy.x509 import X509Policy
from newel.step.policies import NamePolicy, PolicyConfig
from newel.step.policy_constraints import ip_range


def policy(**members: object) -> X509Policy:
    return X509Policy(msgspec.convert(members, NamePolicy))


def level(**members: object) -> Policies:
    return compile_policies(PolicyConfig(x509=msgspec.convert(members, NamePolicy)))


def refusal(engine: X509Policy, *texts: str, common_name: str = "") -> str:
    """Return why the names are not allowed, or ""."""
    try:
        engine.check(names.parse_sans(texts, UNDERSCORES), common_name)
    except NameNotAllowedError as error:
        return str(error)
    return ""


def test_a_policy_without_constraints_allows_everything() -> None:
    nothing = policy(allow={"dns": []}, deny={"ip": []})
    assert nothing.is_empty
    assert not refusal(nothing, "a.test", "*.b.test", "10.0.0.1", "a@b.test", common_name="A B")
    assert level(allow={}).x509 is None


def test_a_denied_name_is_refused_although_it_is_allowed() -> None:
    both = policy(allow={"dns": ["*.lab"]}, deny={"dns": ["bad.lab"]})
    assert not refusal(both, "good.lab")
    assert refusal(both, "good.lab", "bad.lab") == 'dns name "bad.lab" not allowed'


def test_one_allow_list_denies_every_other_kind() -> None:
    hosts = policy(allow={"dns": ["a.test"]})
    assert refusal(hosts, "10.0.0.1") == 'ip name "10.0.0.1" not allowed'
    assert refusal(hosts, "a@a.test") == 'email name "a@a.test" not allowed'
    assert refusal(hosts, "https://a.test/") == 'uri name "https://a.test/" not allowed'


def test_the_stricter_reading_of_a_wildcard() -> None:
    denied = {"dns": ["admin.lab"]}
    assert refusal(policy(deny=denied), "*.other")
    assert not refusal(policy(deny=denied, allowWildcardNames=True), "*.other")
    assert refusal(policy(deny=denied, allowWildcardNames=True), "*.lab")
    assert refusal(policy(deny={"dns": ["*.lab"]}, allowWildcardNames=True), "*.lab")


@pytest.mark.parametrize(
    "spelling", ["64:ff9b::a01:203", "2002:a01:203::", "::10.1.2.3", "::ffff:10.1.2.3"]
)
def test_an_ipv4_address_inside_an_ipv6_one_is_denied_too(spelling: str) -> None:
    assert refusal(policy(deny={"ip": ["10.0.0.0/8"]}), spelling)


def test_a_uri_without_a_host_is_refused_where_uris_are_constrained() -> None:
    assert not refusal(policy(deny={"dns": ["a.test"]}), "urn:x:y")
    assert (
        refusal(policy(deny={"uri": ["a.test"]}), "urn:x:y")
        == 'error matching uri name "urn:x:y" to constraint'
    )


@pytest.mark.parametrize(
    ("members", "common_name", "why"),
    [
        ({"allow": {"cn": ["Alice Smith"]}}, "ALICE smith", ""),
        ({"allow": {"cn": ["Alice Smith"]}}, "Bob", 'cn name "Bob" not allowed'),
        ({"allow": {"cn": ["x"]}}, "Bob B.", 'cn name "Bob B." not allowed'),
        ({"allow": {"dns": ["x"]}}, "Bob B.", 'cannot parse cn domain "Bob B."'),
        ({"allow": {"email": ["x@y"]}}, "B ob@y", 'cannot parse cn rfc822Name "B ob@y"'),
        ({"allow": {"dns": ["*.lab"]}}, "a.lab", ""),
        ({"deny": {"cn": ["a.lab"]}, "allow": {"dns": ["*.lab"]}}, "a.lab", 'cn name "a.lab" not allowed'),
        ({"deny": {"cn": ["strasse"]}}, "Stra\u00dfe", 'cn name "Stra\u00dfe" not allowed'),
        ({"allow": {"cn": ['a"b']}}, 'c"\\d', 'cn name "c\\"\\\\d" not allowed'),
    ],
)  # fmt: skip # a table
def test_a_common_name_has_constraints_of_its_own_and_then_those_of_what_it_is(
    members: dict[str, object], common_name: str, why: str
) -> None:
    assert refusal(policy(**members), common_name=common_name) == why


def test_every_level_has_to_allow_a_name() -> None:
    account, provisioner, authority = (
        level(deny={"dns": ["a.lab"]}), level(allow={"dns": ["*.lab"]}), level(deny={"dns": ["b.lab"]}),
    )  # fmt: skip # in their order
    levels = [account, provisioner, Policies(), authority]
    check_x509(levels, names.parse_sans(["c.lab"]))
    for text in ("a.lab", "b.lab", "c.other"):
        with pytest.raises(PolicyError, match=f'dns name "{text}" not allowed'):
            check_x509(levels, names.parse_sans([text]))


def test_each_common_name_of_a_subject_is_checked() -> None:
    subject = [Attribute(COMMON_NAME, "a.lab"), Attribute(COMMON_NAME, "b.lab")]
    with pytest.raises(PolicyError, match=r"b\.lab"):
        check_x509([level(deny={"dns": ["b.lab"]})], (), subject)


def test_the_chains_constraints_are_checked_before_every_policy() -> None:
    constraints = NameConstraints(permitted={"dns": ["lab"]})
    check_x509([], names.parse_sans(["a.lab"]), (), [constraints])
    with pytest.raises(
        VerbatimError, match=r'^DNS name "a\.other" is not permitted by any constraint$'
    ):
        check_x509([], names.parse_sans(["a.other"]), (), [constraints])


def test_a_policy_must_not_lock_out_an_administrator() -> None:
    config = PolicyConfig(x509=msgspec.convert({"allow": {"dns": ["step"]}}, NamePolicy))
    require_no_lock_out(config, ["step", "step"])
    require_no_lock_out(PolicyConfig(), ["anyone"])
    with pytest.raises(LockOutError) as found:
        require_no_lock_out(config, ["step", "alice@lab"])
    assert str(found.value) == (
        "the provided policy would lock out [alice@lab] from the CA. Please create an x509 policy to"
        " include [alice@lab] as an allowed DNS name"
    )


LABELS = st.lists(st.sampled_from(["a", "b", "lab", "x1"]), min_size=1, max_size=4).map(".".join)
ADDRESSES = st.ip_addresses().map(str)
RANGES = st.tuples(st.ip_addresses(), st.integers(0, 32)).map(lambda r: f"{r[0]}/{r[1]}")


@given(st.sets(LABELS), st.sets(LABELS), LABELS)
def test_look_ups_agree_with_a_comparison_of_labels(
    hosts: set[str], parents: set[str], name: str
) -> None:
    """The slow and plain reading: a host is itself, ``*.`` is exactly one label more."""
    expected = name in hosts or any(
        name.endswith(f".{each}") and name.count(".") == each.count(".") + 1 for each in parents
    )
    engine = policy(deny={"dns": [*hosts, *(f"*.{each}" for each in parents)]})
    assert bool(refusal(engine, name)) is expected


@given(st.lists(RANGES), ADDRESSES)
def test_look_ups_agree_with_a_comparison_of_ranges(ranges: list[str], address: str) -> None:
    found = names.ip_address(address)
    ours = policy(allow={"ip": [*ranges, "203.0.113.7"]})
    expected = any(names_in(each, found) for each in (*ranges, "203.0.113.7"))
    assert (not refusal(ours, address)) is expected


def names_in(text: str, address: names.IPAddress) -> bool:
    return address.value in ip_range(text)


def test_devices_are_judged_by_the_constraints_of_common_names() -> None:
    device = names.permanent_identifier("C02XG0AAJGH5")

    def refuse(engine: X509Policy) -> str:
        try:
            engine.check([device], str(device))
        except NameNotAllowedError as error:
            return str(error)
        return ""

    assert not refuse(policy(allow={"cn": ["c02xg0aajgh5"], "dns": ["*.lab"]}))
    assert "C02XG0AAJGH5" in refuse(policy(allow={"cn": ["other"]}))
    assert "C02XG0AAJGH5" in refuse(policy(allow={"dns": ["*.lab"]}))
    assert "C02XG0AAJGH5" in refuse(policy(deny={"cn": ["C02XG0AAJGH5"]}))
    assert not refuse(policy(deny={"dns": ["bad.lab"]}))
