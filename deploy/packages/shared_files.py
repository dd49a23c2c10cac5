"""What the system shows of the package: programs, manual pages, completions, pages to read."""

from pathlib import Path

from deploy.packages.environment import HOME
from deploy.packages.tree import File, Link, Tree, compress
from newel.cli.commands.completion import SCRIPTS

ROOT = Path(__file__).parents[2]
DOCS = "usr/share/doc/newel"
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/newel",
    "zsh": "usr/share/zsh/vendor-completions/_newel",
    "fish": "usr/share/fish/vendor_completions.d/newel.fish",
}
"""Where each shell looks for what packages bring."""


def make_shared_files(manual: Path) -> Tree:
    """Make the files outside of the environment; ``manual`` has the pages as `newel help --man` wrote them."""
    tree: Tree = {"usr/bin/newel": Link(f"../{HOME.removeprefix('usr/')}/bin/newel")}
    for page in sorted(manual.glob("man*/*")):
        tree[f"usr/share/man/{page.relative_to(manual)}.gz"] = compress(page.read_bytes())
    for shell, path in COMPLETIONS.items():
        tree[path] = File(SCRIPTS[shell].format(name="newel").encode())
    for page in ("README.md", "SECURITY.md"):
        tree[f"{DOCS}/{page}"] = File((ROOT / page).read_bytes())
    for page in sorted(ROOT.glob("docs/**/*.md")):
        tree[f"{DOCS}/{page.relative_to(ROOT)}"] = File(page.read_bytes())
    tree[f"{DOCS}/NEWS.gz"] = compress((ROOT / "CHANGELOG.md").read_bytes())
    return tree
