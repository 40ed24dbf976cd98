"""The command line: one JSON line, random credentials, loopback only, and an end when asked."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[3]


def _start(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sandbox", "kingdee", "--json", *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _end(process: subprocess.Popen[str]) -> int:
    _, _ = process.communicate(timeout=20)
    return process.returncode


def test_announces_itself_in_one_line_and_ends_with_its_standard_input():
    process = _start("--until-stdin-closes", "--fault", "waf=1.0")
    told = json.loads(process.stdout.readline())
    assert told["url"].endswith("/k3cloud/")
    assert {
        "acct_id",
        "user",
        "password",
        "app_id",
        "app_secret",
        "org",
        "account_book",
        "control_url",
        "control_token",
        "pid",
    } <= set(told)
    faults = requests.get(told["control_url"] + "faults", headers={"X-Control-Token": told["control_token"]}, timeout=9)
    assert faults.json()["armed"]["waf"]["rate"] == 1.0
    assert _end(process) == 0


def test_ends_on_sigterm():
    process = _start()
    json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert _end(process) == 0


def test_credentials_differ_from_start_to_start_unless_given():
    told = []
    for options in ((), (), ("--app-secret", "given", "--acct-id", "abc")):
        process = _start("--until-stdin-closes", *options)
        told.append(json.loads(process.stdout.readline()))
        _end(process)
    for name in ("acct_id", "user", "password", "app_id", "app_secret", "control_token"):
        assert told[0][name] != told[1][name]
    assert (told[2]["app_secret"], told[2]["acct_id"]) == ("given", "abc")


@pytest.mark.parametrize("options", [("--host", "0.0.0.0"), ("--fault", "nonsense=1"), ("--fault", "waf")])  # noqa: S104
def test_a_bad_option_is_refused_with_a_reason(options):
    process = _start(*options)
    output, error = process.communicate(timeout=20)
    assert (process.returncode, output) == (2, "")
    assert error.strip()


def test_books_in_a_file_outlive_the_server(tmp_path):
    path = str(tmp_path / "books.sqlite")
    seen = []
    for body in ({"form": "BD_UNIT", "values": {"FNumber": "lb", "FName": "磅"}}, None):
        process = _start("--until-stdin-closes", "--db", path)
        told = json.loads(process.stdout.readline())
        headers = {"X-Control-Token": told["control_token"]}
        if body:
            requests.post(told["control_url"] + "records", json=body, headers=headers, timeout=9)
        units = requests.get(told["control_url"] + "records?form=BD_UNIT", headers=headers, timeout=9).json()
        seen.append([one["Number"] for one in units])
        _end(process)
    assert seen == [["t", "kg", "KUN", "lb"]] * 2
