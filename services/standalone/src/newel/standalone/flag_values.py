"""What is wrong with the value of a flag of `newel up`, said in one line before anything is made."""

import argparse
from collections.abc import Sequence
from typing import NoReturn
from urllib.parse import urlsplit

from newel.runtime.http.addresses import parse_address


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, because the usage of all flags hides what was wrong."""

    def error(self, message: str) -> NoReturn:
        """End the process with the reason on stderr."""
        text = message.replace("unrecognized arguments:", "unknown:").removeprefix("argument ")
        self.exit(2, f"{self.prog}: {text}; '{self.prog} --help' lists the flags\n")


def count(text: str) -> int:
    """Read a number of processes. Raises argparse's error for what is none."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 on")
    return int(text)


def refuse_empty(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """End the process for a flag with an empty value, which is a variable of a script that is not set.

    An empty --state would be the current folder.
    """
    for before, word in zip(("", *arguments), arguments, strict=False):
        flag, equals, value = word.partition("=")
        if not word or (flag.startswith("--") and equals and not value):
            parser.error(f"{flag or before}: the value is empty; give one, or leave out the flag")


def refuse_nameless(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """End the process for a --dns that is no name of a server, before an authority is made under it."""
    if not names:
        return
    from newel.standalone.settings import check_server_names

    try:
        check_server_names(names, "--dns")
    except ValueError as error:
        parser.error(str(error))


def add_port(parser: argparse.ArgumentParser, flag: str, text: str, default_port: int) -> str:
    """Return an address with its port; "" for none. Ends the process when it is wrong."""
    try:
        return str(parse_address(text, default_port)) if text else ""
    except ValueError as error:
        parser.error(f"{flag}: {error}")


def http_url(parser: argparse.ArgumentParser, text: str) -> str:
    """Return the base of URLs in certificates; "" for none. Ends the process when it is invalid.

    RFC 5280 §8 advises against https here: checking the status would need a status to check first.
    """
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        plain = not (parts.query or parts.fragment or parts.username)
        usable = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0 and plain
    except ValueError:  # a port that is no number, a bracket without its pair
        usable = False
    if not usable:
        parser.error(f"--http-url: {text} is no http:// URL of a host")
    return text.rstrip("/")
