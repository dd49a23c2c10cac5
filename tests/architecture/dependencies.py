"""Compare what members declare with what they import: `python tests/architecture/dependencies.py [ROOT]`.

deptry does it for packages from elsewhere. It cannot tell the members apart, whose modules all begin with
``newel``; those are compared here. Prints one line per breach and exits 1 when there is any.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from members import Member, find_member_names, read_members

UNUSED_ON_PURPOSE = {
    "newel-crypto": ("bcrypt",),  # cryptography reads encrypted OpenSSH keys with it
    "newel-runtime": ("httptools",),  # uvicorn's parser, an extra of its own
}


def find_breaches(root: Path) -> Iterator[str]:
    """Yield one line for each import that is not declared and each declaration that is not imported."""
    members = read_members(root)
    for member in members.values():
        imported = {
            package for package in find_imported_packages(member) if package != member.package
        }
        declared = {members[name].package for name in find_member_names(member.requirements)}
        for package in sorted(imported - declared):
            yield f"{member.name} imports {package} and does not declare it"
        for package in sorted(declared - imported):
            yield f"{member.name} declares {package} and does not import it"
        yield from run_deptry(member)


def find_imported_packages(member: Member) -> set[str]:
    """Return the members' packages that a member's source imports: newel.crypto, newel.step …"""
    found: set[str] = set()
    for path in member.folder.glob("src/**/*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                modules = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules = [f"{node.module}.{node.names[0].name}"]
            else:
                continue
            found |= {
                ".".join(each.split(".")[:2]) for each in modules if each.startswith("newel.")
            }
    return found


def run_deptry(member: Member) -> Iterator[str]:
    """Yield what deptry finds in a member's source."""
    program = Path(sys.executable).with_name("deptry")
    unused = [*find_member_names(member.requirements), *UNUSED_ON_PURPOSE.get(member.name, ())]
    done = subprocess.run(
        [
            program,
            "src",
            "--no-ansi",
            "--known-first-party",
            "newel",
            *(("--per-rule-ignores", f"DEP002={'|'.join(unused)}") if unused else ()),
        ],
        cwd=member.folder,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip # a command line
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if " DEP0" in line]
        yield from (f"{member.name}: {line}" for line in lines or [done.stderr])


def main(root: Path) -> int:
    """Check every member below a root and print what was found."""
    found = list(find_breaches(root))
    print(
        "\n".join(found)
        or f"dependencies: {len(read_members(root))} members declare what they import"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
