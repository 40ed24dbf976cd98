"""A command that runs on notices that it is asked to end, whatever it is doing at that moment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from cli.ending import Ending


@pytest.fixture
def ending() -> Iterator[Ending]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield Ending()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_nobody_asked_and_the_rest_is_over(ending: Ending) -> None:
    assert ending.wait(0) is False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_every_later_rest_at_once(ending: Ending, number: signal.Signals) -> None:
    os.kill(os.getpid(), number)
    assert ending.wait(3600) is True
    assert ending.wait(3600) is True


def test_a_signal_in_the_middle_of_a_rest_ends_it(ending: Ending, monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("cli.ending.time.sleep", rest)
    assert ending.wait(3600) is True
    assert len(rests) == 1
