"""One of everything that can be stored, invented: each maker takes what a test wants to be different."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hedge_core.model.events import PricingCall
from hedge_core.model.futures import (
    AccountFunds,
    AccountStatement,
    CashMovement,
    Direction,
    Fill,
    HedgeFlag,
    Offset,
    PositionLot,
    SettlementPrice,
)
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import (
    ContractLine,
    InventoryLot,
    LineStatus,
    LotKind,
    Master,
    MasterKind,
    PricingKind,
    Side,
)
from hedge_core.model.records import Cursor, Gone, Mapped, Pulled, Quarantined, RawRecord, Seen
from hedge_core.model.terms import CurrencyRate
from hedge_core.model.vouchers import PostingLine, PostingReceipt, SourceRef, Stage, Voucher, VoucherStatus
from hedge_core.ports.storage import Connection, OpeningState, StoredSnapshot, StoredStatement, StoredVoucher
from messages import Message

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)
ACCOUNT = "80010001"


def ref(key: str = "100/1", kind: str = "sales_line", connection: str = "k3") -> ExternalRef:
    return ExternalRef(connection, kind, key)


def contract_line(**changes: Any) -> ContractLine:
    line = ContractLine(
        ref=ref(),
        contract_no="XS-2026-0100",
        line_no=1,
        side=Side.SALE,
        partner="示例客户",
        material="CU-CATH-A",
        commodity="cu",
        contract_date=date(2026, 2, 1),
        delivery_date=date(2026, 5, 20),
        delivery_month="2026-05",
        unit="t",
        ordered=Decimal("125.000"),
        delivered=Decimal("25.5"),
        returned=Decimal(0),
        status=LineStatus.OPEN,
        pricing=PricingKind.FLOATING,
        price=None,
        premium=Decimal("-120.50"),
        reference="SHFE.cu2605",
        currency="CNY",
        vat_rate=Decimal("0.13"),
        modified_at=NOON,
    )
    return replace(line, **changes)


def inventory_lot(**changes: Any) -> InventoryLot:
    lot = InventoryLot(
        ref=ref("w1/CU-CATH-A/L7", "inventory"),
        material="CU-CATH-A",
        commodity="cu",
        warehouse="w1",
        lot_no="L7",
        owner="",
        ours=True,
        kind=LotKind.NON_STANDARD,
        unit="t",
        quantity=Decimal("50.125"),
    )
    return replace(lot, **changes)


def currency_rate(rate: str = "7.1") -> CurrencyRate:
    return CurrencyRate("USD", Decimal(rate), "sample")


def pricing_call(event_id: str = "p1", **changes: Any) -> PricingCall:
    call = PricingCall(event_id, str(ref()), DAY, "SHFE.cu2605", Decimal("10.5"), Decimal("69000"))
    return replace(call, **changes)


def master(**changes: Any) -> Master:
    sample = Master(ref("M1", "material"), MasterKind.MATERIAL, "CU-CATH-A", "阴极铜", True, (("unit", "t"),))
    return replace(sample, **changes)


def fill(**changes: Any) -> Fill:
    sample = Fill(
        account=ACCOUNT,
        exchange="SHFE",
        fill_id="9",
        trading_day=DAY,
        instrument="SHFE.cu2605",
        direction=Direction.SELL,
        offset=Offset.OPEN,
        hedge_flag=HedgeFlag.HEDGE,
        lots=5,
        price=Decimal("71230"),
        turnover=Decimal("1780750.00"),
        fee=Decimal("89.04"),
        realised_mtm=Decimal("0.00"),
    )
    return replace(sample, **changes)


def funds(**changes: Any) -> AccountFunds:
    nothing = {field.name: Decimal("0.00") for field in fields(AccountFunds) if field.name != "currency"}
    return AccountFunds(currency="CNY", **{**nothing, "balance_cf": Decimal("1000000.10"), **changes})


def statement(**changes: Any) -> AccountStatement:
    sample = AccountStatement(
        broker="示例期货",
        account=ACCOUNT,
        client_name="示例铜业贸易",
        trading_day=DAY,
        first_day=DAY,
        created_on=DAY,
        view="mtm",
        funds=funds(),
        fills=(fill(), fill(fill_id="10", lots=2)),
        cash=(CashMovement(DAY, "银期转帐", Decimal("500.00"), Decimal(0), "CNY"),),
        totals=(("fills", "lots", Decimal(7)),),
    )
    return replace(sample, **changes)


def stored_statement(version: int = 1, digest: str = "d1", **changes: Any) -> StoredStatement:
    return StoredStatement(statement(**changes), version, digest, "statement.txt", NOON, "li.na", "")


def opening(**changes: Any) -> OpeningState:
    lot = PositionLot("opening/1", ACCOUNT, "SHFE.cu2605", Direction.SELL, HedgeFlag.HEDGE, DAY, Decimal("71000"), 3)
    return replace(OpeningState(ACCOUNT, DAY, "d0", (lot,), statement(fills=()), "li.na"), **changes)


def price(**changes: Any) -> SettlementPrice:
    sample = SettlementPrice("settlement", "SHFE.cu2605", DAY, Decimal("71250.0"), "CNY", "prices.csv")
    return replace(sample, **changes)


def match(**changes: Any) -> HedgeMatch:
    sample = HedgeMatch(
        match_id="m1",
        leg=ref(),
        lot_id=fill().key,
        account=ACCOUNT,
        instrument="SHFE.cu2605",
        commodity="cu",
        spot_quantity=Decimal("25"),
        futures_quantity=Decimal("25"),
        matched_on=DAY,
        method="fifo",
        why="match.oldest_first",
    )
    return replace(sample, **changes)


def snapshot(**changes: Any) -> StoredSnapshot:
    return replace(StoredSnapshot(DAY, 1, "final", "s1", "", "i1", b"\x00\x01figures\xff", 0), **changes)


def voucher(book: str = "cu01", voucher_id: str = "v1", revision: int = 1, amount: str = "1234.50") -> Voucher:
    source = (SourceRef("fill", fill().key),)
    return Voucher(
        book=BookId(book),
        voucher_id=voucher_id,
        revision=revision,
        kind="futures_result",
        posting_date=date(2026, 3, 31),
        currency="CNY",
        summary="2026年3月期货平仓盈亏 铜7手",
        lines=(
            PostingLine("futures_margin", "1012", Decimal(amount), Decimal(0), "铜", (("broker", "80010001"),)),
            PostingLine("investment_income", "6111.01", Decimal(0), Decimal(amount), "铜", sources=source),
        ),
    )


def stored_voucher(sample: Voucher, status: VoucherStatus = VoucherStatus.DRAFT) -> StoredVoucher:
    return StoredVoucher(sample, status, "li.na")


def receipt(key: str) -> PostingReceipt:
    return PostingReceipt(key, "记-12", "100233", Stage.SUBMITTED, date(2026, 3, 31), Decimal("1234.50"))


def connection(book: str = "cu01", name: str = "k3", **changes: Any) -> Connection:
    options = {"url": "https://erp.example.com/k3cloud/", "page": 2000, "forms": ["SAL_SaleOrder"], "since": DAY}
    return replace(Connection(name, BookId(book), "kingdee", options, {"app_secret": "sealed:v1:AAAA"}), **changes)


REASON = Message("record.unknown_unit", {"unit": "捆", "inner": Message("record.hint"), "figure": Decimal("1.50")})


def mapped(
    body: bytes = b'{"q":1}', key: str = "100/1", spec: str = "orders@aa", at: datetime = NOON, **changes: Any
) -> Pulled[Any]:
    where = ref(key, **changes)
    return Pulled(where, Mapped(contract_line(ref=where), spec), RawRecord.of(where, body, at), Cursor("c1"))


def quarantined(body: bytes = b'{"q":"?"}', key: str = "100/1", at: datetime = NOON) -> Pulled[Any]:
    reason = Quarantined("orders@aa", "12", "unit", REASON, "捆")
    return Pulled(ref(key), reason, RawRecord.of(ref(key), body, at), Cursor("c2"))


def seen(key: str = "100/1") -> Pulled[Any]:
    return Pulled(ref(key), Seen(), None, Cursor(""))


def gone(key: str = "100/1") -> Pulled[Any]:
    return Pulled(ref(key), Gone(), None, Cursor(""))
