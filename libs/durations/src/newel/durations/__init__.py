"""Durations and times as Go writes them."""
