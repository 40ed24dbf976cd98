"""The statement-file road passes the broker cases that apply to it: a day late, without a session, without orders."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from types import TracebackType
from typing import ClassVar

from adapters.broker.statement_files import read_any_statement
from adapters.broker.statement_road import StatementRoad
from conformance import Access, BrokerConformance, Dealt
from hedge_core.model.broker import HedgeOrder, order_key
from hedge_core.model.futures import Direction, HedgeFlag, Offset
from tests.support import ctp_text
from tests.support.broker_statement import copper_statement

ACCOUNT = "80010001"
DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
NO_SESSION = "files have no session that could be cut or refused"
NO_ORDERS = "no order can be sent by a file"


class StatementFilesUnderTest:
    """A folder of statements: yesterday's without business, and today's as far as it has come."""

    name = "statement_files"
    secrets = ()
    not_applicable: ClassVar[dict[str, str]] = {"B02": NO_SESSION, "B06": NO_SESSION, "B09": NO_ORDERS}

    def __init__(self) -> None:
        self._dealt: list[Dealt] = []
        self._odd: list[tuple[str, bytes]] = []

    def __enter__(self) -> StatementFilesUnderTest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None, /
    ) -> None: ...

    def adapter(self, access: Access = Access.GOOD, *, orders: bool = False, call_seconds: float = 10) -> StatementRoad:
        return StatementRoad("files", self._files, read_any_statement, lambda: NOW)

    def _files(self) -> list[tuple[str, bytes]]:
        files = [("20261123.txt", copper_statement([], date(2026, 11, 23), ACCOUNT)), *self._odd]
        if self._dealt:
            files.append(("20261124.txt", copper_statement(self._dealt, DAY, ACCOUNT)))
        return files

    def trade(self, direction: Direction, offset: Offset, lots: int, *, night: bool = False) -> Dealt:
        """A statement prints the trading day beside a fill of the night session too."""
        dealt = Dealt("SHFE", str(1001 + len(self._dealt)), direction, offset, DAY, "SHFE.cu2605", lots)
        self._dealt.append(dealt)
        return dealt

    def plant_unknown_instrument(self) -> None:
        fills = [ctp_text.fill("77", "what?", "买", "开", 1, "71230.000", date="20261124")]
        body = ctp_text.statement(ctp_text.Day(tables={ctp_text.FILLS: fills}), date="20261124", client=ACCOUNT)
        self._odd.append(("odd.txt", body))

    def cut_next_answer(self) -> None:
        raise AssertionError(NO_SESSION)

    cut_now = cut_next_answer

    def finish_day(self) -> date:
        return DAY

    def login_attempts(self) -> int:
        return 0

    def order(self, number: int, *, refused: bool = False) -> HedgeOrder:
        return HedgeOrder(
            order_key(DAY, number),
            ACCOUNT,
            "SHFE.cu2605",
            Direction.BUY,
            Offset.OPEN,
            HedgeFlag.HEDGE,
            2,
            Decimal("71230"),
        )

    def lose_next_order_answer(self) -> None:
        raise AssertionError(NO_ORDERS)

    def orders_received(self) -> int:
        return 0


class TestConformanceBrokerStatementFiles(BrokerConformance):
    under_test = StatementFilesUnderTest
