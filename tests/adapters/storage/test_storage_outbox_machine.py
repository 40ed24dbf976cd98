"""The outbox against a plain model of it: hypothesis plays dispatchers, workers, crashes and persons in any order."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapters.storage import SqlStore, open_store, upgrade_database
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Book, OutboxRow, OutboxState
from tests.support import samples
from tests.support.databases import HandClock

LI = Actor("li.na")
BOOK = BookId("cu01")
LEASE = 60
ENDS = st.sampled_from(["done", "pending", "unknown", "dead"]).map(OutboxState)
SECONDS = st.integers(0, 3 * LEASE)
WHICH = st.integers(0, 10**6)


class OutboxMachine(RuleBasedStateMachine):
    """The model is a dictionary of rows with state, attempts, token, times; every token ever given is remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hb-outbox-"))
        url = f"sqlite:///{self.folder}/outbox.db"
        upgrade_database(url)
        self.clock = HandClock()
        self.store: SqlStore = open_store(url, self.clock)
        self.model: dict[int, dict[str, Any]] = {}
        self.tokens: list[tuple[int, str]] = []
        self.keys = itertools.count()

    @initialize()
    def connect(self) -> None:
        self.store.add_book(Book(BOOK, "x", "CNY"), LI)
        with self.store.begin(BOOK, LI) as unit:
            unit.save_connection(samples.connection())

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(wait=SECONDS, follow=st.booleans(), which=WHICH)
    def enqueue(self, wait: int, follow: bool, which: int) -> None:
        leader = self._pick(list(self.model), which) if follow else None
        at = self.clock.now() + timedelta(seconds=wait)
        key = f"HB{next(self.keys)}"
        with self.store.begin(BOOK, LI) as unit:
            row_id = unit.outbox.enqueue("k3", "voucher", key, key, "h", at, leader)
        assert row_id not in self.model
        self.model[row_id] = {"state": "pending", "attempts": 0, "at": at, "until": None, "token": "", "leader": leader}

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.clock.sleep(seconds)

    @rule(limit=st.integers(1, 3))
    def lease(self, limit: int) -> None:
        now = self.clock.now()
        due = {row_id for row_id in self.model if self._due(row_id)}
        leased = self.store.queue.lease_due(now, LEASE, limit)
        assert len(leased) == min(limit, len(due))
        assert {row.id for row in leased} <= due
        for row in leased:
            assert row.attempts == self.model[row.id]["attempts"]
            assert row.lease_token not in {token for _, token in self.tokens}
            self.tokens.append((row.id, row.lease_token))
            self.model[row.id] |= {
                "state": "leased",
                "token": row.lease_token,
                "until": now + timedelta(seconds=LEASE),
            }

    @rule(which=WHICH)
    def start(self, which: int) -> None:
        """With any token ever given, also one that was lost long ago."""
        held = self._pick(self.tokens, which)
        if held is None:
            return
        row_id, token = held
        with self.store.begin(BOOK, LI) as unit:
            started: OutboxRow | None = unit.outbox.start(row_id, token, self.clock.now())
        row = self.model[row_id]
        may = row["state"] == "leased" and row["token"] == token and row["until"] > self.clock.now()
        assert (started is not None) == may
        if started is not None:
            row["state"] = "started"
            row["attempts"] += 1
            assert started.attempts == row["attempts"]

    @rule(which=WHICH, end=ENDS, wait=SECONDS, back=st.booleans())
    def finish(self, which: int, end: OutboxState, wait: int, back: bool) -> None:
        held = self._pick(self.tokens, which)
        if held is None:
            return
        row_id, token = held
        at = self.clock.now() + timedelta(seconds=wait)
        with self.store.begin(BOOK, LI) as unit:
            kept = unit.outbox.finish(row_id, token, end, available_at=at, give_attempt_back=back)
        row = self.model[row_id]
        may = row["state"] == "started" and row["token"] == token and row["until"] > self.clock.now()
        assert kept == may
        if kept:
            row |= {"state": end.value, "at": at, "token": "", "until": None, "attempts": row["attempts"] - back}

    @rule(which=WHICH, end=st.sampled_from(["pending", "cancelled", "done"]).map(OutboxState))
    def release(self, which: int, end: OutboxState) -> None:
        row_id = self._pick(list(self.model), which)
        if row_id is None:
            return
        row = self.model[row_id]
        may = row["state"] in ("dead", "unknown")
        try:
            with self.store.begin(BOOK, LI) as unit:
                unit.outbox.release(row_id, end, "a person", self.clock.now())
        except RuleBroken:
            assert not may
        else:
            assert may
            row |= {"state": end.value, "at": self.clock.now()}

    @invariant()
    def the_table_is_the_model(self) -> None:
        if not self.model:
            return
        with self.store.read(BOOK) as unit:
            rows = {row.id: row for row in unit.outbox.rows()}
        assert {
            row.id: (row.state.value, row.attempts, row.available_at, row.lease_until, row.lease_token)
            for row in rows.values()
        } == {
            row_id: (row["state"], row["attempts"], row["at"], row["until"], row["token"])
            for row_id, row in self.model.items()
        }

    @invariant()
    def the_queue_knows_when_and_how_much(self) -> None:
        now = self.clock.now()
        moments = [self._moment(row_id) for row_id in self.model]
        assert self.store.queue.next_due(now) == min((m for m in moments if m is not None), default=None)
        held = [row for row in self.model.values() if row["until"] is not None and row["until"] > now]
        assert self.store.queue.in_work(now) == len(held)

    def _moment(self, row_id: int) -> Any:
        """When a row becomes due; None when only something else can make it so."""
        row = self.model[row_id]
        if row["state"] in ("leased", "started"):
            return row["until"]
        waits = row["leader"] is not None and self.model[row["leader"]]["state"] != "done"
        return row["at"] if row["state"] in ("pending", "unknown") and not waits else None

    def _due(self, row_id: int) -> bool:
        moment = self._moment(row_id)
        return moment is not None and moment <= self.clock.now()

    @staticmethod
    def _pick(things: list[Any], which: int) -> Any:
        return things[which % len(things)] if things else None


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
