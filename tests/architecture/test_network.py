"""A unit test that opens a connection fails, and the list of those that may names real places."""

from pathlib import Path

import pytest

from fixtures.network import NETWORK, may_use_network

REPOSITORY = Path(__file__).parents[2]


def test_a_unit_test_that_opens_a_connection_fails(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(f"""
        import sys
        sys.path.insert(0, {str(REPOSITORY / "tests")!r})
        pytest_plugins = ("fixtures.network",)
    """)
    pytester.makepyfile("""
        import contextlib, socket
        import pytest

        def connect():
            with contextlib.suppress(OSError), socket.socket() as one:
                one.connect(("127.0.0.1", 1))

        def test_that_hides_its_connection():
            connect()

        def test_that_resolves_a_name():
            socket.getaddrinfo("127.0.0.1", 1)

        @pytest.mark.network
        def test_that_may():
            connect()

        def test_with_a_pair_of_unix_sockets():
            one, other = socket.socketpair()
            one.close()
            other.close()
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(["*socket.connect ('127.0.0.1', 1)", "*socket.getaddrinfo*"])


def test_the_list_names_places_that_exist() -> None:
    assert [place for place in NETWORK if not (REPOSITORY / place).exists()] == []
    assert not may_use_network(REPOSITORY / "libs/crypto/tests/test_der.py")
    assert may_use_network(REPOSITORY / "libs/client/tests/test_proxies.py")
