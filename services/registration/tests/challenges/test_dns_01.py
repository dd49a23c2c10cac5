"""dns-01 against a real name server on this machine: RFC 8555 §8.4, attack A15."""

import pytest

from fakes.name_server import NameServer
from fixtures.validations import validation_of
from newel.acme import challenges
from newel.acme.identifiers import Identifier
from newel.registration.challenges.dns_01 import DNS01Validator
from newel.registration.challenges.name_servers import NameServers
from newel.runtime.egress import EgressPolicy
from newel.runtime.errors import ErrorType, NewelError

NAME = Identifier("dns", "a.example")
ANSWER = "token.thumbprint"
VALUE = challenges.dns_value(ANSWER)
OWNER = "_acme-challenge.a.example"


async def validate(dns: NameServer, *before: tuple[str, int]) -> None:
    servers = NameServers([*before, ("127.0.0.1", dns.port)], EgressPolicy())
    await DNS01Validator(servers)(validation_of(NAME, ANSWER))


async def refusal(dns: NameServer, *before: tuple[str, int]) -> ErrorType:
    with pytest.raises(NewelError) as caught:
        await validate(dns, *before)
    assert VALUE not in caught.value.detail
    return caught.value.type


async def test_one_of_many_records_matches(dns: NameServer) -> None:
    dns.set(OWNER, "TXT", ['"other"', f'"{VALUE}"', '"spf" "parts"'])
    await validate(dns)


@pytest.mark.attack("A22")
async def test_a_name_too_long_to_be_asked_for_is_refused_and_not_asked(dns: NameServer) -> None:
    longest = ".".join(["a" * 60] * 4) + ".ab"  # 247 octets: with its label in front, too many
    for servers in ([("127.0.0.1", dns.port)], []):
        validator = DNS01Validator(NameServers(servers, EgressPolicy()))
        with pytest.raises(NewelError) as caught:
            await validator(validation_of(Identifier("dns", longest), ANSWER))
        assert caught.value.type is ErrorType.DNS
    assert not dns.asked


async def test_strings_of_one_record_are_joined(dns: NameServer) -> None:
    dns.set(OWNER, "TXT", [f'"{VALUE[:20]}" "{VALUE[20:]}"'])
    await validate(dns)


async def test_aliases_are_followed(dns: NameServer) -> None:
    dns.set(OWNER, "CNAME", ["x.elsewhere.example."])
    dns.set("x.elsewhere.example", "CNAME", ["y.elsewhere.example."])
    dns.set("y.elsewhere.example", "TXT", [f'"{VALUE}"'])
    await validate(dns)


@pytest.mark.attack("A15")
async def test_aliases_in_a_circle_end(dns: NameServer) -> None:
    dns.set(OWNER, "CNAME", ["x.example."])
    dns.set("x.example", "CNAME", [f"{OWNER}."])
    assert await refusal(dns) is ErrorType.DNS
    assert len(dns.asked) < 20


@pytest.mark.attack("A15")
@pytest.mark.parametrize("value", [f" {VALUE}", f"{VALUE} ", VALUE.upper(), VALUE[:-1], ""])
async def test_only_the_whole_value_counts(dns: NameServer, value: str) -> None:
    dns.set(OWNER, "TXT", [f'"{value}"'])
    assert await refusal(dns) is ErrorType.INCORRECT_RESPONSE


@pytest.mark.attack("A15")
async def test_a_thousand_records_are_read_by_tcp_and_bounded(dns: NameServer) -> None:
    dns.set(OWNER, "TXT", [f'"{number:040}"' for number in range(1000)])
    assert await refusal(dns) is ErrorType.INCORRECT_RESPONSE


@pytest.mark.attack("A15")
async def test_records_of_sixty_kilobytes(dns: NameServer) -> None:
    dns.set(OWNER, "TXT", [" ".join(f'"{"x" * 250}"' for _ in range(200)), f'"{VALUE}"'])
    await validate(dns)


@pytest.mark.attack("A15")
async def test_a_server_that_answers_by_tcp_only(dns: NameServer) -> None:
    dns.tcp_only = True
    dns.set(OWNER, "TXT", [f'"{VALUE}"'])
    await validate(dns)


@pytest.mark.attack("A15")
async def test_failure_is_not_absence(dns: NameServer) -> None:
    dns.failing.add(OWNER)
    with pytest.raises(NewelError, match="SERVFAIL"):
        await validate(dns)
    dns.failing.clear()
    with pytest.raises(NewelError, match="no TXT record"):
        await validate(dns)


@pytest.mark.attack("A15")
async def test_octets_that_are_no_message(dns: NameServer) -> None:
    dns.garbage.add(OWNER)
    assert await refusal(dns) is ErrorType.DNS


@pytest.mark.attack("A15")
async def test_a_silent_server_is_passed_over(dns: NameServer) -> None:
    silent = NameServer()
    await silent.start()
    try:
        silent.silent.add(OWNER)
        dns.set(OWNER, "TXT", [f'"{VALUE}"'])
        await validate(dns, ("127.0.0.1", silent.port))
    finally:
        await silent.stop()
    assert silent.asked


async def test_addresses_of_a_name(dns: NameServer) -> None:
    dns.set("h.example", "A", ["192.0.2.1"])
    dns.set("h.example", "AAAA", ["2001:db8::1"])
    servers = NameServers([("127.0.0.1", dns.port)], EgressPolicy())
    assert await servers.addresses("h.example") == ["192.0.2.1", "2001:db8::1"]
