"""The demo company's side of the ERP: partners, chart of accounts, about 400 contract lines and 60 inventory lots.

Says nothing about any vendor's ERP: each stand-in loads these records into its own forms. The dice are seeded, so
every run builds the same company; it is long copper and aluminium by about what its broker accounts hold short.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from sandbox.company.facts import BROKER_ACCOUNTS, MATERIALS, OPENING_DAY, ORG, PRODUCTS, TRADING_DAYS, VAT, spot_price

SITE_TIME = timezone(timedelta(hours=8))
LAST_DAY = TRADING_DAYS[-1]
PRICED, FLOATING = "P", "F"

UNITS = (("t", "吨", Decimal(1000)), ("kg", "千克", Decimal(1)), ("KUN", "捆", Decimal(0)))
"""(number, name, kilograms). A bundle has no fixed weight: nobody can convert it."""

CUSTOMERS = (
    ("C001", "江岭电缆股份有限公司"),
    ("C002", "永泽铜材加工厂"),
    ("C003", "海桐线缆有限公司"),
    ("C004", "鼎川电机有限公司"),
    ("C005", "北麓铝型材有限公司"),
    ("C006", "青禾门窗幕墙有限公司"),
    ("C007", "云汀汽车零部件有限公司"),
    ("C008", "长湾制冷设备有限公司"),
    ("C009", "信川金属制品有限公司"),
    ("C010", "宏岳铝箔有限公司"),
    ("C011", "禾木电器有限公司"),
    ("C012", "东屿贸易有限公司"),
)
SUPPLIERS = (
    ("S001", "西岭冶炼有限公司"),
    ("S002", "赤岩铜业有限公司"),
    ("S003", "南泊国际贸易有限公司"),
    ("S004", "白桦电解铝有限公司"),
    ("S005", "远坡铝业有限公司"),
    ("S006", "汇川有色金属有限公司"),
    ("S007", "金滩资源有限公司"),
    ("S008", "立夏进出口有限公司"),
)
WAREHOUSES = (
    ("CK01", "本部仓库"),
    ("CK02", "港区保税库"),
    ("CK03", "外租铝锭库"),
    ("CK91", "交易所指定交割库（标准仓单）"),
)
STANDARD_WAREHOUSE = "CK91"
"""Goods here are standard warehouse receipts; everywhere else they are not."""

DEPARTMENTS = (("D01", "采购部"), ("D02", "销售部"), ("D03", "期货部"))
EMPLOYEES = (("E01", "沈越"), ("E02", "何佳"), ("E03", "陆鸣"))
EXTRA_MATERIAL = ("9.99.SC01", "废铜（未定级）", "", "t", 1000)
"""In the ERP's material list, but no steward would map it to a commodity without asking."""


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """An account. `dimensions` are (name, required); names: broker_account, customer, supplier, material.
    `stock_controlled` accounts are posted by the stock module only."""

    number: str
    name: str
    debit_side: bool
    leaf: bool = True
    stock_controlled: bool = False
    forbidden: bool = False
    dimensions: tuple[tuple[str, bool], ...] = ()


