"""Flex reports: only executions count, currencies apart, nothing from outside the file, agreed with an independent parser."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import ibflex
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.broker.ibkr_flex import read_statements
from adapters.reference import load_products
from hedge_core.errors import InvalidInput
from hedge_core.model.futures import AccountStatement, Direction, Offset
from hedge_core.statement_findings import Severity
from hedge_core.statement_form_checks import check_any_statement
from messages import say

D = Decimal
CRUDE = (
    'accountId="U7654321" currency="USD" assetCategory="FUT" symbol="CLZ6" description="CL DEC26" conid="900001" '
    'underlyingSymbol="CL" listingExchange="NYMEX" multiplier="1000" expiry="2026-11-20" '
)
COPPER = (
    'accountId="U7654321" currency="USD" assetCategory="FUT" symbol="HGH7" description="HG MAR27" conid="900002" '
    'underlyingSymbol="HG" listingExchange="COMEX" multiplier="25000" expiry="2027-03-29" '
)
EURO_BUND = (
    'accountId="U7654321" currency="EUR" assetCategory="FUT" symbol="FDAXZ6" description="DAX DEC26" conid="900003" '
    'underlyingSymbol="DAX" listingExchange="EUREX" multiplier="25" expiry="2026-12-18" '
)


def trade(what: str, number: str, side: str, quantity: str, price: str, money: str, **more: str) -> str:
    fields = {
        "tradeID": number, "buySell": side, "quantity": quantity, "tradePrice": price, "tradeMoney": money,
        "openCloseIndicator": "O", "ibCommission": "-2.35", "ibCommissionCurrency": "USD", "taxes": "0",
        "dateTime": "2026-09-10;09:30:00", "tradeDate": "2026-09-10", "reportDate": "2026-09-10",
        "levelOfDetail": "EXECUTION", "ibExecID": f"0000.{number}", "fifoPnlRealized": "0", **more,
    }  # fmt: skip
    return f"<Trade {what} " + " ".join(f'{name}="{value}"' for name, value in fields.items()) + " />"


TRADES = [
    trade(CRUDE, "5001", "BUY", "2", "71.25", "142500"),
    trade(CRUDE, "5001", "BUY", "2", "71.25", "142500", levelOfDetail="ORDER"),
    trade(COPPER, "5002", "SELL", "-1", "4.515", "-112875", dateTime="2026-09-09;20:15:30"),
    trade(CRUDE, "5003", "SELL", "-1", "71.75", "-71750", openCloseIndicator="C"),
    trade(EURO_BUND, "5004", "BUY", "1", "24000.5", "600012.5", ibCommission="-3", ibCommissionCurrency="EUR"),
]


def position(what: str, count: str, opened: str, price: str, mark: str, pnl: str, level: str = "LOT") -> str:
    side = "Short" if count.startswith("-") else "Long"
    return (
        f'<OpenPosition {what} position="{count}" side="{side}" openDateTime="{opened}" openPrice="{price}" '
        f'markPrice="{mark}" fifoPnlUnrealized="{pnl}" levelOfDetail="{level}" reportDate="2026-09-10" />'
    )


POSITIONS = [
    position(CRUDE, "1", "", "71.25", "71.5", "250", "SUMMARY"),
    position(CRUDE, "1", "2026-09-10;09:30:00", "71.25", "71.5", "250"),
    position(COPPER, "-1", "", "4.515", "4.52", "-125", "SUMMARY"),
    position(COPPER, "-1", "2026-09-09;20:15:30", "4.515", "4.52", "-125"),
    position(EURO_BUND, "1", "", "24000.5", "24010.5", "250", "SUMMARY"),
    position(EURO_BUND, "1", "2026-09-10;09:30:00", "24000.5", "24010.5", "250"),
]
CASH = [
    '<CashReportCurrency accountId="U7654321" currency="BASE_SUMMARY" startingCash="150000" endingCash="1" />',
    '<CashReportCurrency accountId="U7654321" currency="USD" startingCash="100000" depositWithdrawals="5000" '
    'commissions="-7.05" cashSettlingMtm="625" brokerInterest="12.34" otherFees="-1.5" endingCash="105628.79" />',
    '<CashReportCurrency accountId="U7654321" currency="EUR" startingCash="40000" commissions="-3" '
    'cashSettlingMtm="250" endingCash="40247" />',
]
MOVES = [
    '<CashTransaction accountId="U7654321" currency="USD" type="Deposits/Withdrawals" amount="5000" '
    'dateTime="2026-09-10" reportDate="2026-09-10" description="CASH RECEIPTS" levelOfDetail="DETAIL" />',
]


def report(
    trades: list[str] = TRADES,
    positions: list[str] = POSITIONS,
    cash: list[str] = CASH,
    moves: list[str] = MOVES,
    extra: str = "",
    head: str = "",
) -> bytes:
    period = 'fromDate="2026-09-10" toDate="2026-09-10" period="LastBusinessDay" whenGenerated="2026-09-11;03:30:00"'
    body = f"""{head}<FlexQueryResponse queryName="HedgeBridge" type="AF">
