"""Every command writes its files by one module, which replaces nothing but regular files."""

import ast
from pathlib import Path

import pytest

SOURCES = [Path(__file__).parents[1] / "src", Path(__file__).parents[2] / "libs/client/src"]
WRITES = {
    "write_bytes", "write_text", "mkstemp", "NamedTemporaryFile", "rename", "renames", "replace", "copy",
    "copyfile", "move", "touch", "link", "symlink", "symlink_to", "hardlink_to", "truncate",
}  # fmt: skip # words in rows
MODULES = {"os", "shutil", "tempfile", "pathlib"}
ALLOWED = {
    "client/atomic_write.py": "it is the one",
    "client/open_files.py": "and what it writes streams with",
    "acme/accounts.py": "a new account's key is linked into place, never over another",
    "acme/account_keys.py": "a key in the folder of accounts takes the other's place there",
    "commands/fileserver.py": "--pidfile, written in place",
    "client/http01.py": "a challenge's answer, a new file of a random name",
    "manual/files.py": "a tree of pages, each written in place",
    "certificates/trust_stores.py": "a copy for the system's own program, in the temporary folder",
    "client/rotating.py": "the sealed key for OpenSSL, in a temporary folder",
    "jwk/keyset.py": "makes the file it locks",
    "credentials/store.py": "the lock, which stays empty",
}


def writes(tree: ast.AST) -> set[str]:
    """The calls that write, replace or make a file by its name."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, owner = node.func.attr, node.func.value
        of_module = isinstance(owner, ast.Name) and owner.id in MODULES
        # Path.replace takes one argument; that of text two, of dataclasses and datetime names
        if name in WRITES and (
            of_module or name != "replace" or (len(node.args) == 1 and not node.keywords)
        ):
            found.add(name)
        modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        if name in {"open", "fdopen"} and any(
            mode in {"w", "wb", "a", "ab", "x", "xb"} for mode in modes
        ):
            found.add(name)
    return found


def test_no_other_module_writes() -> None:
    found = {
        name: writes(ast.parse(path.read_text()))
        for source in SOURCES
        for path in source.rglob("*.py")
        if (name := f"{path.parent.name}/{path.name}") not in ALLOWED
    }
    assert {name: calls for name, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "line",
    ["Path(x).write_bytes(y)", "os.replace(a, b)", "path.replace(other)", "open_.open('wb')"],
)
def test_a_writer_would_be_found(line: str) -> None:
    assert writes(ast.parse(line))
