"""The demo company's lists as its ERP would export them: CSV, UTF-8 with a byte-order mark, Chinese headings."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from sandbox.company.erp import (
    CUSTOMERS,
    EXTRA_MATERIAL,
    LEDGER_ACCOUNTS,
    STANDARD_WAREHOUSE,
    SUPPLIERS,
    Company,
    Order,
    OrderLine,
    company,
)
from sandbox.company.facts import MATERIALS, ORG

_UNITS = {"t": "吨", "kg": "千克", "KUN": "捆"}
_STATES = {"draft": "草稿", "created": "未审核", "submitted": "未审核", "approved": "已审核"}
_PRICING = {"P": "一口价", "F": "点价"}
_LINE_HEADINGS = (
    "行号", "物料编码", "合同日期", "交货日期", "计价月份", "单位", "数量", "已交数量", "退货数量", "状态", "定价方式",
    "含税单价", "升贴水", "币种", "税率", "修改时间",
)  # fmt: skip


def lists(known: Company | None = None) -> dict[str, bytes]:
    """File name to content of everything that belongs into `in/`."""
    known = known or company()
    return {
        "sales_20260331.csv": order_list(known.orders, "sale"),
        "purchases_20260331.csv": order_list(known.orders, "purchase"),
        "inventory_20260331.csv": table(
            ("仓库", "物料编码", "批号", "货主", "仓单类型", "单位", "数量"),
            (
                (
                    lot.warehouse, lot.material, lot.lot, "" if lot.owner == ORG else lot.owner,
                    "标准仓单" if lot.warehouse == STANDARD_WAREHOUSE else "非标", "吨", plain(lot.quantity),
                )
                for lot in known.stock
            ),
        ),
        "materials.csv": table(
            ("编码", "名称", "停用", "计量单位", "规格"),
            ((row[0], row[1], "否", _UNITS[row[3]], "") for row in (*MATERIALS, EXTRA_MATERIAL)),
        ),
        "partners.csv": table(
            ("编码", "名称", "停用", "类别", "简称"),
            (
                (number, name, "否", role, "")
                for role, rows in (("客户", CUSTOMERS), ("供应商", SUPPLIERS))
                for number, name in rows
            ),
        ),
        "accounts.csv": table(
            ("编码", "名称", "停用", "余额方向", "科目类别"),
            (
                (one.number, one.name, "是" if one.forbidden else "否", "借" if one.debit_side else "贷", "")
                for one in LEDGER_ACCOUNTS
            ),
        ),
    }  # fmt: skip


def order_list(orders: Iterable[Order], side: str) -> bytes:
    """One row per line of the orders of a side."""
    partner = "客户" if side == "sale" else "供应商"
    rows = [
        line_row(order, number, line)
        for order in orders
        if order.side == side
        for number, line in enumerate(order.lines, 1)
    ]
    return table(("合同号", partner, *_LINE_HEADINGS), rows)


def line_row(order: Order, number: int, line: OrderLine) -> tuple[str, ...]:
    """The cells of one line."""
    state = "已取消" if order.cancelled else "已关闭" if order.closed else _STATES[order.state]
    price = line.tax_price
    if line.price_unit != line.unit:  # this export knows one unit per line
        price = price * 1000 if line.unit == "t" else price / 1000
    return (
        order.number, order.partner, str(number), line.material, _day(order.order_date), _day(line.delivery_date),
        line.reference_month, _UNITS[line.unit], plain(line.quantity), plain(line.delivered), plain(line.returned), state,
        _PRICING[line.pricing], "" if line.pricing == "F" else plain(price), plain(line.premium) if line.premium else "",
        "人民币", plain(line.tax_rate), order.modified.strftime("%Y-%m-%d %H:%M:%S"),
    )  # fmt: skip


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """CSV as Excel saves it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def plain(value: Decimal) -> str:
    """Digits without exponent."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
