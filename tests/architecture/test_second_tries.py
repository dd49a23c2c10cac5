"""What passes on its second try only is counted and named, and nothing that fails twice passes."""

from pathlib import Path

import pytest

from fixtures.second_tries import FOLDERS, MODULES, drives_processes

REPOSITORY = Path(__file__).parents[2]
CONFTEST = f"""
    import sys
    from pathlib import Path
    sys.path.insert(0, {str(REPOSITORY / "tests")!r})
    from fixtures import second_tries
    second_tries.ROOT = Path(__file__).parent
    pytest_plugins = ["fixtures.second_tries"]
"""
TESTS = """
    tries = []

    def test_that_is_flaky():
        tries.append(1)
        assert len(tries) == 2, "it was busy"

    def test_that_fails():
        assert False

    def test_that_passes():
        pass
"""
UNIT_TESTS = """
    tries = []

    def test_that_meets_a_port_in_use():
        tries.append(1)
        if len(tries) == 1:
            raise OSError(98, "Address already in use")

    def test_that_is_flaky(tries=[]):
        tries.append(1)
        assert len(tries) == 2, "one process is never busy"
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nmarkers = flaky: one more try\n")
    folder = pytester.mkdir("tests") / "e2e"
    folder.mkdir()
    pytester.makepyfile(TESTS).rename(folder / "test_processes.py")
    return pytester


def test_the_run_names_what_passed_on_the_second_try(project: pytest.Pytester) -> None:
    found = project.runpytest_subprocess("-p", "no:cacheprovider", "-n", "1")
    found.assert_outcomes(passed=2, failed=1)
    found.stdout.fnmatch_lines(
        [
            "*PASSED ONLY ON THE SECOND TRY*",
            "*test_processes.py::test_that_is_flaky: AssertionError: it was busy*",
            "passed only on the second try: 1",
        ]
    )


def test_who_looks_for_flaky_tests_gets_no_second_try(project: pytest.Pytester) -> None:
    found = project.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:rerunfailures")
    found.assert_outcomes(passed=1, failed=2)
    found.stdout.no_fnmatch_line("*second try*")


def test_tests_of_one_process_get_one_only_when_the_machine_refused_something(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\nmarkers = flaky: one more try\n")
    pytester.makepyfile(test_units=UNIT_TESTS)
    found = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "1")
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["*test_that_meets_a_port_in_use: OSError:*Address already in use*"])


def test_tests_of_one_process_are_told_apart() -> None:
    assert drives_processes(REPOSITORY / "tests/e2e/test_ssh.py")
    assert not drives_processes(REPOSITORY / "libs/crypto/tests/test_der.py")
    assert not drives_processes(REPOSITORY / "services/issuing/tests/test_rpc.py")
    assert [place for place in FOLDERS if not (REPOSITORY / place).is_dir()] == []


def test_the_command_line_s_tests_at_a_terminal_are_known() -> None:
    files = (REPOSITORY / "cli/tests").glob("test_*.py")
    at_terminals = [file for file in files if "fixtures.terminal" in file.read_text()]
    assert sorted(str(file.relative_to(REPOSITORY)) for file in at_terminals) == sorted(MODULES)
