"""The HTTP front: connections, bodies, answers, fetches."""
