"""Check the words of the code and the docs: `python tests/architecture/words.py [ROOT]`.

Prints one line per breach and exits 1 when there is any. CONTRIBUTING.md, "Words", has the rules.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

from code_rules import python_files

IRREGULAR = frozenset(
    "begun bound bought broken brought built chosen done driven drawn eaten fed felt flown forgotten"
    " found frozen given gone gotten grown heard held hidden kept known laid led left lent lost made"
    " meant met paid proven said seen sent shown slept sold sought spent spoken stolen struck sunk"
    " sworn taken taught thought told torn understood unknown unseen withdrawn woken won worn wound"
    " written".split()
)
NOT_PARTICIPLES = frozenset(
    "bed bring embed encoding exceed feed fling heading indeed king need nothing padding ping"
    " proceed red ring seed setting shed sing speed spring sting string succeed swing thing warning"
    " wing".split()
)
METAPHORS = frozenset(
    "anew census courier dress house knowledge lanes marks patience shelf steadfast surroundings"
    " upkeep whoever".split()
)
METAPHOR_TYPES = frozenset(
    "Asked Front Given Kept Lent Served Told Wanted WhenAsked Signing Renewing Revoking".split()
)
PROSE = {
    "anew": "again",
    "anybody": "anyone",
    "for ever": "forever, or better: what bounds it",
    "forthwith": "at once",
    "gone on with": "still used",
    "is away": "is unreachable",
    "nobody": "no one, or better: name the actor",
    "of ours": "our, or name the thing",
    "somebody": "someone, or better: name the actor",
    "the house": "the project",
    "whoever": "the client, the caller, the operator: name the actor",
    "will not do": "is invalid: say why",
}
PROSE_PATTERN = re.compile(rf"\b({'|'.join(PROSE)})\b", re.IGNORECASE)
CITATION_PATTERN = re.compile(
    r"\b((?:ACME|ALERT|API|AUTH|BOOT|CERT|END|INT|JOSE|KMS|PROV|REN|RIV|ROAD|SSH|TPL)-\d{2}"
    r"|[Ii]ssue \d+|[Dd]esign §\s?\d+)\b"
)
"""Requirements, issues and designs that a reader of this repository cannot open."""
LONGEST_PROSE_LINE = 100
"""In Markdown; tables, code, headings, links and calls of the SDK are free."""


def is_participle(word: str) -> bool:
    """Tell whether a word is a past participle or a gerund and not a plain noun or verb."""
    if word in NOT_PARTICIPLES:
        return False
    return word in IRREGULAR or re.fullmatch(r"[a-z]{2,}(ed|ing)", word) is not None


def name_breaches(path: Path, tree: ast.Module) -> Iterator[str]:
    """Find functions, types and modules that are not named in the field's vocabulary."""
    for word in METAPHORS.intersection(path.stem.split("_")):
        yield f"{path}: {word} is a metaphor; name what the module holds"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            # the methods of a contract are in camel case
            words = [
                word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", node.name)
            ]
            if len(words) == 1 and is_participle(words[0]):
                yield (
                    f"{path}:{node.lineno}: {node.name} is a participle; a function is a verb in"
                    " base form, a property a noun, a test of a state starts with is_ or has_"
                )
        elif isinstance(node, ast.ClassDef):
            words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", node.name)
            if node.name.strip("_") in METAPHOR_TYPES or (
                len(words) == 1 and is_participle(words[0].lower())
            ):
                yield f"{path}:{node.lineno}: class {node.name}; a type is a noun"
            words = [word.lower() for word in words]
        else:
            continue
        for word in METAPHORS.intersection(words):
            yield f"{path}:{node.lineno}: {node.name}: {word} is a metaphor; use the field's term"


def python_prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line number and text of every comment and string of a Python file."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING}:
            yield token.start[0], token.string


def prose_breaches(path: Path, parts: Iterator[tuple[int, str]]) -> Iterator[str]:
    """Find words of the old dialect and citations of documents that are elsewhere."""
    for line, text in parts:
        for match in PROSE_PATTERN.finditer(text):
            word = match[1].lower()
            yield f"{path}:{line_of(line, text, match)}: {word!r}: {PROSE[word]}"
        for match in CITATION_PATTERN.finditer(text):
            yield (
                f"{path}:{line_of(line, text, match)}: {match[1]!r} is not in this repository;"
                " say what it asks, or cite an RFC or a page of docs/"
            )


def line_of(first: int, text: str, match: re.Match[str]) -> int:
    """Return the line of a match in a text that starts on line ``first``."""
    return first + text.count("\n", 0, match.start())


def markdown_breaches(path: Path) -> Iterator[str]:
    """Find old words and overlong prose lines in a Markdown file."""
    in_code = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        if in_code:
            continue
        yield from prose_breaches(path, iter([(number, line)]))
        free = line.lstrip().startswith(("|", "#", "[", "- `")) or " " not in line.strip()
        if len(line) > LONGEST_PROSE_LINE and not free:
            yield f"{path}:{number}: {len(line)} columns, the most is {LONGEST_PROSE_LINE}"


def breaches(root: Path) -> Iterator[str]:
    """Find every breach below a root."""
    for path in python_files(root):
        name = path.relative_to(root).as_posix()
        if name.endswith(("architecture/words.py", "architecture/test_words.py")):
            continue
        text = path.read_text()
        yield from name_breaches(path, ast.parse(text))
        yield from prose_breaches(path, python_prose(text))
    for path in sorted(
        [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("*/*/README.md")]
    ):
        yield from markdown_breaches(path)


def main(root: Path) -> int:
    """Print what was found below a root; return the exit status."""
    found = list(breaches(root))
    print("\n".join(found) or "words: the field's own")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
