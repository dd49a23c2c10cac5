"""Name policies: which names certificates may have, decided in constant time."""
