"""HTTP: bounded listeners, routing, responses, administrative interfaces and outgoing fetches."""
