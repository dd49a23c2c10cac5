"""The lints, named as zlint names its own; each returns true for what passes its rule."""
