"""Typed options of every command, generated from the grammar by cli/generate.py."""