_BROKER_OPTIONAL = (("broker_account", False),)
LEDGER_ACCOUNTS = (
    LedgerAccount("1001", "库存现金", True),
    LedgerAccount("1002", "银行存款", True),
    LedgerAccount("1012", "其他货币资金—期货保证金", True, dimensions=(("broker_account", True),)),
    LedgerAccount("1122", "应收账款", True, dimensions=(("customer", True),)),
    LedgerAccount("1123", "预付账款", True, dimensions=(("supplier", True),)),
    LedgerAccount("1403", "原材料", True, stock_controlled=True),
    LedgerAccount("1405", "库存商品", True, leaf=False),
    LedgerAccount("1405.01", "库存商品—现货", True, stock_controlled=True),
    LedgerAccount("1405.99", "库存商品—套期调整", True, dimensions=(("material", False),)),
    LedgerAccount("1471", "存货跌价准备", False),
    LedgerAccount("1503", "可供出售金融资产", True, forbidden=True),
    LedgerAccount("2202", "应付账款", False, dimensions=(("supplier", True),)),
    LedgerAccount("2203", "预收账款", False, dimensions=(("customer", True),)),
    LedgerAccount("2221", "应交税费", False, leaf=False),
    LedgerAccount("2221.01", "应交税费—应交增值税", False),
    LedgerAccount("3101", "衍生工具", True, dimensions=_BROKER_OPTIONAL),
    LedgerAccount("3201", "套期工具", True, dimensions=_BROKER_OPTIONAL),
    LedgerAccount("3202", "被套期项目", True, dimensions=(("material", False),)),
    LedgerAccount("4003", "其他综合收益—套期储备", False),
    LedgerAccount("4104", "利润分配", False),
    LedgerAccount("6001", "主营业务收入", False),
    LedgerAccount("6051", "其他业务收入", False),
    LedgerAccount("6101", "公允价值变动损益", False),
    LedgerAccount("6102", "套期损益", False),
    LedgerAccount("6111", "投资收益", False, leaf=False),
    LedgerAccount("6111.01", "投资收益—期货平仓损益", False, dimensions=_BROKER_OPTIONAL),
    LedgerAccount("6111.02", "投资收益—期货手续费", False, dimensions=_BROKER_OPTIONAL),
    LedgerAccount("6401", "主营业务成本", True),
    LedgerAccount("6603", "财务费用", True),
    LedgerAccount("6701", "资产减值损失", True),
    LedgerAccount("6711", "营业外支出", True),
)

