"""Which changes of ca.json take effect at the next start only."""

from typing import cast

_APPLIED_AT_ONCE = ("authority.provisioners", "authority.policy")


def list_changes(before: object, after: object, path: str) -> list[str]:
    """List the paths of what differs between two files, without what is applied at once."""
    if path in _APPLIED_AT_ONCE or before == after:
        return []
    if not isinstance(before, dict) or not isinstance(after, dict):
        return [path]
    old, new = cast("dict[str, object]", before), cast("dict[str, object]", after)
    names = [*old, *(name for name in new if name not in old)]
    return [
        each
        for name in names
        for each in list_changes(old.get(name), new.get(name), f"{path}.{name}" if path else name)
    ]
