"""Rounds: steps on the same book that wait at the same moment share one transaction, and so one write to the disk.

While a round is on its way the steps that come wait for the next one: nobody waits for company that may never come, and the
busier a process is, the fewer transactions it needs. A step's answer comes after the commit, never before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.use_cases import delivery_steps

MOST: Final = 16
"""Steps of one round: a transaction that many wait for must stay a short one."""

Step = TypeVar("Step")


class Rounds(Generic[Step]):
    """One per process and kind of step. `take` makes all steps of a round in one unit of work and answers each of them."""

    def __init__(
        self, store: Store, actor: Actor, take: Callable[[UnitOfWork, Sequence[Step]], Sequence[Any]], most: int = MOST
    ) -> None:
        self._store = store
        self._actor = actor
        self._take = take
        self._most = most
        self._lock = threading.Lock()
        self._tables: dict[BookId, _Table[Step]] = {}

    def __call__(self, book: BookId, step: Step, /) -> Any:
        """The step's answer once it is on the disk. What fails in company is tried alone, so that only the step to blame
        fails, with what `Store.begin` or itself raised."""
        seat = _Seat(step)
        with self._lock:
            table = self._tables.setdefault(book, _Table())
            table.seats.append(seat)
            leads, table.busy = not table.busy, True
        if not leads:
            seat.called.wait()
            leads = seat.leads
        if leads:
            self._lead(book, table)
        return seat.answer if seat.answered else self._alone(book, step)

    def waiting(self, book: BookId) -> int:
        """Steps that wait for the next round of a book."""
        with self._lock:
            table = self._tables.get(book)
            return 0 if table is None else len(table.seats)

    def _lead(self, book: BookId, table: _Table[Step]) -> None:
        with self._lock:
            round_, table.seats = table.seats[: self._most], table.seats[self._most :]
        try:
            if len(round_) == 1:
                round_[0].answer, round_[0].answered = self._alone(book, round_[0].step), True
            else:
                self._together(book, round_)
        finally:  # whatever happened, the others go on: who has no answer yet takes its step alone
            with self._lock:
                table.busy = bool(table.seats)
                if table.seats:
                    table.seats[0].leads = True
                    table.seats[0].called.set()
            for seat in round_:
                seat.called.set()

    def _together(self, book: BookId, round_: Sequence[_Seat[Step]]) -> None:
        try:
            with self._store.begin(book, self._actor) as uow:
                answers = self._take(uow, [seat.step for seat in round_])
        except Exception:  # noqa: BLE001 - each of them finds out by itself whether it was to blame
            return
        for seat, answer in zip(round_, answers, strict=True):
            seat.answer, seat.answered = answer, True

    def _alone(self, book: BookId, step: Step) -> Any:
        with self._store.begin(book, self._actor) as uow:
            return self._take(uow, (step,))[0]


def delivery_rounds(store: Store, actor: Actor, clock: Clock) -> Rounds[delivery_steps.Step]:
    """Rounds for `hedge_core.use_cases.deliver`."""
    return Rounds(store, actor, lambda uow, steps: delivery_steps.take_steps(uow, steps, clock))


def call_rounds(store: Store, actor: Actor) -> Rounds[Callable[[UnitOfWork], Any]]:
    """Rounds of functions that each get the unit of work."""
    return Rounds(store, actor, lambda uow, calls: [call(uow) for call in calls])


class _Table(Generic[Step]):
    """Who waits at one book; `busy` while somebody leads a round there."""

    def __init__(self) -> None:
        self.seats: list[_Seat[Step]] = []
        self.busy = False


class _Seat(Generic[Step]):
    def __init__(self, step: Step) -> None:
        self.step = step
        self.called = threading.Event()
        self.leads = False
        self.answer: Any = None
        self.answered = False
