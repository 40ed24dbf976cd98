"""`python -m sandbox statements --out DIR`: writes the demo company's broker statements, price lists and designation to files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.company.broker_files import files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write to; made if missing")


def main(args: argparse.Namespace) -> int:
    """Write every file below `--out`, replacing those of an earlier run. Returns 0; 3 if the folder cannot be written."""
    try:
        written = write(args.out)
    except OSError as problem:
        print(f"cannot write to {args.out}: {problem}", file=sys.stderr)  # noqa: T201
        return 3
    print(f"{written} files in {args.out}")  # noqa: T201
    return 0


def write(out: Path) -> int:
    """How many files were written."""
    found = files()
    for name, content in found.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(found)
