"""Write the reference pages of `docs/`."""

from pathlib import Path

from deploy.reference.configuration import render_configuration
from deploy.reference.sdk import render_sdk

DOCS = Path(__file__).parents[2] / "docs"

if __name__ == "__main__":
    (DOCS / "configuration.md").write_text(render_configuration())
    (DOCS / "sdk.md").write_text(render_sdk())
