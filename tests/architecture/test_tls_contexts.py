"""No program opens the file of SSLKEYLOGFILE: its reader can read the connections."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path for folder in ("cli", "libs", "services") for path in ROOT.glob(f"{folder}/**/src/**/*.py")
]
OPENS_IT = {
    "create_default_context": "newel.client.trust, newel.runtime.tls.client and server_tls make contexts",
    "_create_default_https_context": "the same",
    "urlopen": "newel.client.web opens URLs",
    "build_opener": "newel.client.web makes openers",
}
ALLOWED = {
    "web.py": "the one that makes openers, with a context of its own",
    "cloud_tokens.py": "the metadata service speaks http",
}


def calls(path: Path) -> set[str]:
    """What of these a module calls."""
    names = [
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]
    return set(names) & set(OPENS_IT)


@pytest.mark.parametrize("name", OPENS_IT)
def test_no_module_makes_a_context_that_logs_keys(name: str) -> None:
    assert len(SOURCES) > 500
    found = [path.name for path in SOURCES if name in calls(path)]
    assert set(found) - set(ALLOWED) == set(), OPENS_IT[name]
