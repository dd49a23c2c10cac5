"""Write the typed options of every command from the grammar: `python cli/generate.py`.

Each module below `newel.cli.commands` gets one class in `newel/cli/options/records`, with a field for each
flag of its command. The commands of a group have a module of their own: `ca_provisioner`, `crypto_jwk`.
A module that serves several commands gets the flags they have in common. Flags that many commands have
together are declared once, in a class of `flag_groups` that their records derive from.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent / "src"
sys.path.insert(0, str(ROOT))

from newel.cli.options import grammar  # noqa: E402 - found by the line above
from newel.cli.options.invocation import field_name  # noqa: E402

COMMANDS = ROOT / "newel/cli/commands"
RECORDS = ROOT / "newel/cli/options/records"
TYPES = {"b": "bool", "B": "bool", "m": "list[str]", "i": "int | None"}
ACRONYMS = {
    "acme",
    "api",
    "ca",
    "crl",
    "eab",
    "jose",
    "jwe",
    "jwk",
    "jws",
    "jwt",
    "kdf",
    "nacl",
    "otp",
    "ssh",
}  # fmt: skip # words, not a column
GROUPS = {
    "Authority": ("ca health",),
    "Issuance": ("ca rekey", "ca renew", "ca token"),
    "Token": ("ca sign", "ca token", "ssh certificate"),
    "Key": ("ca rekey", "crypto keypair"),
    "Renewal": ("ca rekey", "ca renew", "ssh renew"),
    "ACME": ("ca renew", "ca sign"),
    "SignIn": ("login", "oauth"),
    "AdministratorCertificate": ("ca admin add", "endpoints show"),
    "Administrator": ("ca admin remove", "ca provisioner remove"),
    "Provisioner": ("ca provisioner add", "ca provisioner update"),
    "Inventory": ("endpoints show",),
    "Catalogue": ("certificates export", "endpoints list"),
    "TrustStores": ("certificate install", "certificate uninstall"),
}
"""The groups of flags: each has those that its commands share and that no group before it has."""
IMPORTS = {
    "(Invocation)": "from newel.cli.options.invocation import Invocation",
    "flag_groups.": "from newel.cli.options.records import flag_groups",
}
"""The imports, by what needs them."""
WIDTH = 100

Fields = set[tuple[str, str]]
"""Fields, each with its type."""


def module_words(path: str) -> list[str] | None:
    """Return the words of the module that runs a command; None when no module does."""
    words = path.replace("-", "_").split()
    for length in range(len(words), 0, -1):
        if COMMANDS.joinpath(*words[:length]).with_suffix(".py").is_file():
            return words[:length]
    return None


def show(words: Iterable[str]) -> str:
    """Return the words of a module as they are typed."""
    return " ".join(words).replace("_", "-")


def class_name(words: list[str]) -> str:
    """Name the options of a module: `ca renew` becomes `CARenewOptions`."""
    parts = [part for word in words for part in word.split("_")]
    return "".join(p.upper() if p in ACRONYMS else p.title() for p in parts) + "Options"


def fields_of(commands: Iterable[grammar.Command]) -> Fields:
    """Return the fields of the flags that all of these commands have."""
    return set.intersection(
        *(
            {(field_name(flag.name), TYPES.get(flag.kind, "str | None")) for flag in each.flags}
            for each in commands
        )
    )


def groups() -> dict[str, Fields]:
    """Return the fields of each group."""
    found: dict[str, Fields] = {}
    for name, paths in GROUPS.items():
        commands = [grammar.load(path.split()[0])[path] for path in paths]
        found[name] = fields_of(commands).difference(*found.values())
    return found


def declare(name: str, bases: list[str], about: str, fields: Fields) -> str:
    """Declare a class with typed fields."""
    head = f"class {name}({', '.join(bases)}):"
    if len(head) > WIDTH:
        head = "\n".join([f"class {name}(", *(f"    {base}," for base in bases), "):"])
    lines = [head, f'    """{about}"""', ""]
    lines += [f"    {field}: {kind}" for field, kind in sorted(fields)]
    return "\n".join(lines).rstrip() + "\n"


def record(words: list[str], commands: list[grammar.Command]) -> str:
    """Declare the options of one module."""
    fields = fields_of(commands)
    bases = {name: group for name, group in groups().items() if group <= fields}
    return declare(
        class_name(words),
        [f"flag_groups.{name}" for name in bases] or ["Invocation"],
        f"Options of `{show(words)}`.",
        fields.difference(*bases.values()),
    )


def flag_groups() -> str:
    """Return the text of the module with the groups of flags."""
    classes = [
        declare(name, ["Invocation"], f"Flags of `{'`, `'.join(GROUPS[name])}`.", fields)
        for name, fields in groups().items()
    ]
    return module("Flags that many commands have together.", classes)


def module(about: str, classes: list[str]) -> str:
    """Return the text of a module."""
    text = "\n\n".join(classes)
    imports = [line for name, line in IMPORTS.items() if name in text]
    return "\n".join([f'"""{about} Generated by cli/generate.py."""', "", *imports, "", "", text])


def generate(word: str) -> dict[str, str]:
    """Return the text of each module for the commands that begin with a word, by the module's name."""
    modules: dict[tuple[str, ...], list[grammar.Command]] = {}
    for path, command in grammar.load(word).items():
        words = None if command.group else module_words(path)
        if words:
            modules.setdefault(tuple(words), []).append(command)
    texts: dict[tuple[str, ...], list[str]] = {}
    for words, commands in modules.items():
        texts.setdefault(words[:2] if len(words) > 2 else words[:1], []).append(
            record(list(words), commands)
        )
    return {
        "_".join(group): module(
            f"Typed options of the commands that begin with `{show(group)}`.", records
        )
        for group, records in texts.items()
    }


def main() -> None:
    """Write every module of `options/records`, and remove those of commands that are gone."""
    for path in set(RECORDS.glob("*.py")) - {RECORDS / "__init__.py"}:
        path.unlink()
    (RECORDS / "flag_groups.py").write_text(flag_groups())
    for word in grammar.words():
        for name, text in generate(word).items():
            (RECORDS / f"{name}.py").write_text(text)


if __name__ == "__main__":
    main()
