"""Regenerates every *_pb2 module beside its .proto: `make generate`."""

import sys
from pathlib import Path

from grpc_tools import protoc  # pyright: ignore[reportMissingTypeStubs]


def main() -> int:
    """Run protoc with the Python, gRPC and type-stub plugins over every contract."""
    root = Path(__file__).parent / "src"
    protos = sorted(str(path.relative_to(root)) for path in root.rglob("*.proto"))
    bundled = Path(protoc.__file__).parent / "_proto"
    bin_dir = Path(sys.executable).parent
    arguments = [
        "protoc",
        f"-I{root}",
        f"-I{bundled}",
        f"--plugin=protoc-gen-mypy={bin_dir}/protoc-gen-mypy",
        f"--plugin=protoc-gen-mypy_grpc={bin_dir}/protoc-gen-mypy_grpc",
        f"--python_out={root}",
        f"--grpc_python_out={root}",
        f"--mypy_out=quiet:{root}",
        f"--mypy_grpc_out=quiet:{root}",
        *protos,
    ]
    status: int = protoc.main(arguments)
    # protoc writes a *_pb2_grpc for messages-only files too; those say nothing.
    for proto in root.rglob("*.proto"):
        if "\nservice " not in proto.read_text():
            for suffix in ("_pb2_grpc.py", "_pb2_grpc.pyi"):
                proto.with_name(proto.stem + suffix).unlink(missing_ok=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
