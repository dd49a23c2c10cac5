"""The package's `copyright` file: machine-readable (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/)."""

import re
from collections.abc import Mapping
from importlib.metadata import Distribution

from deploy.packages.environment import PACKAGES
from deploy.single_file.closure import OWN

HEAD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: newel
Comment: The libraries that Newel needs are in /usr/lib/newel as their authors published them. Each has its
 licence's text in its folder *.dist-info, if its authors put one there.

Files: *
Copyright: The authors of Newel
License: Apache-2.0

License: Apache-2.0
 On Debian systems the text of this licence is in /usr/share/common-licenses/Apache-2.0.
"""
PARAGRAPH = """\

Files: {folder}/{files}-{version}.dist-info
Copyright: {authors}
License: {licence}
 {name} {version}, under the licence that it names: {licence}.
"""
BLANKS = re.compile(r"\s+")
LONGEST = 100


def write_copyright(closure: Mapping[str, Distribution]) -> bytes:
    """List every distribution in the package with its authors and its licence."""
    text = HEAD
    for name, installed in sorted(closure.items()):
        if not name.startswith(OWN):
            text += PARAGRAPH.format(
                folder=PACKAGES,
                files=str(installed.metadata["Name"]).replace("-", "?").replace(".", "?"),
                name=name,
                version=installed.version,
                authors=find_authors(installed),
                licence=find_licence(installed).replace(" ", "-"),
            )
    return text.encode()


def find_authors(installed: Distribution) -> str:
    """Return the authors that a distribution names."""
    fields = ("Author", "Author-email", "Maintainer", "Maintainer-email")
    for field in fields:
        if found := read_field(installed, field):
            return BLANKS.sub(" ", found)[:LONGEST]
    return f"the authors of {installed.metadata['Name']}"


def read_field(installed: Distribution, name: str) -> str:
    """Return a field of a distribution's metadata; "" where it has none."""
    found = installed.metadata.get_all(name) or [""]
    return found[0].strip()


def find_licence(installed: Distribution) -> str:
    """Return a distribution's licence: its expression, its old field, or its classifier."""
    for field in ("License-Expression", "License"):
        found = read_field(installed, field)
        if found and len(found) < LONGEST:
            return BLANKS.sub(" ", found)
    classifiers = installed.metadata.get_all("Classifier") or []
    named = [line.rpartition(" :: ")[2] for line in classifiers if line.startswith("License ::")]
    return named[0] if named else "unknown"
