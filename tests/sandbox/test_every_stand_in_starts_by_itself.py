"""Every stand-in starts by one command, says in one line of JSON how to reach it, is reached there, and ends when asked."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.__main__ import COMMANDS
from worker.systems import packaged

ROOT = Path(__file__).parents[2]
BY_THEMSELVES = sorted(COMMANDS.keys() - {"statements", "proxy"})
"""`statements` writes files and ends, `proxy` needs a system behind it; both have tests of their own."""
STAND_IN_OF = {"generic_json": "generic"}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def started(name: str, folder: Path) -> tuple[subprocess.Popen[str], int]:
    command = shutil.which("hedgebridge", path=str(Path(sys.executable).parent))
    assert command, "the command is installed beside the interpreter"
    port = free_port()
    where = ["--folder", str(folder)] if name == "file_drop" else ["--port", str(port)]
    process = subprocess.Popen(
        [command, "sandbox", name, *where, "--json", "--until-stdin-closes"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    return process, port


def test_every_packaged_system_has_a_stand_in() -> None:
    assert {STAND_IN_OF.get(name, name) for name in packaged()} <= set(BY_THEMSELVES)


@pytest.mark.parametrize("ending", ["standard input closes", "it is told to terminate"])
@pytest.mark.parametrize("name", BY_THEMSELVES)
def test_it_starts_tells_where_it_is_and_ends(name: str, ending: str, tmp_path: Path) -> None:
    process, port = started(name, tmp_path)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert isinstance(told["pid"], int)
        if name == "file_drop":
            assert any((tmp_path / "in").iterdir())
        else:
            at = urlsplit(told["url"])
            assert (at.hostname, at.port) == ("127.0.0.1", port)
            with socket.create_connection((at.hostname, port), timeout=10):
                pass
        if ending == "it is told to terminate":
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)  # before its standard input is closed, which would end it too
        rest, errors = process.communicate(timeout=60)
        assert (process.returncode, rest, errors) == (0, "", "")
    finally:
        process.kill()
        process.wait()
