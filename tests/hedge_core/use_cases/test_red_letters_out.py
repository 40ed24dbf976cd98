"""Red-letter and blue vouchers (红字冲销) on the stand-ins: one action, one document each, also when an answer was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.erp.file_drop.voucher_file import voucher_table
from adapters.storage import SqlStore
from conformance import Booked, ErpUnderTest, Fault, NotSwitchable, On
from hedge_core.model.identity import Actor, book_id
from hedge_core.model.vouchers import ForeignAmount, Voucher, VoucherStatus
from hedge_core.ports.storage import Book, Connection, OutboxState, StoredVoucher
from hedge_core.use_cases.approvals import approve
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.post import queue_vouchers
from hedge_core.use_cases.reversals import Reversed, reread_delivered, reverse
from tests.support.databases import HandClock
from tests.support.file_drop import FileDropUnderTest
from tests.support.kingdee import KingdeeUnderTest
from tests.support.sap import SapUnderTest

BOOK = book_id("demo")
MAKER, CHECKER = Actor("li.na"), Actor("wang.fang")
SYSTEMS: dict[str, type[Any]] = {"kingdee": KingdeeUnderTest, "sap": SapUnderTest, "file_drop": FileDropUnderTest}
D = Decimal
RIGHT, WRONG = D("71_000.00"), D("70_619.47")


class Desk:
    """A book, a system, and what people do between them."""

    def __init__(self, store: SqlStore, clock: HandClock, system: ErpUnderTest, **options: object) -> None:
        self.store, self.clock, self.system = store, clock, system
        store.add_book(Book(BOOK, "示例铜业贸易", "CNY"), MAKER)
        with store.begin(BOOK, MAKER) as uow:
            uow.save_connection(Connection("erp", BOOK, system.name, {}, {}))
        self._options = options

    def adapter(self) -> Any:
        kingdee = getattr(self.system, "_kingdee", None)
        return kingdee.adapter(**self._options) if kingdee is not None and self._options else self.system.adapter()

    def draft(self, *made: Voucher) -> None:
        with self.store.begin(BOOK, MAKER) as uow:
            for one in made:
                uow.results.add_voucher(StoredVoucher(one, VoucherStatus.DRAFT, MAKER.name))

    def send(self, *made: Voucher) -> list[OutboxState | None]:
        ids = [one.voucher_id for one in made]
        assert approve(self.store, BOOK, ids, CHECKER) == []
        assert queue_vouchers(self.store, BOOK, "erp", ids, CHECKER, self.clock) == len(ids)
        return self.work()

    def work(self) -> list[OutboxState | None]:
        """Every row that is due, each by an adapter of its own, as another process would; the other side then does its part."""
        states = []
        while rows := self.store.queue.lease_due(self.clock.now(), 60, 100):
            for row in rows:
                state = deliver(self.store, row, lambda *_: self.adapter(), CHECKER, self.clock, settle_seconds=60)
                states.append(state)
        return states

    def sent(self, *made: Voucher) -> bool:
        """Sent, and delivered after as many rounds as the system needs to say so."""
        states = self.send(*made)
        for _ in range(3):
            for one in made:
                self.system.booked(one.key)  # a folder's reader looks into it now
            self.clock.sleep(600)
            states += self.work()
        return (
            all(self.stored(one).status is VoucherStatus.DELIVERED for one in made) and OutboxState.DEAD not in states
        )

    def stored(self, one: Voucher) -> StoredVoucher:
        with self.store.read(BOOK) as uow:
            found = uow.results.voucher(one.voucher_id)
        assert found is not None
        return found

    def booked(self, one: Voucher) -> Booked:
        (document,) = self.system.booked(one.key)
        return document


@pytest.fixture(params=sorted(SYSTEMS))
def desk(request: pytest.FixtureRequest, store: SqlStore, clock: HandClock, tmp_path: Path) -> Iterator[Desk]:
    with SYSTEMS[request.param]() as system:
        yield Desk(store, clock, system)


def wrong_and_right(desk: Desk) -> tuple[Voucher, Voucher]:
    """A voucher as it went out and what it should have said."""
    made = desk.system.voucher(1, WRONG)
    lines = tuple(
        replace(line, debit=RIGHT if line.debit else D(0), credit=RIGHT if line.credit else D(0)) for line in made.lines
    )
    return made, replace(made, lines=lines)


def taken_back(desk: Desk) -> tuple[Voucher, Reversed]:
    wrong, right = wrong_and_right(desk)
    desk.draft(wrong)
    assert desk.sent(wrong)
    done = reverse(desk.store, BOOK, wrong.voucher_id, "wrong settlement price", MAKER, corrected=right)
    return wrong, done


def nets(*documents: Booked) -> dict[str, Decimal]:
    found: Counter[str] = Counter()
    for document in documents:
        for line in document.lines:
            found[line.account.lstrip("0")] += line.debit - line.credit  # type: ignore[assignment]
    return {account: D(amount) for account, amount in found.items() if amount}


def test_red_and_blue_go_out_together_and_leave_the_right_amount_in_the_ledger(desk: Desk) -> None:
    """70,619.47 is taken back and 71,000.00 stands instead: three documents with numbers of their own, the original's date,
    and the receipt of each says what the ERP has."""
    wrong, done = taken_back(desk)
    assert done.blue is not None
    assert desk.stored(wrong).status is VoucherStatus.DELIVERED  # nothing is reversed before the red one is there
    assert desk.sent(done.red, done.blue)
    assert desk.stored(wrong).status is VoucherStatus.REVERSED
    original, red, blue = (desk.booked(one) for one in (wrong, done.red, done.blue))
    assert nets(original, red) == {}
    assert sorted(nets(original, red, blue).values()) == [-RIGHT, RIGHT]
    assert {one.posting_date for one in (original, red, blue)} == {wrong.posting_date}
    for one, document in ((wrong, original), (done.red, red), (done.blue, blue)):
        receipt = desk.stored(one).receipt
        assert receipt is not None
        assert receipt.number in (document.number, one.key)  # a file without an acknowledgement goes by our reference
        assert receipt.posting_date in (document.posting_date, None)
    assert [one.differences for one in reread_delivered(desk.store, BOOK, desk.adapter(), CHECKER)] == [(), (), ()]


def test_a_lost_answer_to_the_red_letter_is_found_again_and_nothing_is_taken_back_twice(desk: Desk) -> None:
    wrong, done = taken_back(desk)
    assert done.blue is not None
    try:
        desk.system.fault(Fault.ANSWER_LOST, On.WRITES, 1)
    except NotSwitchable as reason:
        pytest.skip(str(reason))
    first = desk.send(done.red)
    assert first == [OutboxState.UNKNOWN]
    assert desk.stored(wrong).status is VoucherStatus.DELIVERED  # we do not know yet
    desk.system.clear()
    desk.system.booked(done.red.key)
    desk.clock.sleep(600)
    assert desk.work() == [OutboxState.DONE]
    assert desk.sent(done.blue)
    assert desk.stored(wrong).status is VoucherStatus.REVERSED
    documents = [desk.booked(one) for one in (wrong, done.red, done.blue)]  # one each
    assert sorted(nets(*documents).values()) == [-RIGHT, RIGHT]


def test_kingdee_gets_red_letters_as_negative_amounts_where_the_site_wants_them(
    store: SqlStore, clock: HandClock
) -> None:
    with KingdeeUnderTest() as system:
        desk = Desk(store, clock, system, red_letter=True)
        wrong, done = taken_back(desk)
        assert done.blue is not None
        assert desk.sent(done.red, done.blue)
        red = desk.booked(done.red)
        assert [(line.debit, line.credit) for line in red.lines] == [(-WRONG, 0), (0, -WRONG)]
        assert sorted(nets(desk.booked(wrong), red, desk.booked(done.blue)).values()) == [-RIGHT, RIGHT]
        assert desk.stored(wrong).status is VoucherStatus.REVERSED


# --- two currencies ---------------------------------------------------------------------------------------------------


def dollars(made: Voucher) -> Voucher:
    """10,000 dollars at 7.15 on the account kept in dollars, 71,500 against it in the ledger's currency."""
    own = D("71_500.00")
    first, second = made.lines
    kept = ForeignAmount("USD", D("10_000.00"), D("7.15"))
    noted = replace(kept, kept=False)
    lines = (replace(first, debit=own, foreign=kept), replace(second, credit=own, foreign=noted))
    return replace(made, lines=lines)


