"""The rules of the linter: each a function that is true of what obeys it, its docstring the rule."""
