"""The step protocol as both ends speak it: tokens, API messages, ca.json, durations."""
