"""A worker whose clock was set takes nothing over until everybody's work of before is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hedge_core.errors import Unavailable
from worker.steady_clock import SteadyClock

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


class Machine:
    """Its time of day, which can be set, and its steady time, which cannot."""

    def __init__(self) -> None:
        self.wall = START
        self.beat = 1000.0
        self.told: datetime | None = None

    def now(self) -> datetime:
        return self.wall

    def sleep(self, seconds: float) -> None:
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.beat += seconds

    def steady(self) -> SteadyClock:
        return SteadyClock(self, 420, lambda: self.told, lambda: self.beat)


@pytest.mark.parametrize("step", [-7200, -45, 45, 7200])
def test_after_a_step_of_the_clock_there_is_no_time_for_the_length_of_a_lease(step: int) -> None:
    machine = Machine()
    clock = machine.steady()
    assert clock.now() == START
    machine.wall += timedelta(seconds=step)
    with pytest.raises(Unavailable, match="it was set"):
        clock.now()
    machine.wait(419)
    with pytest.raises(Unavailable, match="for 1 s"):
        clock.now()
    machine.wait(1)
    assert clock.now() == START + timedelta(seconds=420 + step)


def test_a_clock_that_is_slewed_or_waits_long_is_not_taken_for_set() -> None:
    machine = Machine()
    clock = machine.steady()
    for _ in range(20):
        machine.wait(3600)
        machine.wall += timedelta(seconds=5)
        assert clock.now() == machine.wall


def test_a_clock_that_was_wrong_from_the_start_is_seen_by_the_databases() -> None:
    machine = Machine()
    clock = machine.steady()
    machine.told = START + timedelta(seconds=600)
    with pytest.raises(Unavailable, match="-600 s off the database's clock"):
        clock.now()
    machine.told = machine.wall + timedelta(seconds=29)
    assert clock.now() == START
    machine.told = START - timedelta(days=1)
    assert clock.now() == START, "not asked again within ten seconds"
    machine.wait(11)
    with pytest.raises(Unavailable, match="off the database's clock"):
        clock.now()


def test_a_thread_that_waited_between_two_looks_is_not_taken_for_a_step() -> None:
    machine = Machine()
    held_up = iter([0.0, 0.0, 100.0, 100.0, 100.0, 100.0])
    clock = SteadyClock(machine, 420, monotonic=lambda: next(held_up))
    assert clock.now() == START  # 0 and 0
    machine.wall = START + timedelta(seconds=100)
    assert clock.now() == machine.wall  # 100 and 100
