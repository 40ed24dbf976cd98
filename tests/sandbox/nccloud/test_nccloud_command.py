"""`python -m sandbox nccloud`: one JSON line that says everything a connection needs, and an end when asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """A start with closed standard input: it announces itself and ends."""
    command = [sys.executable, "-m", "sandbox", "nccloud", "--json", "--until-stdin-closes", *options]
    return subprocess.run(command, cwd=ROOT, input="", capture_output=True, text=True, timeout=60, check=False)


def test_it_announces_itself_in_one_line_and_ends_with_its_standard_input() -> None:
    done = run("--fault", "busy=0.5")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["url"].startswith("http://127.0.0.1:")
    assert {
        "client_id",
        "app_secret",
        "public_key",
        "biz_center",
        "account_book",
        "maker",
        "control_url",
        "pid",
    } <= set(told)


def test_an_unknown_fault_and_a_foreign_address_are_refused() -> None:
    for options in (("--fault", "nonsense=1x"), ("--host", "192.0.2.1")):
        done = run(*options)
        assert done.returncode == 2 and done.stderr.strip()
