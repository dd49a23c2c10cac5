"""Ask the real step-ca every question of the policy corpus and write down its verdicts.

.venv/bin/python -m conformance.record_policies      (in tests)
"""

import json
import ssl
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from conformance import policy_corpus as corpus
from fixtures.registration import JwkKey
from fixtures.running import Authority
from fixtures.step_ca import step_ca
from newel.crypto import keys
from newel.runtime.clock import SystemClock

_WITHOUT_SUBJECT = '{"sans": {{ toJson .SANs }}, "keyUsage": ["digitalSignature"]}'
_SUBJECT_ALONE = '{"subject": {{ toJson .Subject }}, "keyUsage": ["digitalSignature"]}'


def main() -> None:
    """Write the verdicts of every policy."""
    found = {name: ask_all(name) for name in corpus.POLICIES}
    corpus.VERDICTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def ask_all(policy: str) -> dict[str, list[Any]]:
    """Start step-ca with a policy and ask it everything."""
    with_names, alone = JwkKey("names", keys.generate()), JwkKey("alone", keys.generate())

    def edit(ca: dict[str, Any]) -> None:
        ca["authority"]["policy"] = {"x509": corpus.POLICIES[policy]}
        ca["authority"]["provisioners"] += [
            with_names.record(options={"x509": {"template": _WITHOUT_SUBJECT}}),
            alone.record(options={"x509": {"template": _SUBJECT_ALONE}}),
        ]

    with (
        tempfile.TemporaryDirectory() as folder,
        step_ca(Path(folder) / "ca", edit=edit) as authority,
    ):
        return {
            question.key: _ask(authority, with_names if question.names else alone, question)
            for question in corpus.questions(policy)
        }


def _ask(authority: Authority, provisioner: JwkKey, question: corpus.Question) -> list[Any]:
    token = provisioner.token(
        question.common_name or "subject",
        SystemClock().now(),
        audience="https://127.0.0.1/1.0/sign",
        sans=list(question.names) or ["unused.test"],
    )
    key = keys.generate()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    pem = request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    body = json.dumps({"csr": pem, "ott": token}).encode()
    context = ssl.create_default_context(cafile=str(authority.root))
    asked = urllib.request.Request(  # noqa: S310 - https
        f"{authority.url}/1.0/sign", body, {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(asked, context=context, timeout=60):  # noqa: S310 - https
            return [201, ""]
    except urllib.error.HTTPError as error:
        return [error.code, json.load(error)["message"]]


if __name__ == "__main__":
    main()
