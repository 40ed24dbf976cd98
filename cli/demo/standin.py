"""The stand-in ERP as a process of its own: started, asked through its control address, and ended with us."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any


class StandIn:
    """`python -m sandbox NAME` until the block ends. It also ends by itself when this process dies: its input closes."""

    def __init__(self, name: str, *, db: Path, faults: Sequence[str] = ()) -> None:
        options = ["--db", str(db), *(part for fault in faults for part in ("--fault", fault))]
        self._process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            [sys.executable, "-m", "sandbox", name, "--port", "0", "--json", "--until-stdin-closes", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker: PIPE was asked for
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the stand-in {name} did not start")
        self.access: dict[str, Any] = json.loads(line)

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(10)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def control(self, name: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the stand-in's own back door: GET without a body, POST with one."""
        request = urllib.request.Request(  # noqa: S310 - the loopback address that the stand-in printed
            self.access["control_url"] + name,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Control-Token": self.access["control_token"], "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read())


def write_statements(folder: Path) -> None:
    """The company's broker statements, prices and designation, written by the stand-in broker."""
    subprocess.run(  # noqa: S603 - our own module, our own arguments
        [sys.executable, "-m", "sandbox", "statements", "--out", str(folder)], check=True, stdout=subprocess.DEVNULL
    )