<FlexStatements count="1">
<FlexStatement accountId="U7654321" {period}>
<CashReport>{"".join(cash)}</CashReport>
<Trades>{"".join(trades)}</Trades>
<OpenPositions>{"".join(positions)}</OpenPositions>
<CashTransactions>{"".join(moves)}</CashTransactions>
{extra}</FlexStatement>
</FlexStatements>
</FlexQueryResponse>
"""
    return body.encode()


def read(body: bytes) -> dict[str, AccountStatement]:
    return {statement.funds.currency: statement for statement in read_statements("flex.xml", body)}


def refusal(body: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        read(body)
    for lang in ("en", "zh"):
        assert "{" not in say(refused.value.message, lang)
    return refused.value


def refusing(statement: AccountStatement) -> list[str]:
    found = check_any_statement(statement, None, load_products())
    return [finding.identity for finding in found if finding.severity is Severity.REFUSE]


def test_each_currency_is_a_statement_of_its_own_that_adds_up() -> None:
    found = read(report())
    assert list(found) == ["USD", "EUR"]
    for statement in found.values():
        assert (statement.account, statement.trading_day) == ("U7654321", date(2026, 9, 10))
        assert refusing(statement) == []
    assert found["USD"].funds.deposit_withdrawal == D("5010.84")
    assert found["EUR"].funds.balance_cf == D(40247)


def test_only_executions_count_however_often_a_trade_is_listed() -> None:
    fills = read(report())["USD"].fills
    assert [(fill.fill_id, fill.instrument, fill.direction, fill.offset, fill.lots) for fill in fills] == [
        ("5001", "NYMEX.CL2612", Direction.BUY, Offset.OPEN, 2),
        ("5002", "COMEX.HG2703", Direction.SELL, Offset.OPEN, 1),
        ("5003", "NYMEX.CL2612", Direction.SELL, Offset.CLOSE, 1),
    ]


def test_orders_alone_are_refused_and_the_remedy_is_named() -> None:
    refused = refusal(report(trades=[trade(CRUDE, "1", "BUY", "2", "71.25", "142500", levelOfDetail="ORDER")]))
    assert refused.reason.id == "flex.no_executions"
    assert "Execution" in str(refused)


def test_new_york_times_become_instants_and_an_evening_belongs_to_the_next_report() -> None:
    copper = read(report())["USD"].fills[1]
    assert copper.traded_at == datetime(2026, 9, 10, 0, 15, 30, tzinfo=UTC)
    assert (copper.trading_day, copper.traded_on) == (date(2026, 9, 10), date(2026, 9, 9))


def test_positions_by_lot_and_by_summary_are_two_sections() -> None:
    usd = read(report())["USD"]
    assert [(row.instrument, row.direction, row.lots, row.open_price) for row in usd.positions] == [
        ("NYMEX.CL2612", Direction.BUY, 1, D("71.25")),
        ("COMEX.HG2703", Direction.SELL, 1, D("4.515")),
    ]
    assert [(row.instrument, row.long_lots, row.short_lots) for row in usd.summary] == [
        ("NYMEX.CL2612", 1, 0),
        ("COMEX.HG2703", 0, 1),
    ]
    by_summary = read(report(positions=[row for row in POSITIONS if "SUMMARY" in row]))["USD"]
    assert by_summary.positions == () and "positions" in by_summary.unknown
    assert refusing(by_summary) == []


def test_a_commission_in_another_currency_is_a_charge_of_that_currency() -> None:
    trades = [*TRADES[:4], trade(EURO_BUND, "5004", "BUY", "1", "24000.5", "600012.5", ibCommission="-4")]
    cash = [
        CASH[1].replace('commissions="-7.05"', 'commissions="-11.05"').replace("105628.79", "105624.79"),
        CASH[2].replace('commissions="-3"', 'commissions="0"').replace("40247", "40250"),
    ]
    found = read(report(trades=trades, cash=cash))
    assert found["EUR"].fills[0].fee == 0
    (charge,) = found["USD"].other_charges
    assert (charge.amount_out, charge.currency) == (D(4), "USD")
    assert refusing(found["USD"]) == refusing(found["EUR"]) == []


def test_a_cancelled_trade_and_its_cancellation_leave_nothing() -> None:
    pair = [
        trade(CRUDE, "6001", "BUY", "1", "70", "70000", ibCommission="0"),
        trade(CRUDE, "6002", "BUY (Ca.)", "-1", "70", "-70000", origTradeID="6001", ibCommission="0"),
    ]
    assert read(report(trades=[*TRADES, *pair]))["USD"].fills == read(report())["USD"].fills
    late = read(report(trades=[*TRADES, pair[1]]))["USD"]
    assert late.unread_sections == ("Trades (Ca.) 6001",)


def test_trades_of_other_kinds_are_named_and_left_out() -> None:
    stock = trade(CRUDE.replace("FUT", "STK"), "7001", "BUY", "5", "10", "50")
    assert read(report(trades=[*TRADES, stock]))["USD"].unread_sections == ("Trades STK (1)",)
    more = "<OptionEAE><OptionEAE assetCategory='FOP' symbol='x' /></OptionEAE>"
    assert read(report(extra=more))["USD"].unread_sections == ("OptionEAE",)


def test_options_on_futures_carry_their_premium_and_their_strike() -> None:
    option = CRUDE.replace("FUT", "FOP").replace('symbol="CLZ6"', 'symbol="LOZ6 C7500" strike="75" putCall="C"')
    row = trade(option, "8001", "BUY", "1", "1.2", "1200", proceeds="-1200")
    fill = read(report(trades=[*TRADES, row]))["USD"].fills[-1]
    assert (fill.instrument, fill.premium) == ("NYMEX.CL2612C75", D(-1200))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (report(head='<!DOCTYPE x [<!ENTITY a "b">]>'), "flex.doctype"),
        (report(head='<?xml version="1.0" encoding="UTF-7"?>'), "flex.encoding"),
        (report().decode().encode("utf-16"), "flex.encoding"),
        (report()[:900], "flex.not_xml"),
        (report().replace(b'count="1"', b'count="2"'), "flex.count"),
        (b"<FlexQueryResponse/>", "flex.no_statements"),
        (b"<?xml version='1.0'?><other/>", "flex.not_a_report"),
        (
            b"<FlexStatementResponse><Status>Warn</Status><ErrorCode>1019</ErrorCode><ErrorMessage>Statement generation "
            b"in progress.</ErrorMessage></FlexStatementResponse>",
            "flex.not_ready",
        ),
        (report(cash=CASH[:2]), "flex.no_cash_report"),
        (report(trades=[*TRADES, TRADES[0]]), "flex.twice"),
        (report(trades=[trade(CRUDE, "1", "BUY", "2", "71.25", "142501")]), "flex.turnover"),
        (report(trades=[trade(CRUDE, "1", "BUY", "2", "71.25", "142500", openCloseIndicator="C;O")]),
         "flex.closes_and_opens"),
        (report(trades=[trade(CRUDE, "1", "BUY", "1.5", "71.25", "106875")]), "statement.not_lots"),
        (report(trades=[trade(CRUDE, "1", "BUY", "x", "71.25", "1")]), "statement.not_a_number"),
        (report(trades=[trade(CRUDE, "1", "HOLD", "1", "71.25", "71250")]), "statement.unknown_word"),
        (report(trades=[trade(CRUDE, "1", "BUY", "1", "71.25", "71250", dateTime="2026-02-30;09:30:00")]),
         "flex.not_a_moment"),
        (report(trades=[trade(CRUDE.replace("CLZ6", "OIL").replace("CL DEC26", "OIL"), "1", "BUY", "1", "1", "1000")]),
         "flex.no_delivery_month"),
        (report(trades=[trade(CRUDE.replace('multiplier="1000"', ""), "1", "BUY", "1", "1", "1000")]),
         "flex.attribute_missing"),
    ],
)  # fmt: skip
def test_a_wrong_report_is_refused_with_its_place(body: bytes, reason: str) -> None:
    assert refusal(body).reason.id == reason


def test_the_services_own_words_are_kept() -> None:
    told = b"<ErrorCode>1012</ErrorCode><ErrorMessage>Token has expired.</ErrorMessage>"
    body = b"<FlexStatementResponse>" + told + b"</FlexStatementResponse>"
    assert "1012" in str(refusal(body)) and "Token has expired." in str(refusal(body))


def test_an_independent_parser_reads_the_same_trades_positions_and_cash() -> None:
    (theirs,) = ibflex.parser.parse(report()).FlexStatements
    ours = read(report())
    fills = {fill.fill_id: fill for statement in ours.values() for fill in statement.fills}
    executions = [row for row in theirs.Trades if row.levelOfDetail == "EXECUTION"]
    assert {row.tradeID for row in executions} == fills.keys()
    for row in executions:
        fill = fills[row.tradeID]
        assert (fill.direction.sign * fill.lots, fill.price) == (row.quantity, row.tradePrice)
        assert (-fill.fee, fill.direction.sign * fill.turnover) == (row.ibCommission, row.tradeMoney)
        assert (fill.trading_day, fill.currency) == (row.reportDate, row.currency)
    lots = [row for row in theirs.OpenPositions if row.levelOfDetail == "LOT"]
    held = [row for statement in ours.values() for row in statement.positions]
    assert [(row.direction.sign * row.lots, row.settlement_price, row.floating) for row in held] == [
        (row.position, row.markPrice, row.fifoPnlUnrealized) for row in lots
    ]
    for row in theirs.CashReport:
        if row.currency in ours:
            funds = ours[row.currency].funds
            assert (funds.balance_bf, funds.balance_cf) == (row.startingCash, row.endingCash)


# --- fuzz -------------------------------------------------------------------------------------------------------------

WHOLE = read(report())


def read_or_refuse(body: bytes) -> dict[str, AccountStatement] | None:
    try:
        return read(body)
    except InvalidInput as refused:
        assert str(refused)
        return None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_report_cut_anywhere_is_whole_or_refused(data: st.DataObject) -> None:
    body = report()
    found = read_or_refuse(body[: data.draw(st.integers(0, len(body)))])
    assert found is None or found == WHOLE


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=6)), min_size=1, max_size=8))
def test_damaged_bytes_end_in_a_parse_or_a_refusal(damage: list[tuple[int, bytes]]) -> None:
    body = bytearray(report())
    for at, piece in damage:
        at %= len(body)
        body[at : at + len(piece)] = piece
    for statement in (read_or_refuse(bytes(body)) or {}).values():
        check_any_statement(statement, None, load_products())


@settings(max_examples=60, deadline=None)
@given(st.permutations(TRADES), st.permutations(POSITIONS), st.permutations(CASH))
def test_the_order_of_rows_does_not_change_what_is_read(
    trades: list[str], positions: list[str], cash: list[str]
) -> None:
    found = read(report(trades=trades, positions=positions, cash=cash))
    for currency, statement in found.items():
        assert set(statement.fills) == set(WHOLE[currency].fills)
        assert set(statement.positions) == set(WHOLE[currency].positions)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["utf-16", "utf-16-le", "utf-32", "cp037", "utf-7", "big5", "gb18030", "latin-1"]))
def test_another_encoding_is_the_same_text_or_refused(encoding: str) -> None:
    found = read_or_refuse(report().decode().encode(encoding))
    assert found is None or found == WHOLE
