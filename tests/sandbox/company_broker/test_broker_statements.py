"""The stand-in brokers' statements, read back from their printed text by a small reader that shares no code with the writer."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal

import pytest

from sandbox.company.broker_files import files
from sandbox.company.facts import BROKER_ACCOUNTS, OPENING_DAY, TRADING_DAYS

ACCOUNTS = [account for account, _, _ in BROKER_ACCOUNTS]
DAYS = [OPENING_DAY, *TRADING_DAYS]
TONNES = 5
FIGURES = (
    "Balance b/f", "Balance c/f", "Deposit/Withdrawal", "Realized P/L", "Pledge Amount", "Client Equity", "MTM P/L",
    "Commission", "Margin Occupied", "Delivery Margin", "Fund Avail.", "Risk Degree", "Margin Call",
    "Market value(equity)", "Initial Margin",
)  # fmt: skip
SECTIONS = {
    "出入金明细": "cash", "成交记录": "fills", "平仓明细": "closed", "持仓明细": "positions", "持仓汇总": "summary",
}  # fmt: skip
SIGN = {"买": 1, "卖": -1}


@dataclass
class Read:
    figures: dict[str, Decimal]
    rows: dict[str, list[dict[str, str]]]
    totals: dict[str, dict[str, str]]


def read(content: bytes) -> Read:
    text = content.decode("gb18030")
    assert text.count("\n") == text.count("\r\n")
    summary = text[text.index("资金状况") :].split("\r\n\r\n")[0]
    figures = {}
    for label in FIGURES:
        after = summary.partition(f" {label}：")[2]
        figures[label] = Decimal(after.lstrip("： ").split()[0].rstrip("%"))
    found = Read(figures, defaultdict(list), {})
    section, header = "", None
    for line in text.split("\r\n"):
        title = line.strip().split(" ")[0]
        if title in SECTIONS:
            section, header = SECTIONS[title], None
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if header is None:
            header = cells
        elif cells[0].startswith("共"):
            # 成交记录 joins two cells in its total row: align from the right.
            found.totals[section] = dict(zip(reversed(header), reversed(cells), strict=False))
            found.totals[section]["count"] = cells[0].strip("共条 ")
        elif not set(cells) & {"Date", "Close Date", "Exchange", "Product"}:
            found.rows[section].append(dict(zip(header, cells, strict=True)))
    return found


def number(row: dict[str, str], column: str) -> Decimal:
    return Decimal(row[column])


def total(rows: list[dict[str, str]], column: str) -> Decimal:
    return sum((number(row, column) for row in rows), Decimal(0))


@pytest.fixture(scope="module")
def written() -> dict[str, bytes]:
    return files()


@pytest.fixture(scope="module")
def statements(written: dict[str, bytes]) -> dict[str, list[Read]]:
    def name(account, day):
        return f"{'opening' if day == OPENING_DAY else 'statements'}/{account}_{day:%Y%m%d}.txt"

    return {account: [read(written[name(account, day)]) for day in DAYS] for account in ACCOUNTS}


@pytest.fixture(scope="module")
def manifest(written: dict[str, bytes]) -> dict:
    return json.loads(written["manifest.json"])


def every(statements):
    return [
        (account, day, read_back)
        for account in ACCOUNTS
        for day, read_back in zip(DAYS, statements[account], strict=True)
    ]


def money_identities_hold(read_back: Read) -> None:
    f = read_back.figures
    flows = f["Deposit/Withdrawal"] + f["Realized P/L"] + f["MTM P/L"] - f["Commission"]
    assert f["Balance c/f"] == f["Balance b/f"] + flows
    assert f["Client Equity"] == f["Balance c/f"] + f["Pledge Amount"] == f["Market value(equity)"]
    assert f["Fund Avail."] == f["Client Equity"] - f["Margin Occupied"] - f["Delivery Margin"]
    assert f["Risk Degree"] == round(f["Margin Occupied"] * 100 / f["Client Equity"], 2)
    assert f["Margin Call"] == max(Decimal(0), -f["Fund Avail."])
    assert f["Commission"] == total(read_back.rows["fills"], "手续费")
    assert (
        f["Realized P/L"] == total(read_back.rows["fills"], "平仓盈亏") == total(read_back.rows["closed"], "平仓盈亏")
    )
    assert (
        f["MTM P/L"]
        == total(read_back.rows["positions"], "盯市盈亏")
        == total(read_back.rows["summary"], "持仓盯市盈亏")
    )
    assert f["Margin Occupied"] == total(read_back.rows["summary"], "保证金占用")
    assert f["Deposit/Withdrawal"] == total(read_back.rows["cash"], "入金") - total(read_back.rows["cash"], "出金")


def test_balance_equity_available_and_risk_follow_from_the_printed_lines(statements):
    for _, _, read_back in every(statements):
        money_identities_hold(read_back)


def test_results_follow_from_prices_with_the_right_base(statements):
    for _, day, read_back in every(statements):
        today = f"{day:%Y%m%d}"
        for row in read_back.rows["closed"]:
            base = row["开仓价"] if row["开仓日期"] == today else row["昨结算"]
            result = (number(row, "成交价") - Decimal(base)) * number(row, "手数") * TONNES * -SIGN[row["买/卖"]]
            assert number(row, "平仓盈亏") == result
        for row in read_back.rows["positions"]:
            base = row["开仓价"] if row["开仓日期"] == today else row["昨结算"]
            size = number(row, "持仓量") * TONNES * SIGN[row["买/卖"]]
            assert number(row, "盯市盈亏") == (number(row, "结算价") - Decimal(base)) * size
            assert number(row, "浮动盈亏") == (number(row, "结算价") - number(row, "开仓价")) * size
        for row in read_back.rows["fills"]:
            assert number(row, "成交额") == number(row, "成交价") * number(row, "手数") * TONNES


def test_fees_follow_the_tariff_of_each_broker(statements):
    copper, aluminium = ACCOUNTS
    for account, _, read_back in every(statements):
        for row in read_back.rows["fills"]:
            if account == copper:
                exact = number(row, "成交额") * Decimal("0.00005")
                assert abs(number(row, "手续费") - exact) <= Decimal("0.005")
            if account == aluminium:
                assert number(row, "手续费") == 3 * number(row, "手数")


def test_each_day_continues_the_one_before(statements):
    for account in ACCOUNTS:
        days = statements[account]
        for day, before, after in zip(DAYS[1:], days[:-1], days[1:], strict=True):
            assert after.figures["Balance b/f"] == before.figures["Balance c/f"]
            settled = {row["合约"]: row["今结算"] for row in before.rows["summary"]}
            for row in after.rows["positions"] + after.rows["closed"]:
                assert row["昨结算"] == settled.get(row["合约"], row["昨结算"])
            lots = Counter(before_lots(before))
            for row in after.rows["fills"]:
                if row["开平"] == "开":
                    lots[row["合约"], row["买/卖"], f"{day:%Y%m%d}", row["成交价"]] += int(row["手数"])
            for row in after.rows["closed"]:
                opened_side = "卖" if row["买/卖"] == "买" else "买"
                lots[row["合约"], opened_side, row["开仓日期"], row["开仓价"]] -= int(row["手数"])
            assert +lots == Counter(before_lots(after))
            assert min(lots.values()) >= 0


def before_lots(read_back: Read) -> dict[tuple[str, str, str, str], int]:
    lots: Counter[tuple[str, str, str, str]] = Counter()
    for row in read_back.rows["positions"]:
        lots[row["合约"], row["买/卖"], row["开仓日期"], row["开仓价"]] += int(row["持仓量"])
    return lots


def test_closing_takes_the_oldest_lots_and_keeps_today_apart(statements):
    for account in ACCOUNTS:
        for day, before, after in zip(DAYS[1:], statements[account][:-1], statements[account][1:], strict=True):
            offsets = {row["开平"] for row in after.rows["fills"]}
            assert offsets <= {"开", "平今", "平昨"}
            history = sum(int(row["手数"]) for row in after.rows["fills"] if row["开平"] == "平昨")
            assert history == sum(int(r["手数"]) for r in after.rows["closed"] if r["开仓日期"] < f"{day:%Y%m%d}")
            left = {(row["合约"], row["买/卖"], row["投/保"], row["开仓日期"]) for row in after.rows["positions"]}
            held = {(row["合约"], row["买/卖"], row["投/保"], row["开仓日期"]) for row in before.rows["positions"]}
            for instrument, side, flag, opened in held - left:
                older = {o for i, s, f, o in left if (i, s, f) == (instrument, side, flag) and o < opened}
                assert not older


def test_margin_of_a_locked_pair_is_that_of_the_larger_side(statements):
    locked = 0
    for _, _, read_back in every(statements):
        for row in read_back.rows["summary"]:
            sides: Counter[str] = Counter()
            for detail in read_back.rows["positions"]:
                if (detail["合约"], detail["投/保"]) == (row["合约"], row["投/保"]):
                    sides[detail["买/卖"]] += number(detail, "保证金")
            assert number(row, "保证金占用") == max(sides.values())
            locked += len(sides) == 2
    assert locked > 10


def test_total_rows_add_up_and_the_fills_total_has_one_cell_fewer(statements, written):
    for _, _, read_back in every(statements):
        for section, columns in {
            "fills": ("手数", "成交额", "手续费", "平仓盈亏"),
            "closed": ("手数", "平仓盈亏"),
            "positions": ("持仓量", "浮动盈亏", "盯市盈亏", "保证金"),
            "summary": ("买持", "卖持", "持仓盯市盈亏", "保证金占用"),
            "cash": ("入金", "出金"),
        }.items():
            rows = read_back.rows[section]
            assert (section in read_back.totals) == bool(rows)
            for column in columns if rows else ():
                assert number(read_back.totals[section], column) == total(rows, column)
            if rows:
                assert read_back.totals[section]["count"] == str(len(rows))
    for account in ACCOUNTS:
        lines = written[f"statements/{account}_20260304.txt"].decode("gb18030").split("\r\n")
        start = next(place for place, line in enumerate(lines) if "成交记录" in line)
        sum_row = next(line for line in lines[start:] if line.startswith("|共"))
        assert sum_row.count("|") == lines[start + 2].count("|") - 1


def test_every_table_line_has_the_display_width_of_its_rule(written):
    for name, content in written.items():
        if not name.startswith(("statements/", "opening/")):
            continue
        rule = 0
        for line in content.decode("gb18030").split("\r\n"):
            if line and not line.strip("-"):
                rule = len(line)
            elif line.startswith("|"):
                # Every character of a table row beyond ASCII is two columns and two bytes wide.
                assert len(line.encode("gb18030")) == rule, line


def test_a_section_without_rows_is_left_out(written):
    quiet = written["statements/66880002_20260312.txt"].decode("gb18030")
    assert "成交记录" not in quiet
    assert "平仓明细" not in quiet
    assert "出入金明细" not in quiet
    assert "持仓明细" in quiet


def test_the_two_layouts_differ_as_real_ones_do(written):
    short = written["statements/80010001_20260323.txt"].decode("gb18030")
    long = written["statements/66880002_20260323.txt"].decode("gb18030")
    assert "投资单元" not in short
    assert "Client Equity：：" in short
    assert long.count("投资单元") == 4
    assert "交易编码" in long
    assert "Client Equity：：" not in long
    for text in (short, long):
        assert "Chg in FX Pledge:" in text


def test_the_month_has_about_three_hundred_fills_and_every_kind_of_movement(statements):
    fills = [row for account in ACCOUNTS for read_back in statements[account] for row in read_back.rows["fills"]]
    assert 280 <= len(fills) <= 320
    assert {row["投/保"] for row in fills} == {"保", "投"}
    assert {row["开平"] for row in fills} == {"开", "平今", "平昨"}
    hedges = sum(row["投/保"] == "保" for row in fills)
    assert hedges > len(fills) * 0.85
    kinds = {row["出入金类型"] for account in ACCOUNTS for r in statements[account] for row in r.rows["cash"]}
    assert kinds == {"银期转账", "利息", "手续费返还"}


def test_the_opening_statements_carry_lots_and_no_fills(statements):
    for account in ACCOUNTS:
        opening = statements[account][0]
        assert not opening.rows["fills"]
        assert len(opening.rows["positions"]) == 10
        assert all(row["开仓日期"] < "20260303" for row in opening.rows["positions"])


def test_net_position_stays_short_and_moves_in_steps_but_for_the_roll(statements):
    for account in ACCOUNTS:
        nets = [
            {r["合约"]: int(r["买持"]) - int(r["卖持"]) for r in read_back.rows["summary"] if r["投/保"] == "保"}
            for read_back in statements[account]
        ]
        totals = [sum(net.values()) for net in nets]
        assert all(-500 < net < -150 for net in totals)
        for before, after in itertools.pairwise(totals):
            assert abs(after - before) <= 110
        for net in nets:
            assert all(month <= 0 for month in net.values())
        near = sorted(nets[0])[0]
        assert near not in nets[-1]


def test_fill_numbers_begin_again_every_day_and_repeat_only_in_the_self_trade(statements, manifest):
    repeated = []
    for account in ACCOUNTS:
        for day, read_back in zip(DAYS[1:], statements[account][1:], strict=True):
            numbers = [int(row["成交序号"]) for row in read_back.rows["fills"]]
            assert numbers == sorted(numbers)
            if numbers:
                assert numbers[0] == 10007
            sides = Counter((row["成交序号"], row["买/卖"]) for row in read_back.rows["fills"])
            assert not [key for key, times in sides.items() if times > 1]
            repeated += [(account, day.isoformat(), str(n)) for n, times in Counter(numbers).items() if times > 1]
    known = manifest["self_trade"]
    assert repeated == [(known["account"], known["trading_day"], known["fill_id"])]


def test_the_manifest_agrees_with_the_printed_statements(statements, manifest):
    count, fees, realised = 0, Decimal(0), Decimal(0)
    for account, day, read_back in every(statements):
        known = manifest["opening"][account] if day == OPENING_DAY else manifest["days"][account][day.isoformat()]
        f = read_back.figures
        assert known["fills"] == len(read_back.rows["fills"])
        assert known["position_rows"] == len(read_back.rows["positions"])
        assert known["lots"] == total(read_back.rows["positions"], "持仓量")
        assert Decimal(known["equity"]) == f["Client Equity"]
        assert Decimal(known["balance_bf"]) == f["Balance b/f"]
        assert Decimal(known["margin"]) == f["Margin Occupied"]
        assert Decimal(known["available"]) == f["Fund Avail."]
        assert Decimal(known["realised_mtm"]) == f["Realized P/L"]
        assert Decimal(known["holding_mtm"]) == f["MTM P/L"]
        assert Decimal(known["fee"]) == f["Commission"]
        assert Decimal(known["floating"]) == total(read_back.rows["positions"], "浮动盈亏")
        count += known["fills"]
        fees += Decimal(known["fee"])
        realised += Decimal(known["realised_mtm"])
    assert (manifest["fills"], Decimal(manifest["fees"]), Decimal(manifest["realised_mtm"])) == (count, fees, realised)
    assert manifest["lots_at_end"] == sum(total(statements[a][-1].rows["positions"], "持仓量") for a in ACCOUNTS)


def test_mark_to_market_and_trade_by_trade_tell_the_same_result(manifest):
    for account in ACCOUNTS:
        floating = Decimal(manifest["opening"][account]["floating"])
        for known in manifest["days"][account].values():
            by_day = Decimal(known["realised_mtm"]) + Decimal(known["holding_mtm"])
            by_trade = Decimal(known["realised_trade"]) + Decimal(known["floating"]) - floating
            assert by_day == by_trade
            floating = Decimal(known["floating"])


def test_the_corrected_statement_holds_together_and_differs_by_one_fee(written, manifest):
    what = manifest["corrected"]
    name = f"{what['account']}_{what['trading_day'].replace('-', '')}.txt"
    before, after = read(written[f"statements/{name}"]), read(written[f"corrected/{name}"])
    money_identities_hold(after)
    changed = [
        (old["成交序号"], old["手续费"], new["手续费"])
        for old, new in zip(before.rows["fills"], after.rows["fills"], strict=True)
        if old != new
    ]
    assert changed == [(what["fill_id"], what["fee"]["before"], what["fee"]["after"])]
    assert Decimal(what["fee"]["after"]) > 0
    assert after.figures["Balance c/f"] - before.figures["Balance c/f"] == Decimal("4.00")
    assert before.rows["positions"] == after.rows["positions"]
