"""`newel version`."""


def main(arguments: list[str]) -> int:
    """Prints the version of the installed command line."""
    del arguments
    from importlib.metadata import version

    print(f"Newel {version('newel-cli')}")
    return 0
