"""The cases of the template language, asked of the original itself: what libs/gotemplate/tests takes for Go's
answers are its answers.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

CORPUS = Path(__file__).parents[2] / "libs/gotemplate/tests"
CASES: list[dict[str, Any]] = [
    json.loads(line)
    for name in ("language.jsonl", "functions.jsonl")
    for line in (CORPUS / name).read_text().splitlines()
]
OURS = str(Path(sys.executable).parent)
OTHERS = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if p != OURS)
STEP = shutil.which("step", path=OTHERS) or "step"
WITHOUT_DATA = [
    case for case in CASES if "data" not in case and not re.search(r"\$\s", case["template"])
]


def fits(case: dict[str, Any]) -> bool:
    """Whether output and template can stand within a JSON string, beside others."""
    output = case.get("output", "\n")
    return json.dumps(output, ensure_ascii=False)[1:-1] == output and not re.search(
        r"\{\{-?\s*(define|block|template)", case["template"]
    )


TOGETHER = [case for case in WITHOUT_DATA if fits(case)]
FAILING = [case for case in WITHOUT_DATA if "error" in case]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cwd = tmp_path_factory.mktemp("language")
    step(cwd, "crypto", "keypair", "own.pub", "own.key", "--no-password", "--insecure")
    return cwd


def step(cwd: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [STEP, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=60,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"STEPPATH": str(cwd)},
    )


def create(cwd: Path, template: str) -> "subprocess.CompletedProcess[str]":
    (cwd / "given.tpl").write_text(template)
    line = [
        "certificate",
        "create",
        "x",
        "made.crt",
        "--key",
        "own.key",
        "--template",
        "given.tpl",
        "-f",
    ]
    return step(cwd, *line)


@pytest.mark.needs("step")
def test_the_original_gives_the_same_outputs(home: Path) -> None:
    """Each output is an attribute of one certificate's subject."""
    values = ",".join(
        f'{{"type": "1.2.3.{place + 1}", "value": "{{{{ with $ }}}}{case["template"]}{{{{ end }}}}"}}'
        for place, case in enumerate(TOGETHER)
    )
    done = create(home, f'{{"subject": {{"extraNames": [{values}]}}}}')
    assert done.returncode == 0, done.stderr
    subject = x509.load_pem_x509_certificate((home / "made.crt").read_bytes()).subject
    assert [each.value for each in subject] == [case["output"] for case in TOGETHER]
    assert len(TOGETHER) > 40


@pytest.mark.needs("step")
@pytest.mark.parametrize("case", FAILING, ids=lambda case: case["template"][:60])
def test_the_original_gives_the_same_error(home: Path, case: dict[str, Any]) -> None:
    done = create(home, case["template"])
    assert done.returncode == 1
    message = re.search(r"error calling fail: (.*)", case["error"])
    wanted = message[1] if message else case["error"]
    assert done.stderr.strip().endswith(wanted)
