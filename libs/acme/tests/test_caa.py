"""What CAA records let issue: RFC 8659, RFC 8657, attack A19."""

import pytest

from newel.acme.caa import CAAQuestion, CAARecord, find_refusal, is_issuer_domain, parse_issue_value

ACCOUNT = "https://ca.example/acme/acme/account/1"


def question(*, wildcard: bool = False, method: str = "http-01") -> CAAQuestion:
    return CAAQuestion(frozenset({"ca.example"}), wildcard, method, ACCOUNT.__eq__)


def issue(value: str, tag: str = "issue", flags: int = 0) -> CAARecord:
    return CAARecord(flags, tag, value.encode("latin-1"))


OWN = issue("ca.example")
NONE = issue(";")


@pytest.mark.parametrize(
    "records",
    [
        [],
        [OWN],
        [issue("  CA.Example ; ")],
        [issue("other.example"), OWN],
        [issue("ca.example", "ISSUE", 0x80)],
        [issue("mailto:a@b.example", "iodef", 0x80)],  # nothing about issuing
        [issue("x", "unknown", 0x7F)],
        [issue(";", "issuewild")],  # about wildcards alone
        [issue(";", "issuemail")],
        [issue(f"ca.example; accounturi={ACCOUNT}")],
        [issue("ca.example; validationmethods=dns-01,http-01")],
        [issue(f"ca.example;AccountURI={ACCOUNT} ;validationmethods = http-01")],
    ],
)
def test_records_that_let_the_authority_issue(records: list[CAARecord]) -> None:
    assert find_refusal(records, question()) == ""


@pytest.mark.attack("A19")
@pytest.mark.parametrize(
    ("records", "words"),
    [
        ([NONE], "lets no authority"),
        ([issue("")], "lets no authority"),
        ([issue("other.example")], "names another authority"),
        ([issue("ca.example.other.example")], "names another authority"),
        ([issue("ca.example", "issuewild"), NONE], "lets no authority"),
        ([OWN, issue("x", "unknown", 0x80)], "critical and not known"),
        ([OWN, issue("x", "unknown", 0xFF)], "critical and not known"),
        ([issue("%%%")], "malformed"),
        ([issue("ca.example foo=bar")], "malformed"),
        ([issue("ca.example; foo")], "malformed"),
        ([issue("ca.example; a=b;")], "malformed"),
        ([issue("ca.example.")], "malformed"),
        ([issue("ca.ex\xe4mple")], "malformed"),
        ([issue(f"ca.example; accounturi={ACCOUNT}0")], "another account"),
        ([issue(f"ca.example; accounturi={ACCOUNT.upper()}")], "another account"),
        ([issue(f"ca.example; accounturi={ACCOUNT[:-1]}")], "another account"),
        ([issue("ca.example; accounturi=")], "another account"),
        ([issue(f"ca.example; accounturi={ACCOUNT}; accounturi={ACCOUNT}")], "twice"),
        ([issue("ca.example; validationmethods=dns-01")], "other methods than http-01"),
        ([issue("ca.example; validationmethods=")], "other methods"),
        ([issue("ca.example; validationmethods=http-01x")], "other methods"),
        ([issue("ca.example; acounturi=x")], "not known here: acounturi"),
        ([issue(f"other{n}.example") for n in range(9)], "and 5 more"),
    ],
)
def test_records_that_forbid(records: list[CAARecord], words: str) -> None:
    assert words in find_refusal(records, question())


@pytest.mark.attack("A19")
@pytest.mark.parametrize(
    ("records", "allowed"),
    [
        ([NONE], False),  # without issuewild, issue counts
        ([OWN], True),
        ([OWN, issue(";", "issuewild")], False),
        ([NONE, issue("ca.example", "issuewild")], True),
        ([issue(";", "issuewild"), issue("ca.example", "issuewild")], True),
    ],
)
def test_wildcards(records: list[CAARecord], allowed: bool) -> None:
    assert (find_refusal(records, question(wildcard=True)) == "") is allowed


@pytest.mark.attack("A19")
def test_a_name_that_no_challenge_proved_fits_no_list_of_methods() -> None:
    records = [issue("ca.example; validationmethods=http-01,")]
    assert "no challenge" in find_refusal(records, question(method=""))


def test_what_is_shown_is_printable_and_short() -> None:
    shown = str(CAARecord(0, "issue", b"\x1b[2J\n\xff" + b"x" * 5000))
    assert shown.startswith('issue "\\x1b[2J\\x0a\\xffxxx')
    assert shown.isprintable()
    assert len(shown) < 120


def test_issuer_domains() -> None:
    assert is_issuer_domain("ca.example")
    assert is_issuer_domain("x--y.a")
    for wrong in ("", "ca.example.", "-a", "a-", "a..b", "https://ca.example", "a_b", "a" * 254):
        assert not is_issuer_domain(wrong)
    parsed = parse_issue_value(b"; a=b")
    assert parsed is not None
    assert (parsed.domain, parsed.parameters) == ("", (("a", "b"),))
