"""The rule of the seams: randomness, threads and programs are reached in one module of each kind.

What makes a run repeatable is in few places, as the wall clock is (ruff's banned-api holds that one).
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ENTROPY = (
    "libs/crypto/src/newel/crypto/entropy.py",
    "libs/runtime/src/newel/runtime/entropy.py",
)
WORK = (
    "libs/client/src/newel/client/work.py",
    "libs/runtime/src/newel/runtime/work.py",
)
MODULES = {
    "random": ENTROPY,
    "secrets": ENTROPY,
    "concurrent.futures": WORK,
    "multiprocessing": WORK,
    "subprocess": WORK,
}  # fmt: skip # a table
NAMES = {
    "uuid1": ENTROPY,
    "uuid4": ENTROPY,
    "urandom": ENTROPY,
    "getrandom": ENTROPY,
    "Thread": WORK,
    "Timer": WORK,
    "to_thread": WORK,
    "run_in_executor": WORK,
    "create_subprocess_exec": WORK,
    "create_subprocess_shell": WORK,
    "fork": WORK,
    "posix_spawn": WORK,
}  # fmt: skip # a table


def find_uses(path: Path, tree: ast.Module) -> Iterator[str]:
    """Yield one line for each use of randomness, threads or programs outside of its module."""
    for node in ast.walk(tree):
        for name, allowed in _names(node):
            if not str(path).endswith(allowed):
                yield f"{path}:{getattr(node, 'lineno', 1)}: {name}; use {_module_name(allowed[-1])}"


def _names(node: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(node, ast.Import):
        imported = [(each.name, "") for each in node.names]
    elif isinstance(node, ast.ImportFrom):
        imported = [(node.module or "", each.name) for each in node.names]
    else:
        if isinstance(node, ast.Attribute) and node.attr in NAMES:
            yield node.attr, NAMES[node.attr]
        return
    for module, name in imported:
        if module in MODULES:
            yield module, MODULES[module]
        elif name in NAMES and not module.startswith("newel."):
            yield name, NAMES[name]


def _module_name(path: str) -> str:
    return path.partition("/src/")[2].removesuffix(".py").replace("/", ".")
