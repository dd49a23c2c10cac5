"""Many units in one PostgreSQL transaction: writes of one text travel as one pipelined message."""

from collections.abc import Iterable, Sequence
from typing import Any

from newel.runtime.database.contract import Statement, Write
from newel.runtime.database.unit import Unit


async def transact(connection: Any, units: Sequence[Unit]) -> None:
    """Run units in one transaction. On return they are durable and have their rows."""
    for unit in units:
        unit.row = None
    waves = _split_waves(units)
    if len(waves) == 1 and _is_one_message(units):
        await _run(connection, units)  # a single message is a transaction by itself
        return
    async with connection.transaction():
        for wave in waves:
            await _run(connection, wave)


async def _run(connection: Any, units: Sequence[Unit]) -> None:
    await _decide(connection, units)
    await _write(connection, [unit for unit in units if unit.gate is None or unit.row])


def _is_one_message(units: Sequence[Unit]) -> bool:
    """Tell whether the units are one statement, as a gate alone or as a write without one."""
    kinds: set[tuple[bool, int]] = set()
    for unit in units:
        if unit.gate is not None:
            if unit.then:
                return False
            kinds.add((True, id(unit.gate.statement)))
        else:
            kinds.update((False, id(write.statement)) for write in unit.then)
    return len(kinds) == 1


def _split_waves(units: Sequence[Unit]) -> list[list[Unit]]:
    """Split units so that no wave has the same gate key twice, in the order they came.

    A gate's row belongs to the unit whose key is its first column. With two units of one key in one
    message, the single row of the winner could belong to either.
    """
    waves: list[list[Unit]] = []
    rest = list(units)
    while rest:
        wave: list[Unit] = []
        later: list[Unit] = []
        seen: set[tuple[int, Any]] = set()
        for unit in rest:
            key = (id(unit.gate.statement), unit.gate.params[0]) if unit.gate else (0, id(unit))
            (later if key in seen else wave).append(unit)
            seen.add(key)
        waves.append(wave)
        rest = later
    return waves


async def _decide(connection: Any, units: Sequence[Unit]) -> None:
    """Run the gates, one message for each text, and give every winner its row."""
    for statement, gated in _group_by_statement((unit, unit.gate) for unit in units):
        rows = await connection.fetchmany(statement.text, [write.params for _, write in gated])
        winners = {row[0]: tuple(row) for row in rows}
        for unit, write in gated:
            unit.row = winners.get(write.params[0])


async def _write(connection: Any, units: Sequence[Unit]) -> None:
    """Run what follows the gates: first every unit's first statement, then the second and so on.

    Consecutive writes of the same text count as one statement with many rows.
    """
    runs = [_group_runs(unit.then) for unit in units]
    for position in range(max(map(len, runs), default=0)):
        together: dict[int, tuple[Statement, list[tuple[Any, ...]]]] = {}
        for mine in runs:
            if position < len(mine):
                statement, rows = mine[position]
                together.setdefault(id(statement), (statement, []))[1].extend(rows)
        for statement, rows in together.values():
            await connection.executemany(statement.text, rows)


def _group_runs(writes: Sequence[Write]) -> list[tuple[Statement, list[tuple[Any, ...]]]]:
    runs: list[tuple[Statement, list[tuple[Any, ...]]]] = []
    for write in writes:
        if not runs or runs[-1][0] is not write.statement:
            runs.append((write.statement, []))
        runs[-1][1].append(write.params)
    return runs


def _group_by_statement(
    writes: Iterable[tuple[Unit, Write | None]],
) -> list[tuple[Statement, list[tuple[Unit, Write]]]]:
    grouped: dict[int, tuple[Statement, list[tuple[Unit, Write]]]] = {}
    for unit, write in writes:
        if write is not None:
            _, group = grouped.setdefault(id(write.statement), (write.statement, []))
            group.append((unit, write))
    return list(grouped.values())
