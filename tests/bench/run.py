"""`make bench`: our authority and, where step-ca is on PATH, the Go peer, driven in the same run.

Prints rate, latency and the server's CPU milliseconds per operation, and the ratios; writes the same as
JSON to var/bench. Nothing here is a test: a figure is read, never asserted.
"""

import argparse
import contextlib
import dataclasses
import json
import shutil
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from load import Figure, drive
from models import Authority
from proofs import Proof, make_proofs
from replacement import measure_replacement
from servers import newel_split, newel_up, step_ca

ROOT = Path(__file__).parents[2]


def choose_authorities(
    arguments: argparse.Namespace, work: Path, proofs: Sequence[Proof]
) -> Iterator[contextlib.AbstractContextManager[Authority]]:
    """The authorities asked for, ours first."""
    work.mkdir(exist_ok=True)
    if arguments.shape == "split":
        yield newel_split(work, arguments.workers)
    else:
        yield newel_up(work, arguments.workers, proofs, arguments.preload, arguments.policy)
    if shutil.which("step-ca") and not arguments.alone:
        yield step_ca(work, proofs, arguments.policy)


def ocsp(authority: Authority, work: Path, seconds: int, workers: int) -> Figure:
    """OCSP POSTs for one issued certificate, answered over plain HTTP."""
    leaf, issuer, request = work / "leaf.pem", work / "issuer.pem", work / "request.der"
    context = ssl.create_default_context(cafile=str(authority.root))
    with urllib.request.urlopen(f"{authority.url}/intermediates", context=context) as answer:
        issuer.write_text(json.load(answer)["crts"][0])
    port = authority.url.rsplit(":", 1)[1]
    served = ssl.get_server_certificate(("127.0.0.1", int(port)))
    leaf.write_text(served)
    subprocess.run(
        ["openssl", "ocsp", "-issuer", str(issuer), "-cert", str(leaf), "-no_nonce", "-reqout", str(request)],
        check=True, capture_output=True,
    )  # fmt: skip # a command line
    plain = dataclasses.replace(authority, url=authority.http_url)
    figure = drive(
        plain,
        "post",
        seconds=seconds,
        workers=workers,
        extra=["-path", "/ocsp", "-body", str(request)],
    )
    return dataclasses.replace(figure, operation="ocsp")


def sign(authority: Authority, proof: Proof, seconds: int, workers: int) -> Figure:
    """``/sign`` by tokens of another kind than the usual."""
    own = dataclasses.replace(authority, jwk=proof.key)
    figure = drive(own, "sign", seconds=seconds, workers=workers, extra=[*proof.flags])
    return dataclasses.replace(figure, operation=proof.operation)


def measure(
    authority: Authority, arguments: argparse.Namespace, work: Path, proofs: Sequence[Proof]
) -> list[Figure]:
    """Every operation on one running authority."""
    figures: list[Figure] = []
    by_operation = {proof.operation: proof for proof in proofs}
    for operation in arguments.operations.split(","):
        if operation in {"policy", "replacement"}:
            continue  # by authorities of their own
        if proof := by_operation.get(operation):
            if arguments.shape == "split":
                continue
            figure = sign(authority, proof, arguments.seconds, arguments.clients)
        elif operation != "ocsp":
            figure = drive(
                authority, operation, seconds=arguments.seconds, workers=arguments.clients
            )
        elif authority.http_url:
            figure = ocsp(authority, work, arguments.seconds, arguments.clients)
        else:
            continue
        figures.append(figure)
        print(row(figure), flush=True)
    return figures


def measure_policy(
    arguments: argparse.Namespace, work: Path, proofs: Sequence[Proof]
) -> Iterator[Figure]:
    """``/sign`` by authorities with a policy of 10,000 constraints."""
    laden = argparse.Namespace(**{**vars(arguments), "policy": 10_000, "preload": 0})
    for authority in choose_authorities(laden, work, proofs):
        with authority as running:
            figure = drive(running, "sign", seconds=arguments.seconds, workers=arguments.clients)
        figure = dataclasses.replace(figure, operation="policy")
        print(row(figure), flush=True)
        yield figure


def row(figure: Figure) -> str:
    """One line of the table."""
    return (
        f"{figure.authority:8} {figure.operation:8} {figure.per_second:9,.0f}/s   p50 {figure.p50_ms:7.2f} ms"
        f"   p99 {figure.p99_ms:7.2f} ms   cpu {figure.cpu_ms:7.3f} ms   rss {figure.rss_mb:5} MB"
        f"   errors {figure.errors}"
    )


def ratios(figures: list[Figure]) -> Iterator[str]:
    """Ours against the peer's, where both did the same operation."""
    by = {(figure.authority, figure.operation): figure for figure in figures}
    for (name, operation), ours in by.items():
        theirs = by.get(("step-ca", operation))
        if name != "step-ca" and theirs:
            yield (
                f"{operation:8} rate x{ours.per_second / theirs.per_second:.2f}"
                f"   cpu x{ours.cpu_ms / theirs.cpu_ms:.2f} of step-ca's"
            )


def main() -> None:
    """Reads the options, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=["embedded", "split"], default="embedded")
    parser.add_argument("--seconds", type=int, default=8, help="how long each operation is driven")
    parser.add_argument("--clients", type=int, default=16, help="connections at once")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of `newel up`")
    parser.add_argument(
        "--operations", default="sign,x5c,oidc,k8ssa,template,policy,renew,ssh,acme,ocsp"
    )
    parser.add_argument(
        "--preload", type=int, default=0, help="certificates stored before measuring"
    )
    parser.add_argument(
        "--policy", type=int, default=0, help="constraints of a name policy of the authority"
    )
    parser.add_argument(
        "--certificates", type=int, default=10_000, help="how many ACME certificates are replaced"
    )
    parser.add_argument(
        "--spread", type=int, default=60, help="seconds in which their clients ask when to renew"
    )
    parser.add_argument("--alone", action="store_true", help="leave step-ca out")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="newel-bench-") as folder:
        work = Path(folder)
        operations = arguments.operations.split(",")
        if "replacement" in operations:
            measure_replacement(arguments, work / "replacement")
        if operations == ["replacement"]:
            return
        with make_proofs(work / "proofs") as proofs:
            for authority in choose_authorities(arguments, work, proofs):
                with authority as running:
                    figures += measure(running, arguments, work, proofs)
            if "policy" in arguments.operations.split(",") and arguments.shape != "split":
                figures += measure_policy(arguments, work / "policy", proofs)
    print("\n".join(ratios(figures)))
    target = ROOT / "var/bench"
    target.mkdir(parents=True, exist_ok=True)
    name = f"{arguments.shape}-{arguments.preload}.json"
    (target / name).write_text(
        json.dumps([dataclasses.asdict(figure) for figure in figures], indent=2)
    )


if __name__ == "__main__":
    main()
