"""What the one file runs first: puts its content on disk once, then starts the command line from there.

Imports nothing that the interpreter has not loaded already, so that the file starts as fast as an
installation. Native modules can only be loaded from a real file, hence the folder in the user's cache.
"""

import os
import sys


def start(identity: str) -> int:
    """Run the command line, whose content ``identity`` names."""
    cache = os.environ.get("NEWEL_CACHE") or default_cache()
    if not os.path.isabs(cache):  # noqa: PTH117 - pathlib costs more than all of this
        return exit_with("there is no cache directory: set NEWEL_CACHE to an absolute path")
    folder = os.path.join(cache, identity)  # noqa: PTH118 - see above
    try:
        if not os.path.isdir(folder):  # noqa: PTH112 - see above
            unpack(folder)
        strange = not private(cache) or not private(folder)
    except OSError as error:
        return exit_with(
            f"open {error.filename or folder}: {(error.strerror or str(error)).lower()}"
        )
    if strange:
        return exit_with(
            f"{folder} can be changed by others: set NEWEL_CACHE to a directory of your own"
        )
    sys.path.insert(0, folder)
    from newel.cli.main import main

    return main()


def default_cache() -> str:
    """Where the system keeps what can be made again."""
    home = os.path.expanduser("~")  # noqa: PTH111 - see above
    if os.name == "nt":
        return os.path.join(os.environ.get("LOCALAPPDATA") or home, "newel")  # noqa: PTH118 - see above
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache", "newel")  # noqa: PTH118 - see above


def private(folder: str) -> bool:
    """Whether only this user can put code into a folder; Windows protects a profile by itself."""
    if os.name == "nt":
        return True
    found = os.stat(folder)  # noqa: PTH116 - see above
    return found.st_uid == os.getuid() and not found.st_mode & 0o022


def unpack(folder: str) -> None:
    """Unpack the content to a temporary folder and rename it; of two processes the first one wins."""
    import shutil
    import tempfile
    import zipfile

    above = os.path.dirname(folder)  # noqa: PTH120 - see above
    os.makedirs(above, mode=0o700, exist_ok=True)  # noqa: PTH103 - see above
    temporary = tempfile.mkdtemp(dir=above)
    try:
        with (
            zipfile.ZipFile(sys.path[0]) as outer,
            outer.open("content.zip") as content,
            zipfile.ZipFile(content) as inner,
        ):
            inner.extractall(temporary)
        os.rename(temporary, folder)  # noqa: PTH104 - see above
    except OSError:
        if not os.path.isdir(folder):  # noqa: PTH112 - see above
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def exit_with(cause: str) -> int:
    """Says why nothing is run."""
    print(f"newel: {cause}", file=sys.stderr)  # noqa: T201 - there is nothing else to say it with
    return 1
