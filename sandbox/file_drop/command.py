"""`python -m sandbox file_drop --folder DIR`: writes the demo company's lists there and imports vouchers until it is stopped."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from sandbox.ending import ending
from sandbox.file_drop.importer import Importer
from sandbox.file_drop.lists import lists


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--folder", required=True, type=Path, metavar="DIR", help="made with its sub-folders if missing"
    )
    parser.add_argument("--db", default=":memory:", help="keep the books in this file; default: in memory")
    parser.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="how often the ERP looks into out/")
    parser.add_argument("--once", action="store_true", help="write the lists, import what is there, and stop")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")


def main(given: argparse.Namespace) -> int:
    """Import until a signal, or until standard input closes when asked so. Returns 0; 3 if the folder cannot be used."""
    stop = ending(with_stdin=given.until_stdin_closes)
    try:
        importer = Importer(given.folder, given.db)
        for name, body in lists().items():
            draft = given.folder / "in" / f".{name}"
            draft.write_bytes(body)
            os.replace(draft, given.folder / "in" / name)
        facts = {"folder": str(given.folder.resolve()), "pid": os.getpid()}
        told = json.dumps(facts) if given.json else "\n".join(f"{name}  {value}" for name, value in facts.items())
        sys.stdout.write(told + "\n")
        sys.stdout.flush()
        importer.run_once()
        if given.once:
            return 0
        while not stop.wait(given.every):
            importer.run_once()
    except OSError as error:
        sys.stderr.write(f"cannot use {given.folder}: {error}\n")
        return 3
    return 0
