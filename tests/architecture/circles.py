"""The rule of the circles: no module imports itself through others.

Imports inside functions and for type checkers count: they hide a circle and do not open it.
"""

import ast
import graphlib
from collections.abc import Iterable, Iterator
from pathlib import Path


def find_circles(paths: Iterable[Path]) -> Iterator[str]:
    """Find one circle of imports among the modules below the folders called src, if there is any."""
    files = {name_module(path): path for path in paths if "src" in path.parts}
    imports = {name: set(imported_modules(path, name, files)) for name, path in files.items()}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        circle: list[str] = error.args[1]
        yield f"{files[circle[0]]}: a circle of imports: {' <- '.join(circle)}"


def name_module(path: Path) -> str:
    """Return the dotted name of a module by its path."""
    parts = path.with_suffix("").parts
    parts = parts[len(parts) - parts[::-1].index("src") :]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(path: Path, name: str, files: dict[str, Path]) -> Iterator[str]:
    """Find the modules among ``files`` that a module imports anywhere in its text."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported = [f"{node.module}.{each.name}" for each in node.names]
        else:
            continue
        for words in (each.split(".") for each in imported):
            prefixes = (".".join(words[:count]) for count in range(len(words), 0, -1))
            module = next((each for each in prefixes if each in files), name)
            if module != name:
                yield module
