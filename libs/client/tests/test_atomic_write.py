"""What becomes of the file, device or descriptor whose name is given to be written."""

import errno
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from newel.client import atomic_write
from newel.client.atomic_write import File

OLD, NEW = b"old " * 3000, b"new " * 5000
NOBODY = 65534


def write_stream(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Writes piece by piece."""
    with atomic_write.open_replacement(path, mode) as sink:
        for at in range(0, len(data), 1000):
            sink.write(data[at : at + 1000])


WAYS = pytest.mark.parametrize("write", [atomic_write.write, write_stream])


def as_nobody(action: Callable[[], None]) -> None:
    """Runs the action in a process without rights, and passes on the number of its OSError."""
    child = os.fork()
    if child == 0:
        code = 0
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setuid(NOBODY)
            tempfile.tempdir = None  # the caller's folder may be closed to this user
            action()
        except OSError as error:
            code = error.errno or 255
        except BaseException:  # noqa: BLE001 - pytest's own must not go on in here
            code = 255
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder of two files that every user may write, in which no other user may create files.

    It does not lie in a folder of pytest's, which every run closes to others again.
    """
    home = Path(tempfile.mkdtemp(prefix="newel-closed-"))
    home.chmod(0o755)
    folder = home / "closed"
    folder.mkdir()
    for name in ("a.crt", "a.key"):
        (folder / name).write_bytes(OLD)
        (folder / name).chmod(0o666)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(home)


@WAYS
def test_a_terminal_and_a_link_to_it_are_written_through(
    write: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    main, terminal = os.openpty()
    link = tmp_path / "link"
    link.symlink_to(os.ttyname(terminal))
    for path in (Path(os.ttyname(terminal)), link):
        write(path, b"key\n")
        got = b""
        while not got.endswith(b"\n"):  # a terminal may hand a line on in pieces
            got += os.read(main, 100)
        assert got == b"key\r\n"
        assert stat.S_ISCHR(path.stat().st_mode)
    assert link.is_symlink()


@WAYS
def test_a_pipe_with_a_name_is_written_through(
    write: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    fifo, link, got = tmp_path / "fifo", tmp_path / "link", list[bytes]()
    os.mkfifo(fifo)
    link.symlink_to("fifo")
    reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()))
    reader.start()
    write(link, NEW)
    reader.join()
    assert got == [NEW]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("redirection", [">", ">>"])
def test_a_descriptor_is_written_where_it_stands(
    name: str, redirection: str, tmp_path: Path
) -> None:
    """The file the shell has opened gets it, after what is there already, and keeps its number."""
    (tmp_path / "link").symlink_to("/dev/stdout")
    out = tmp_path / "out"
    out.write_bytes(b"before\n")
    number = out.stat().st_ino
    program = (
        "from pathlib import Path; from newel.client.atomic_write import write, File, write_all;"
        f"print('said'); write(Path({name!r}), b'one\\n');"
        f"write_all([File(Path({name!r}), b'two\\n'), File(Path({name!r}), b'three\\n')])"
    )
    subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {redirection} out', sys.executable, program],
        cwd=tmp_path, check=True,
    )  # fmt: skip # a command line
    before = "before\n" if redirection == ">>" else ""
    assert out.read_text() == f"{before}said\none\ntwo\nthree\n"
    assert out.stat().st_ino == number


def test_a_descriptor_that_no_name_leads_to_any_more_is_written(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with gone.open("w+b") as file:
        gone.unlink()
        atomic_write.write(Path(f"/proc/self/fd/{file.fileno()}"), NEW)
        file.seek(0)
        assert file.read() == NEW
    assert not list(tmp_path.iterdir())


@WAYS
@pytest.mark.parametrize("mode", [0o640, 0o444, 0o600])
def test_a_file_is_replaced_and_keeps_its_mode(
    write: Callable[[Path, bytes, int], None], mode: int, tmp_path: Path
) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    write(path, OLD, 0o644)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(mode)
    link.symlink_to("file")
    number = path.stat().st_ino
    write(link, NEW, 0o600)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (NEW, mode)
    assert path.stat().st_ino != number
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "link"]


@WAYS
@pytest.mark.parametrize("data", [NEW, b"short", b""])
def test_a_file_in_a_folder_that_may_not_be_written_is_written_in_place(
    write: Callable[[Path, bytes], None], data: bytes, closed_folder: Path
) -> None:
    path = closed_folder / "a.crt"
    number = path.stat().st_ino
    as_nobody(lambda: atomic_write.check(path))
    as_nobody(lambda: write(path, data))
    assert (path.read_bytes(), path.stat().st_ino) == (data, number)


def test_several_files_in_a_folder_that_may_not_be_written(closed_folder: Path) -> None:
    """Both, or none when the second cannot be written either."""
    pair = [File(closed_folder / name, NEW) for name in ("a.crt", "a.key")]
    (closed_folder / "a.key").chmod(0o444)
    with pytest.raises(PermissionError):
        as_nobody(lambda: atomic_write.write_all(pair))
    with pytest.raises(PermissionError):
        as_nobody(lambda: atomic_write.check(pair[1].path))
    assert [file.path.read_bytes() for file in pair] == [OLD, OLD]
    (closed_folder / "a.key").chmod(0o666)
    as_nobody(lambda: atomic_write.write_all(pair))
    assert [file.path.read_bytes() for file in pair] == [NEW, NEW]


def test_what_is_neither_writable_nor_there_is_refused_by_its_name(closed_folder: Path) -> None:
    missing = closed_folder / "none"
    with pytest.raises(PermissionError):
        as_nobody(lambda: atomic_write.write(missing, NEW))
    for path, number in [(closed_folder, errno.EISDIR), (missing / "x", errno.ENOENT)]:
        with pytest.raises(OSError, match=str(path)) as checked:
            atomic_write.check(path)
        with pytest.raises(OSError, match=str(path)) as written:
            atomic_write.write(path, NEW)
        assert (checked.value.errno, written.value.errno) == (number, number)


@pytest.mark.needs("private-mounts")
def test_a_file_that_is_a_mount_of_its_own_is_written_in_place(tmp_path: Path) -> None:
    """As files of containers are: nothing can be renamed onto it (EBUSY)."""
    for name in ("outside.crt", "inside.crt", "inside.key"):
        (tmp_path / name).write_bytes(OLD)
    program = (
        "from pathlib import Path; from newel.client import atomic_write as w;"
        "w.write_all([w.File(Path('inside.crt'), b'new'), w.File(Path('inside.key'), b'new')])\n"
        "with w.open_replacement(Path('inside.crt')) as sink: sink.write(b'newer')"
    )
    script = 'mount --bind outside.crt inside.crt && exec "$0" -c "$1"'
    subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, sys.executable, program],
        cwd=tmp_path, check=True,
    )  # fmt: skip # a command line
    assert (tmp_path / "outside.crt").read_bytes() == b"newer"
    assert (tmp_path / "inside.key").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_reader_that_polls_sees_one_whole_file_or_the_other(tmp_path: Path) -> None:
    """And never a time without the file."""
    path, seen, stop = tmp_path / "www.crt", set[bytes](), threading.Event()
    atomic_write.write(path, OLD)

    def poll() -> None:
        while not stop.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=poll)
    reader.start()
    for turn in range(300):
        atomic_write.write(path, OLD if turn % 2 else NEW)
        write_stream(path, NEW if turn % 2 else OLD)
    while len(seen) < 2 and reader.is_alive():
        atomic_write.write(path, NEW)
        atomic_write.write(path, OLD)
    stop.set()
    reader.join()
    assert seen == {OLD, NEW}