BROKER_ACCOUNT_VALUES = tuple((number, f"{broker} {number}") for number, broker, _ in BROKER_ACCOUNTS)
PERIODS = tuple((2026, month) for month in range(1, 13))


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line. Quantities in `unit`; `tax_price` per `price_unit`, VAT included, zero while floating."""

    material: str
    unit: str
    quantity: Decimal
    price_unit: str
    tax_price: Decimal
    delivery_date: date | None
    pricing: str = PRICED
    reference_month: str = ""
    premium: Decimal = Decimal(0)
    delivered: Decimal = Decimal(0)
    returned: Decimal = Decimal(0)
    tax_rate: Decimal = VAT * 100


@dataclass(frozen=True, slots=True)
class Order:
    """A purchase or sale contract. `state`: draft, created, submitted, approved; closed and cancelled stand beside it."""

    number: str
    side: str
    partner: str
    order_date: date | None
    modified: datetime
    lines: tuple[OrderLine, ...]
    state: str = "approved"
    closed: bool = False
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class StockLot:
    """Goods on hand, in tonnes. `owner` is our organisation, or a customer's or supplier's number."""

    warehouse: str
    material: str
    lot: str
    quantity: Decimal
    owner: str = ORG
    owner_kind: str = "organisation"


@dataclass(frozen=True, slots=True)
class Company:
    """Everything a stand-in ERP loads. `broken` says, by order number, what is wrong with the records planted wrong."""

    orders: tuple[Order, ...]
    stock: tuple[StockLot, ...]
    broken: dict[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """Number of contract lines."""
        return sum(len(order.lines) for order in self.orders)


@dataclass(frozen=True, slots=True)
class _Trade:
    """How much of one commodity is traded on one side: orders, tonnes per line in steps of five, share floating."""

    side: str
    commodity: str
    orders: int
    steps: tuple[int, int]
    floating: int


_TRADES = (
    _Trade("purchase", "copper", 37, (2, 9), 25),
    _Trade("sale", "copper", 35, (1, 6), 25),
    _Trade("purchase", "aluminium", 46, (2, 10), 25),
    _Trade("sale", "aluminium", 40, (1, 7), 25),
)
_STATES = (
    # out of 100 orders: state, closed, cancelled
    (4, "draft", False, False),
    (3, "created", False, False),
    (3, "submitted", False, False),
    (12, "approved", True, False),
    (4, "approved", False, True),
    (74, "approved", False, False),
)
_PREFIX = {"purchase": "CGDD", "sale": "XSDD"}
_PREMIUMS = {"copper": (-120, 180), "aluminium": (-60, 110)}
_SIX_PLACES = Decimal("0.000001")


@cache
def company() -> Company:
    """The company as its ERP shows it at the end of March 2026; the same on every call."""
    dice = random.Random(20260331)  # noqa: S311 - reproducible, not secret
    orders: list[Order] = []
    for trade in _TRADES:
        for _ in range(trade.orders):
            number = f"{_PREFIX[trade.side]}{sum(one.side == trade.side for one in orders) + 1:06d}"
            orders.append(_order(trade, number, dice))
    orders = [_in_kilograms(order, place) for place, order in enumerate(orders)]
    broken = _broken_orders()
    return Company(
        orders=(*orders, *(order for order, _ in broken)),
        stock=tuple(_stock(dice)),
        broken={order.number: reason for order, reason in broken},
    )


def net_of_tax(tax_price: Decimal, tax_rate: Decimal) -> Decimal:
    """A price without VAT, six places; `tax_rate` in percent."""
    return (tax_price / (1 + tax_rate / 100)).quantize(_SIX_PLACES, ROUND_HALF_UP)


def _order(trade: _Trade, number: str, dice: random.Random) -> Order:
    ordered_on = _working_day(date(2026, 2, 2) + timedelta(days=dice.randint(0, 57)))
    state, closed, cancelled = _state(dice)
    partners = SUPPLIERS if trade.side == "purchase" else CUSTOMERS
    lines = tuple(_line(trade, ordered_on, dice, state, closed) for _ in range(dice.choice((1, 2, 2, 3, 4))))
    modified_on = min(ordered_on + timedelta(days=dice.randint(0, 9)), LAST_DAY)
    modified = datetime(
        modified_on.year, modified_on.month, modified_on.day, dice.randint(8, 17), dice.randint(0, 59), tzinfo=SITE_TIME
    )
    return Order(number, trade.side, dice.choice(partners)[0], ordered_on, modified, lines, state, closed, cancelled)


def _state(dice: random.Random) -> tuple[str, bool, bool]:
    throw = dice.randrange(100)
    for share, state, closed, cancelled in _STATES:
        if throw < share:
            return state, closed, cancelled
        throw -= share
    raise AssertionError("the shares add up to 100")


def _line(trade: _Trade, ordered_on: date, dice: random.Random, state: str, closed: bool) -> OrderLine:
    materials = [row[0] for row in MATERIALS if row[2] == trade.commodity]
    quantity = Decimal(5 * dice.randint(*trade.steps))
    delivery = _working_day(max(ordered_on, date(2026, 3, 1)) + timedelta(days=dice.randint(5, 95)))
    low, high = _PREMIUMS[trade.commodity]
    premium = Decimal(dice.randrange(low, high + 1, 10))
    floating = dice.randrange(100) < trade.floating and state == "approved"
    delivered = returned = Decimal(0)
    if closed:
        delivered = quantity
    elif state == "approved" and dice.randrange(100) < 30:
        delivered = quantity * dice.randint(1, 4) / 5
        returned = Decimal("0.5") if dice.randrange(100) < 12 else Decimal(0)
    return OrderLine(
        material=dice.choice(materials),
        unit="t",
        quantity=quantity,
        price_unit="t",
        tax_price=Decimal(0) if floating else _market(trade.commodity, ordered_on, dice) + premium,
        delivery_date=delivery,
        pricing=FLOATING if floating else PRICED,
        reference_month=f"{delivery.year}-{max(4, delivery.month):02d}" if floating else "",
        premium=premium if floating else Decimal(0),
        delivered=delivered,
        returned=returned,
    )


def _in_kilograms(order: Order, place: int) -> Order:
    """Some orders are priced per kilogram, a few are counted in kilograms too."""
    if place % 11 not in (4, 9):
        return order
    counted_too = place % 22 == 9
    factor = Decimal(1000) if counted_too else Decimal(1)
    lines = tuple(
        replace(
            line,
            unit="kg" if counted_too else "t",
            quantity=line.quantity * factor,
            delivered=line.delivered * factor,
            returned=line.returned * factor,
            price_unit="kg",
            tax_price=line.tax_price / 1000,
        )
        for line in order.lines
    )
    return replace(order, lines=lines)


def _market(commodity: str, day: date, dice: random.Random) -> Decimal:
    """The spot price of the day; before the first known day, that day's price a few ticks off."""
    tick = PRODUCTS[commodity][3]
    if day < OPENING_DAY:
        return spot_price(commodity, OPENING_DAY) - tick * dice.randint(0, 80)
    known = [one for one in (OPENING_DAY, *TRADING_DAYS) if one <= day]
    return spot_price(commodity, known[-1])


