"""The statements about counters, which the revocations of both kinds and the lists have."""

from newel.runtime.database.contract import Statement

# The counter's row is locked first and until the commit, so that counts become visible in order: a
# worker that has seen 7 can never find a row of 6 later.
COUNT = Statement("UPDATE counters SET value = value + 1 WHERE name = $1")
COUNTER = Statement("SELECT value FROM counters WHERE name = $1")
RAISE = Statement("UPDATE counters SET value = $2 WHERE name = $1 AND value < $2")
