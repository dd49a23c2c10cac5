"""What PostgreSQL is sent as one message: a gate with the inserts that follow it."""

import pytest

from newel.runtime.database.combine import combine_with_gate
from newel.runtime.database.contract import Statement, Write

GATE = Write(Statement("UPDATE orders SET state = $2 WHERE id = $1 RETURNING id"), ("o", "ready"))
EVENT = Write(Statement("INSERT INTO events (id, body) VALUES ($1, $2)"), ("e", "used"))
OPEN = Write(Statement("INSERT INTO open_uses VALUES ($2, $1, 'new')"), ("a", b"b"))


def test_inserts_travel_with_their_gate() -> None:
    gate, then = combine_with_gate(GATE, (EVENT, OPEN))
    assert then == ()
    assert gate.params == ("o", "ready", "e", "used", "a", b"b")
    assert gate.statement.text == (
        "WITH gate AS (UPDATE orders SET state = $2 WHERE id = $1 RETURNING id),"
        " insert0 AS (INSERT INTO events (id, body) SELECT $3, $4 FROM gate),"
        " insert1 AS (INSERT INTO open_uses SELECT $6, $5, 'new' FROM gate) SELECT * FROM gate"
    )


@pytest.mark.parametrize(
    "then",
    [
        pytest.param((), id="nothing follows"),
        pytest.param((EVENT, EVENT), id="one table twice: their order could be seen"),
        pytest.param((EVENT, GATE), id="an update may read what came before"),
        pytest.param(
            (Write(Statement(EVENT.statement.text + " ON CONFLICT DO NOTHING"), ("e", "")),),
            id="an insert with a condition of its own",
        ),
    ],
)
def test_what_has_an_order_stays_as_it_is(then: tuple[Write, ...]) -> None:
    assert combine_with_gate(GATE, then) == (GATE, then)
