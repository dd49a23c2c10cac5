"""``docs/ca-json.md`` and the code say the same of every member of ca.json."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from newel.step.ca_json_members import CA_JSON
from newel.step.policies import POLICY
from newel.step.provisioner_members import CLAIMS, OF_KIND, members_of
from newel.step.treatment import Member, Treatment

PAGE = Path(__file__).parents[3] / "docs/ca-json.md"
SHARED = {"type", "name", "claims", "options", "policy", "newel"}


def rows(members: Mapping[str, Member], prefix: str) -> Iterator[str]:
    """The table's rows: of what is warned about as a whole one row names the members."""
    for name, member in members.items():
        path = f"{prefix}{name}"
        inside = member.members
        if inside is CLAIMS or inside is POLICY:
            inside = None
        if inside and member.treatment is Treatment.HONOURED:
            yield from rows(inside, f"{path}.")
            continue
        within = f" (with {', '.join(f'`{each}`' for each in inside)})" if inside else ""
        yield f"| `{path}`{within} | {member.treatment.value} | {member.says} |"


TOP = ("The file", "Claims", "Policies", "Every provisioner")
TABLES: dict[str, Mapping[str, Member]] = {
    "The file": CA_JSON,
    "Claims": CLAIMS,
    "Policies": POLICY,
    "Every provisioner": {
        name: members_of("JWK")[name] for name in members_of("JWK") if name in SHARED
    },
    **{kind: members for kind, members in OF_KIND.items() if members},
}


@pytest.mark.parametrize("heading", TABLES)
def test_the_page_has_every_member_and_what_becomes_of_it(heading: str) -> None:
    _, _, after = PAGE.read_text().partition(f"\n#{'#' if heading in TOP else '##'} {heading}\n")
    section = after.partition("\n#")[0]
    table = [line for line in section.splitlines() if line.startswith("| `")]
    assert table == list(rows(TABLES[heading], ""))
