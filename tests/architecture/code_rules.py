"""Check the rules that no linter knows: `python tests/architecture/code_rules.py [ROOT]`.

Prints one line per breach and exits 1 when there is any.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import circles
import seams

GENERATED = "_pb2"
LONGEST_FILE = 330
LONGEST_TEST = 500
"""Of tests, and of the records of options, which are generated."""
LONGEST_FUNCTION = 60
NAMELESS = {"utils", "common", "helpers", "core", "manager", "misc"}
LOADER = "libs/crypto/src/newel/crypto/loading.py"
BARE_LOADERS = re.compile(r"load_(der|pem)_x509_(certificates?|crl|csr)")
BARE_SKIP = re.compile(r"# fmt: (skip(?! # \w)|off)")
SEAMED = re.compile("/(libs|services)/[^/]+/src/")
CODE = ("proto", "libs", "services", "cli", "tests", "deploy")


def python_files(root: Path) -> list[Path]:
    """List every Python file of the project, tracked or new, but neither generated nor a migration."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip # a command line
    return [
        root / name
        for name in listed
        if name.startswith(CODE) and GENERATED not in name and (root / name).exists()
    ]


def breaches(path: Path) -> Iterator[str]:
    """Find what one file does against the rules."""
    text = path.read_text()
    lines = text.count("\n")
    longest = LONGEST_TEST if {"tests", "records"} & {*path.parts} else LONGEST_FILE
    if lines > longest:
        yield f"{path}: {lines} lines, the most is {longest}"
    if path.stem in NAMELESS and "newel/proto" not in str(path):
        yield f"{path}: a name that says nothing; name what it holds"
    if "# fmt:" in text:
        yield from bare_skips(path, text)
    tree = ast.parse(text)
    if path.name == "__init__.py" and not all(is_docstring(node) for node in tree.body):
        yield f"{path}: an __init__ is empty or a docstring"
    if path.name == "__main__.py" and lines > 30:
        yield f"{path}: {lines} lines; a __main__ reads the configuration, builds and runs"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines, the most is {LONGEST_FUNCTION}"
    if "/src/" in str(path) and not str(path).endswith(LOADER):
        yield from bare_loaders(path, tree)
    if SEAMED.search(str(path)):
        yield from seams.find_uses(path, tree)


def bare_skips(path: Path, text: str) -> Iterator[str]:
    """Find comments that stop the formatter and give no reason."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and BARE_SKIP.match(token.string):
            yield f"{path}:{token.start[0]}: give a reason for this layout: # fmt: skip # a table"


def bare_loaders(path: Path, tree: ast.Module) -> Iterator[str]:
    """Find the library's own loaders, whose errors are not one type."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.ImportFrom):
            names = [each.name for each in node.names]
        else:
            continue
        for name in filter(BARE_LOADERS.fullmatch, names):
            yield f"{path}:{node.lineno}: {name}; load foreign X.509 by newel.crypto.loading"


def is_docstring(node: ast.stmt) -> bool:
    """Tell whether a statement is nothing but a string."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def main(root: Path) -> int:
    """Check every file below a root, print what was found and return the exit status."""
    files = python_files(root)
    found = [breach for path in files for breach in breaches(path)]
    found += circles.find_circles(files)
    sizes = sorted(path.read_text().count("\n") for path in files if "/src/" in str(path))
    print(
        "\n".join(found) or f"code rules: {len(files)} files, median {sizes[len(sizes) // 2]} lines"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
