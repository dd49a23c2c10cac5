"""Deep equality, types included."""

from typing import Any

from newel.gotemplate.budget import Budget
from newel.gotemplate.values import type_name


def same(budget: Budget, one: Any, other: Any) -> bool:
    """Compare as Go's reflect.DeepEqual does."""
    budget.step()
    if one is None or other is None:
        return one is other
    if type_name(one) != type_name(other):
        return False
    if not isinstance(one, list | dict):
        return one == other
    if len(one) != len(other):
        return False
    budget.descend()
    if isinstance(one, dict):
        found = all(key in other and same(budget, each, other[key]) for key, each in one.items())
    else:
        found = all(same(budget, each, peer) for each, peer in zip(one, other, strict=True))
    budget.ascend()
    return found


def among(budget: Budget, values: list[Any], wanted: Any) -> bool:
    """Tell whether any of the values is the same as the wanted one."""
    return any(same(budget, wanted, each) for each in values)