def _working_day(day: date) -> date:
    return day + timedelta(days=(7 - day.weekday()) if day.weekday() >= 5 else 0)


_STOCK_PLAN = (
    # material, lots, tonnes per lot in steps of five
    ("1.01.CU01", 18, (4, 9)),
    ("1.01.CU02", 9, (2, 5)),
    ("1.02.AL01", 17, (4, 8)),
    ("1.02.AL02", 11, (3, 6)),
)
_FOREIGN_STOCK = (
    ("CK01", "1.01.CU01", Decimal(50), "C002", "customer"),
    ("CK01", "1.01.CU02", Decimal(25), "C003", "customer"),
    ("CK03", "1.02.AL01", Decimal(120), "C006", "customer"),
    ("CK02", "1.02.AL02", Decimal(75), "S004", "supplier"),
    ("CK02", "1.01.CU01", Decimal(40), "S002", "supplier"),
)
"""Goods that lie in our warehouses and belong to somebody else."""


def _stock(dice: random.Random) -> list[StockLot]:
    lots: list[StockLot] = []
    for material, count, steps in _STOCK_PLAN:
        home = "CK03" if ".AL" in material else "CK02"
        for _ in range(count):
            warehouse = dice.choice(("CK01", home, home, STANDARD_WAREHOUSE))
            quantity = Decimal(5 * dice.randint(*steps)) - (Decimal("0.245") if warehouse == "CK01" else 0)
            lots.append(StockLot(warehouse, material, f"L26{len(lots) + 1:04d}", quantity))
    for warehouse, material, quantity, owner, kind in _FOREIGN_STOCK:
        lots.append(StockLot(warehouse, material, f"L26{len(lots) + 1:04d}", quantity, owner, kind))
    return lots


def _broken_orders() -> list[tuple[Order, str]]:
    """One record of each kind that every real ERP has somewhere."""
    at = datetime(2026, 3, 12, 10, 30, tzinfo=SITE_TIME)
    day = date(2026, 3, 12)
    good = OrderLine("1.01.CU01", "t", Decimal(25), "t", Decimal("79800"), date(2026, 4, 20))

    def order(number: str, side: str, *lines: OrderLine, ordered_on: date | None = day) -> Order:
        return Order(number, side, "S001" if side == "purchase" else "C001", ordered_on, at, lines)

    return [
        (order("CGDD900001", "purchase", replace(good, unit="KUN", quantity=Decimal(12))), "unknown_unit"),
        (order("CGDD900002", "purchase", replace(good, material=EXTRA_MATERIAL[0])), "unknown_material"),
        (order("XSDD900003", "sale", replace(good, quantity=Decimal(-15))), "negative_quantity"),
        (order("XSDD900004", "sale", good, good), "duplicated_line"),
        (order("CGDD900005", "purchase", replace(good, delivery_date=None), ordered_on=None), "missing_date"),
    ]