def rate_only(made: Voucher) -> Voucher:
    """The rate moved by 0.05 on 10,000 dollars: 500, and not one dollar."""
    moved = ForeignAmount("USD", D("0.00"), D("7.20"))
    first, second = made.lines
    lines = (replace(first, debit=D("500.00"), foreign=moved), replace(second, credit=D("500.00")))
    return replace(made, voucher_id="rate-only", lines=lines)


@pytest.mark.parametrize("red_letter", [False, True])
def test_kingdee_gets_currency_rate_and_original_amount_on_accounts_kept_in_it(
    store: SqlStore, clock: HandClock, red_letter: bool
) -> None:
    with KingdeeUnderTest() as system:
        desk = Desk(store, clock, system, red_letter=red_letter, currencies={"CNY": "PRE001", "USD": "PRE007"})
        made = dollars(system.voucher(1, WRONG))
        moved = rate_only(system.voucher(2, WRONG))
        desk.draft(made, moved)
        kept, noted = desk.adapter().voucher_body(made)["FEntity"]
        assert (kept["FCURRENCYID"], kept["FEXCHANGERATE"], kept["FAMOUNTFOR"], kept["FDEBIT"]) == (
            {"FNumber": "PRE007"}, D("7.15"), D(10_000), D(71_500),
        )  # fmt: skip
        assert (noted["FCURRENCYID"], noted["FEXCHANGERATE"], noted["FAMOUNTFOR"]) == (
            {"FNumber": "PRE001"}, 1, D(71_500),
        )  # fmt: skip
        assert desk.send(made, moved) == [OutboxState.DONE] * 2
        done = reverse(store, BOOK, made.voucher_id, "twice", MAKER)
        assert desk.send(done.red) == [OutboxState.DONE]
        rows = system._kingdee.books.rows('SELECT FAMOUNTFOR, FDEBIT, FCREDIT FROM "GL_VOUCHER.FEntity" ORDER BY id')
        assert (rows[-2]["FAMOUNTFOR"] < 0) is red_letter
        assert nets(desk.booked(made), desk.booked(done.red)) == {}


def test_a_system_that_cannot_carry_both_amounts_gets_nothing(store: SqlStore, clock: HandClock) -> None:
    with SapUnderTest() as system:
        desk = Desk(store, clock, system)
        made = dollars(system.voucher(1, WRONG))
        desk.draft(made)
        assert desk.send(made) == [OutboxState.DEAD]
        assert list(system.booked(made.key)) == []
        with store.read(BOOK) as uow:
            (row,) = uow.outbox.rows()
        assert "another currency" in str(row.last_error)


def test_a_file_has_the_three_columns_only_when_they_say_something(store: SqlStore, clock: HandClock) -> None:
    with FileDropUnderTest() as system:
        adapter = system.adapter()
        plain, both = system.voucher(1, WRONG), dollars(system.voucher(2, WRONG))
        without, with_them = (voucher_table(one, adapter._options) for one in (plain, both))
        extra = [name for name in with_them[0] if name not in without[0]]
        place = [with_them[0].index(name) for name in extra]
        assert len(extra) == 3
        assert [[row[at] for at in place] for row in with_them[1:]] == [["USD", D(10_000), D("7.15")], ["", "", ""]]
