"""What is written to the log, and what happens when it cannot be written."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from adapters.secrets import Redactor
from worker.log_lines import set_up_logging

SECRET = "s3cret-0f-j1nhe"


@pytest.fixture
def redactor() -> Iterator[Redactor]:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    made = Redactor()
    made.register(SECRET)
    yield made
    structlog.reset_defaults()
    logging.getLogger().handlers[:], logging.getLogger().level = before


def test_a_line_is_json_with_time_and_level_and_no_secret(
    redactor: Redactor, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("INFO", redactor)
    structlog.get_logger().warning("delivery.trouble", text=f"key {SECRET}")
    logging.getLogger("library").warning("key %s", SECRET)
    first, second = capsys.readouterr().err.splitlines()
    told = json.loads(first)
    assert (told["event"], told["level"], told["timestamp"][-1]) == ("delivery.trouble", "warning", "Z")
    assert SECRET not in first + second


class _FullDisk(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["closed", "full", "none"])
def test_a_log_that_cannot_be_written_ends_nothing(
    redactor: Redactor, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    set_up_logging("INFO", redactor)
    there = None if where == "none" else _FullDisk() if where == "full" else io.StringIO()
    if where == "closed":
        assert there is not None
        there.close()
    monkeypatch.setattr(sys, "stderr", there)
    structlog.get_logger().error("dispatcher.trouble")
    logging.getLogger("library").error("trouble")
    set_up_logging("CRITICAL", redactor)
    structlog.get_logger().critical("set up again")
