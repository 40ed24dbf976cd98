"""The DIFF stand-in as a command: it announces itself in one line and rolls its day when it is asked with its token."""

from __future__ import annotations

import json
import subprocess
import sys

import websocket


def test_the_command_serves_rolls_its_day_and_ends_with_its_input() -> None:
    command = [sys.executable, "-m", "sandbox", "diff", "--port", "0", "--json", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        facts = json.loads(running.stdout.readline())
        assert facts["trading_day"] == "2026-11-23"
        line = websocket.create_connection(facts["url"], timeout=10)
        assert json.loads(line.recv())["aid"] == "rtn_brokers"
        answers = []
        for token in ("wrong", facts["control_token"]):
            line.send(json.dumps({"aid": "sandbox_control", "token": token, "do": "roll_day"}))
            answers.append(json.loads(line.recv()))
        line.close()
        assert [answer["ok"] for answer in answers] == [False, True]
        assert answers[1]["trading_day"] == "20261124"
        assert running.stdin is not None
        running.stdin.close()
        assert running.wait(20) == 0
