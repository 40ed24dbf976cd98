"""An invented day in the layout of a CFMMC workbook, both views, daily and monthly, as .xls and .xlsx."""

from __future__ import annotations

import io
from copy import deepcopy
from typing import Any

import xlsxwriter
import xlwt

Sheets = dict[str, list[list[Any]]]

_FLAG = "投机（一般）/套保/套利"
_HEAD = {"mtm": "逐日盯市", "trade": "逐笔对冲"}


def sheets(view: str = "mtm", monthly: bool = False) -> Sheets:
    """Copper opened in the night and partly closed, aluminium of an earlier day closed, sugar sold; one deposit."""
    mtm = view == "mtm"
    kind, when = ("月报", "2026-03") if monthly else ("日报", "2026-03-03")
    day, last = ("当月", "上月") if monthly else ("当日", "上日")
    account = ["客户期货期权内部资金账户", None, "66880123"]
    result = f"{day}盈亏" if mtm else "平仓盈亏"
    funds = [
        [f"{last}结存", None, 1000000 if mtm else 997000, None, None, "客户权益", None, 1054265],
        [f"{day}存取合计", None, 50000, None, None, "实有货币资金", None, 1054265],
        [result, None, 4300 if mtm else 5000, None, None, "非货币充抵金额", None, 0],
        [f"{day}总权利金", None, 0, None, None, "货币充抵金额", None, 0],
        [f"{day}手续费", None, 35, None, None, "冻结资金", None, "--"],
        [f"{day}结存", None, 1054265 if mtm else 1051965, None, None, "保证金占用", None, 71989],
        [None if mtm else "浮动盈亏", None, None if mtm else 2300, None, None, "可用资金", None, 982276],
        [None, None, None, None, None, "风险度", None, "6.83%"],
        [None, None, None, None, None, "追加保证金", None, 0],
    ]
    held = "持仓盈亏" if mtm else "浮动盈亏"
    results = (500, 300, 500) if mtm else (500, 300, 1500)
    main: list[list[Any]] = [
        [f"客户交易结算{kind}({_HEAD[view]})"],
        [],
        ["基本资料"],
        [*account, None, None, "交易日期", None, when],
        ["客户名称", None, "某某铜业", None, None, "查询时间", None, "2026-03-04 08:30:00"],
        ["期货公司名称", None, "某某期货"],
        [],
        ["期货期权账户资金状况"],
        *funds,
        [],
        ["期货期权账户出入金明细（单位：人民币）"],
        ["发生日期", None, "入金", None, "出金", None, "方式", None, "摘要"],
        ["2026-03-03", None, 50000, None, 0, None, "银期转账", None, "工行"],
        ["合计", None, 50000, None, 0],
        [],
        ["期货持仓汇总"],
        ["合约", "买持仓", "买均价", "卖持仓", "卖均价", "昨结算价", "今结算价", held, "交易保证金", _FLAG],
        ["AL2605", 2, 20300, None, None, 20400, 20450, results[2], 20450, "套保"],
        ["CU2605", 1, 79500, None, None, 79300, 79600, results[0], 39800, "套保"],
        ["SR605", None, None, 3, 5600, 5610, 5590, results[1], 11739, "投机"],
        ["合计", 3, None, 3, None, None, None, sum(results), 71989],
    ]
    closing = ((1000, 2000) if mtm else (1000, 4000)), 3000 if mtm else 5000
    (copper, aluminium), closed = closing
    first = ["交易日期"] if monthly else []
    of_day = ["2026-03-03"] if monthly else []

    def detail(title: str, header: list[str], rows: list[list[Any]], total: list[Any]) -> list[list[Any]]:
        return [
            [f"客户交易结算{kind}"], [], [f"盈亏计算方式：{_HEAD[view]}"], [], account,
            ["交易日期", None, when], [], [title], first + header,
            *[of_day + row for row in rows], ["合计", *([None] * len(first)), *total[1:]],
        ]  # fmt: skip

    fills = detail(
        "成交明细",
        ["合约", "成交序号", "成交时间", "买/卖", _FLAG, "成交价", "手数", "成交额", "开/平", "手续费", "平仓盈亏",
         "实际成交日期"],
        [
            ["CU2605", "1001", "21:05:10", "买", "套保", 79500, 2, 795000, "开", 12, "--", "2026-03-02"],
            ["SR605", "2001", "09:10:00", "卖", "投机", 5600, 3, 168000, "开", 9, "--", "2026-03-03"],
            ["CU2605", "1002", "10:00:00", "卖", "套保", 79700, 1, 398500, "平今", 6, copper, "2026-03-03"],
            ["AL2605", "1003", "13:31:00", "卖", "套保", 20500, 4, 410000, "平", 8, aluminium, "2026-03-03"],
        ],
        ["合计", None, None, None, None, None, 10, 1771500, None, 35, closed],
    )  # fmt: skip
    closed_rows = detail(
        "平仓明细",
        ["合约", "成交序号", "买/卖", "成交价", "开仓价", "手数", "昨结算价", "平仓盈亏", "原成交序号", "实际成交日期"],
        [
            ["CU2605", "1002", "卖", 79700, 79500, 1, 79300, copper, "1001", "2026-03-03"],
            ["AL2605", "1003", "卖", 20500, 20300, 4, 20400, aluminium, "555", "2026-03-03"],
        ],
        ["合计", None, None, None, None, 5, None, closed],
    )
    positions = detail(
        "持仓明细",
        ["合约", "成交序号", "买持仓", "买入价", "卖持仓", "卖出价", "昨结算价", "今结算价", held, _FLAG, "交易编码",
         "实际成交日期"],
        [
            ["AL2605", "555", 2, 20300, None, None, 20400, 20450, results[2], "套保", "80001234", "2026-02-26"],
            ["CU2605", "1001", 1, 79500, None, None, 79300, 79600, results[0], "套保", "80001234", "2026-03-02"],
            ["SR605", "2001", None, None, 3, 5600, 5610, 5590, results[1], "投机", "80005678", "2026-03-03"],
        ],
        ["合计", None, 3, None, 3, None, None, None, sum(results)],
    )  # fmt: skip
    return {
        f"客户交易结算{kind}": main,
        "品种汇总": detail("品种汇总", ["品种", "手数", "成交额", "手续费", "平仓盈亏"], [["CU", 3, 1193500, 18, copper]],
                           ["合计", 3, 1193500, 18, copper]),
        "成交明细": fills,
        "平仓明细": closed_rows,
        "持仓明细": positions,
    }  # fmt: skip


def row_of(book: Sheets, sheet: str, text: str) -> list[Any]:
    """The first row of a sheet that has a cell with this text, to be changed in place."""
    return next(row for row in book[sheet] if text in row)


def moved(book: Sheets, down: int, right: int) -> Sheets:
    """The same workbook with every cell at another address."""
    return {name: [[]] * down + [([None] * right + row) if row else [] for row in rows] for name, rows in book.items()}


def xls(book: Sheets) -> bytes:
    out = xlwt.Workbook(encoding="utf-8")
    for name, rows in book.items():
        sheet = out.add_sheet(name)
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if cell is not None:
                    sheet.write(r, c, cell)
    body = io.BytesIO()
    out.save(body)
    return body.getvalue()


def xlsx(book: Sheets) -> bytes:
    body = io.BytesIO()
    with xlsxwriter.Workbook(body) as out:
        for name, rows in book.items():
            sheet = out.add_worksheet(name)
            for r, row in enumerate(rows):
                sheet.write_row(r, 0, deepcopy(row))
    return body.getvalue()
