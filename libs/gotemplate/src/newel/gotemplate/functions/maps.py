"""Functions on maps. Go leaves the order of keys to chance; here it is sorted."""

from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.calls import Functions, declare
from newel.gotemplate.errors import CallError
from newel.gotemplate.functions.conversion import is_empty, text
from newel.gotemplate.values import MAP_TYPE, Slice, type_name

Dict = dict[str, Any]


def dictionary(budget: Budget, *pairs: Any) -> Dict:
    """Return a map of alternating keys and values; a last key without value gets an empty string."""
    padded = [*pairs, ""]
    return {text(budget, padded[place]): padded[place + 1] for place in range(0, len(pairs), 2)}


def get_value(values: Dict | None, key: str) -> Any:
    """Return a key's value; an empty string for an unknown key."""
    return (values or {}).get(key, "")


def set_value(values: Dict | None, key: str, value: Any) -> Dict:
    """Set an entry in the map itself and return it."""
    if values is None:
        raise CallError("assignment to entry in nil map")
    values[key] = value
    return values


def unset(values: Dict | None, key: str) -> Dict:
    """Remove an entry from the map itself and return it."""
    found = {} if values is None else values
    found.pop(key, None)
    return found


def pluck(key: str, *maps: Dict | None) -> list[Any]:
    """Return one key's values in several maps."""
    return [each[key] for each in maps if each and key in each]


def keys(*maps: Dict | None) -> Slice:
    """Return the sorted keys of each map."""
    return Slice([key for each in maps for key in sorted(each or {})])


def values_of(values: Dict | None) -> list[Any]:
    """Return the values, sorted by key."""
    return [each for _, each in sorted((values or {}).items())]


def pick(values: Dict | None, *wanted: str) -> Dict:
    """Return the entries of these keys."""
    return {key: values[key] for key in wanted if values and key in values}


def omit(values: Dict | None, *unwanted: str) -> Dict:
    """Return the entries of all other keys."""
    return {key: each for key, each in (values or {}).items() if key not in unwanted}


def merge(budget: Budget, target: Dict, *sources: Dict | None) -> Dict:
    """Add to the first map what it lacks of the others."""
    for source in sources:
        merge_entries(budget, target, source or {}, overwrite=False)
    return target


def merge_overwrite(budget: Budget, target: Dict, *sources: Dict | None) -> Dict:
    """Add all entries of the others to the first map."""
    for source in sources:
        merge_entries(budget, target, source or {}, overwrite=True)
    return target


def merge_entries(budget: Budget, target: Dict, source: Dict, *, overwrite: bool) -> None:
    """Copy entries into the target, maps within maps recursively."""
    budget.descend()
    for key, value in list(source.items()):
        budget.step()
        known = target.get(key)
        if isinstance(known, dict) and isinstance(value, dict) and known:
            merge_entries(budget, known, value, overwrite=overwrite)
        elif key not in target or is_empty(known) or overwrite:
            target[key] = value
    budget.ascend()


def dig(*path: Any) -> Any:
    """Return a value deep within maps; arguments are keys, a default and the map."""
    if len(path) < 3:
        raise CallError("dig needs at least three arguments")
    *names, default, value = path
    for name in names:
        wanted, found = (value, MAP_TYPE) if isinstance(name, str) else (name, "string")
        if not isinstance(value, dict) or wanted is name:
            raise CallError(
                f"interface conversion: interface {{}} is {type_name(wanted)}, not {found}"
            )
        if name not in value:
            return default
        value = value[name]
    return value


def deep_copy(budget: Budget, value: Any) -> Any:
    """Copy the value, its lists and maps included."""
    if not isinstance(value, list | dict):
        return value
    budget.descend()
    budget.allocate(len(value))
    if isinstance(value, dict):
        found: Any = {key: deep_copy(budget, each) for key, each in value.items()}
    else:
        found = [deep_copy(budget, each) for each in value]
        found = Slice(found, value.go_type) if isinstance(value, Slice) else found
    budget.ascend()
    return found


FUNCTIONS: Functions = {
    "dict": declare("...any", dictionary, bounded=True),
    "get": declare("map string", get_value),
    "set": declare("map string any", set_value),
    "unset": declare("map string", unset),
    "hasKey": declare("map string", lambda values, key: key in (values or {})),
    "pluck": declare("string ...map", pluck),
    "keys": declare("...map", keys),
    "values": declare("map", values_of),
    "pick": declare("map ...string", pick),
    "omit": declare("map ...string", omit),
    "merge": declare("map ...map", merge, bounded=True),
    "mustMerge": declare("map ...map", merge, bounded=True),
    "mergeOverwrite": declare("map ...map", merge_overwrite, bounded=True),
    "mustMergeOverwrite": declare("map ...map", merge_overwrite, bounded=True),
    "dig": declare("...any", dig),
    "deepCopy": declare("any", deep_copy, bounded=True),
    "mustDeepCopy": declare("any", deep_copy, bounded=True),
}
