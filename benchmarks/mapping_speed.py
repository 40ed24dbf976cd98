"""How fast a compiled mapping spec is: records of 30 fields, beside hand-written Python and jmespath in the same run.

All peers turn the same flat records (as a connector decodes them: text and Decimal) into the same 30 typed fields:

    hand-written   what an engineer would write: a small function per type that converts and checks (exact digits and
                   range, length, storable text, required, known code, lower bound), and names the field when it fails
    bare           the same without any check beyond what a conversion checks by itself: the floor, not an alternative
    jmespath       30 compiled expressions pick the fields, then the hand-written conversions

Before anything is timed, all results are compared for equality. Rounds are interleaved, figures are medians.

    python -m benchmarks.mapping_speed [RECORDS] [ROUNDS]
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact, InvalidOperation, Overflow, Subnormal, localcontext
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import jmespath

from hedge_core.rounding import round_half_up
from mapping import FieldType, MappingSpec, Row, TargetField, TargetSchema, ValueMap, compile_spec

ZONE = "Asia/Shanghai"
_T = FieldType
_ZERO = Decimal(0)
_SIDES = ("purchase", "sale")
_STATES = ("draft", "open", "closed", "cancelled")
_KINDS = ("priced", "floating", "average", "basis")
_FIELDS: tuple[tuple[TargetField, Row], ...] = (
    (TargetField("contract_no", _T.TEXT), Row("contract_no", "FBillNo")),
    (TargetField("line_no", _T.INTEGER), Row("line_no", "FSeq")),
    (TargetField("side", _T.CHOICE, choices=_SIDES), Row("side", "FBillTypeID.FNumber", "side")),
    (TargetField("partner", _T.TEXT), Row("partner", "FCustId.FNumber")),
    (TargetField("partner_name", _T.TEXT), Row("partner_name", "FCustId.FName")),
    (TargetField("material", _T.TEXT), Row("material", "FMaterialId.FNumber")),
    (TargetField("material_name", _T.TEXT), Row("material_name", "FMaterialId.FName")),
    (TargetField("specification", _T.TEXT, False), Row("specification", "FMaterialId.FSpecification")),
    (TargetField("commodity", _T.TEXT), Row("commodity", formula="LOOKUP(commodity, LEFT(FMaterialId.FNumber, 4))")),
    (TargetField("contract_date", _T.DATE), Row("contract_date", "FDate")),
    (TargetField("delivery_date", _T.DATE, False), Row("delivery_date", "FDeliveryDate")),
    (TargetField("approved_on", _T.DATE, False), Row("approved_on", "FApproveDate")),
    (TargetField("unit", _T.TEXT), Row("unit", default="t")),
    (
        TargetField("ordered", _T.DECIMAL, minimum=_ZERO),
        Row("ordered", "FQty", formula="value * NUMBER(LOOKUP(tonnes, FUnitID.FNumber))"),
    ),
    (TargetField("delivered", _T.DECIMAL, minimum=_ZERO), Row("delivered", "FStockOutQty", default="0")),
    (TargetField("returned", _T.DECIMAL, minimum=_ZERO), Row("returned", "FReturnQty", default="0")),
    (TargetField("invoiced", _T.DECIMAL, minimum=_ZERO), Row("invoiced", "FInvoiceQty", default="0")),
    (TargetField("price", _T.DECIMAL), Row("price", "FTaxPrice", formula="ROUND(value / (1 + FTaxRate / 100), 4)")),
    (TargetField("tax_price", _T.DECIMAL), Row("tax_price", "FTaxPrice")),
    (TargetField("amount", _T.DECIMAL), Row("amount", "FAllAmount")),
    (TargetField("vat_rate", _T.DECIMAL, minimum=_ZERO), Row("vat_rate", "FTaxRate", formula="value / 100")),
    (TargetField("premium", _T.DECIMAL, False), Row("premium", "F_HB_Premium")),
    (TargetField("pricing", _T.CHOICE, choices=_KINDS), Row("pricing", "F_HB_Pricing", "pricing", default="priced")),
    (
        TargetField("status", _T.CHOICE, choices=_STATES),
        Row("status", "FDocumentStatus", formula='IF(FCloseStatus = "B", "closed", LOOKUP(state, value))'),
    ),
    (TargetField("currency", _T.TEXT), Row("currency", "FSettleCurrId.FNumber", "currency")),
    (TargetField("warehouse", _T.TEXT, False), Row("warehouse", "FStockId.FNumber")),
    (TargetField("salesman", _T.TEXT, False), Row("salesman", "FSalerId.FName")),
    (TargetField("department", _T.TEXT, False), Row("department", "FSaleDeptId.FName")),
    (TargetField("label", _T.TEXT), Row("label", formula='FBillNo & "/" & FSeq')),
    (TargetField("modified_at", _T.DATETIME), Row("modified_at", "FModifyDate")),
)
_MAPS: dict[str, dict[str, str]] = {
    "side": {"XSDD01_SYS": "sale", "CGDD01_SYS": "purchase"},
    "commodity": {"1.01": "copper", "1.02": "aluminium"},
    "tonnes": {"t": "1", "kg": "0.001"},
    "pricing": {"P": "priced", "F": "floating", "A": "average", "B": "basis"},
    "state": {"Z": "draft", "A": "draft", "B": "draft", "C": "open", "D": "draft"},
    "currency": {"PRE001": "CNY", "PRE007": "USD"},
}
SCHEMA = TargetSchema("benchmark_line", tuple(field for field, _ in _FIELDS))
SPEC = MappingSpec(
    "benchmark",
    1,
    "benchmark_line",
    "invented order lines",
    tuple(row for _, row in _FIELDS),
    tuple(ValueMap(name, tuple(codes.items())) for name, codes in _MAPS.items()),
)

Record = dict[str, Any]
Mapper = Callable[[Mapping[str, Any]], dict[str, Any]]


def records(count: int) -> list[Record]:
    """Invented order lines, each with its own text and number objects, as if freshly decoded; the same on every run."""
    dice = random.Random(20260304)
    made = []
    for number in range(count):
        day = f"2026-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"
        made.append(
            {
                "FID": Decimal(100000 + number // 4),
                "FBillNo": f"XSDD{number // 4:06d}",
                "FSeq": Decimal(number % 4 + 1),
                "FBillTypeID.FNumber": dice.choice(("XSDD01_SYS", "CGDD01_SYS")),
                "FCustId.FNumber": f"CUST{dice.randint(1, 400):04d}",
                "FCustId.FName": f"华东铜材贸易公司{dice.randint(1, 400)}",
                "FMaterialId.FNumber": f"1.0{dice.randint(1, 2)}.CU{dice.randint(1, 9):02d}",
                "FMaterialId.FName": "阴极铜 Cu-CATH-1",
                "FMaterialId.FSpecification": dice.choice(("", "GB/T 467", "1#")),
                "FDate": f"{day}T00:00:00",
                "FDeliveryDate": f"{day}T00:00:00" if dice.random() < 0.9 else None,
                "FApproveDate": f"{day}T00:00:00",
                "FUnitID.FNumber": dice.choice(("t", "kg")),
                "FQty": Decimal(dice.randint(1000, 900000)).scaleb(-3),
                "FStockOutQty": Decimal(dice.randint(0, 9000)).scaleb(-3),
                "FReturnQty": Decimal(0),
                "FInvoiceQty": None,
                "FTaxPrice": Decimal(dice.randint(6_000_000, 9_000_000)).scaleb(-2),
                "FTaxRate": Decimal(13),
                "FAllAmount": Decimal(dice.randint(1, 10**10)).scaleb(-2),
                "F_HB_Premium": Decimal(dice.randint(-300, 300)) if dice.random() < 0.5 else None,
                "F_HB_Pricing": dice.choice(("P", "F", "", "B")),
                "FDocumentStatus": dice.choice("CCCB"),
                "FCloseStatus": dice.choice("AAAB"),
                "FSettleCurrId.FNumber": "PRE001",
                "FStockId.FNumber": f"CK{dice.randint(1, 30):03d}",
                "FSalerId.FName": "王小明",
                "FSaleDeptId.FName": "有色金属部",
                "FModifyDate": f"{day}T{dice.randint(0, 23):02d}:{dice.randint(0, 59):02d}:17.53",
                "FNote": "与映射无关的备注",
            }
        )
    return made


_EXACT = Context(prec=34, Emin=-18, Emax=18, rounding=ROUND_HALF_UP, traps=[Inexact, Overflow, Subnormal])
_LINE = Context(prec=34, Emin=-18, Emax=18, rounding=ROUND_HALF_UP, traps=[InvalidOperation, Overflow, Subnormal])
_TONNES = {code: Decimal(text) for code, text in _MAPS["tonnes"].items()}
_SHANGHAI = ZoneInfo(ZONE)


class Unmapped(Exception):
    """A record that the hand-written mapper refuses."""


def _text(record: Mapping[str, Any], name: str, required: bool = True) -> str | None:
    value = record.get(name)
    if value is None or value == "":
        if required:
            raise Unmapped(name)
        return None
    if not isinstance(value, str) or len(value) > 4096 or (not value.isprintable() and "\0" in value):
        raise Unmapped(name)
    return value


def _number(record: Mapping[str, Any], name: str, default: Decimal | None = None) -> Decimal | None:
    value = record.get(name)
    if value is None:
        return default
    if not isinstance(value, Decimal) or not value.is_finite():
        raise Unmapped(name)
    return _EXACT.plus(value)


def _quantity(record: Mapping[str, Any], name: str, default: Decimal | None = None) -> Decimal:
    value = _number(record, name, default)
    if value is None or value < 0:
        raise Unmapped(name)
    return value


def _needed(record: Mapping[str, Any], name: str) -> Decimal:
    value = _number(record, name)
    if value is None:
        raise Unmapped(name)
    return value


def _day(record: Mapping[str, Any], name: str, required: bool = True) -> date | None:
    value = record.get(name)
    if not value:
        if required:
            raise Unmapped(name)
        return None
    if not isinstance(value, str) or (len(value) != 10 and value[10:] != "T00:00:00"):
        raise Unmapped(name)
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise Unmapped(name) from None


def _moment(record: Mapping[str, Any], name: str) -> datetime:
    value = record.get(name)
    if not isinstance(value, str):
        raise Unmapped(name)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Unmapped(name) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=_SHANGHAI)).astimezone(UTC)


def _code(record: Mapping[str, Any], name: str, codes: dict[str, Any]) -> Any:
    try:
        return codes[record[name]]
    except KeyError:
        raise Unmapped(name) from None


def by_hand(record: Mapping[str, Any]) -> dict[str, Any]:
    """The 30 fields, converted and checked by hand-written code."""
    with localcontext(_LINE):
        material = _text(record, "FMaterialId.FNumber") or ""
        bill, line = _text(record, "FBillNo"), _needed(record, "FSeq")
        rate = _quantity(record, "FTaxRate")
        if material[:4] not in _MAPS["commodity"] or line != line.to_integral_value():
            raise Unmapped("FMaterialId.FNumber")
        closed = record.get("FCloseStatus") == "B"
        return {
            "contract_no": bill,
            "line_no": int(line),
            "side": _code(record, "FBillTypeID.FNumber", _MAPS["side"]),
            "partner": _text(record, "FCustId.FNumber"),
            "partner_name": _text(record, "FCustId.FName"),
            "material": material,
            "material_name": _text(record, "FMaterialId.FName"),
            "specification": _text(record, "FMaterialId.FSpecification", False),
            "commodity": _MAPS["commodity"][material[:4]],
            "contract_date": _day(record, "FDate"),
            "delivery_date": _day(record, "FDeliveryDate", False),
            "approved_on": _day(record, "FApproveDate", False),
            "unit": "t",
            "ordered": _quantity(record, "FQty") * _code(record, "FUnitID.FNumber", _TONNES),
            "delivered": _quantity(record, "FStockOutQty", _ZERO),
            "returned": _quantity(record, "FReturnQty", _ZERO),
            "invoiced": _quantity(record, "FInvoiceQty", _ZERO),
            "price": round_half_up(_needed(record, "FTaxPrice") / (1 + rate / 100), 4),
            "tax_price": _needed(record, "FTaxPrice"),
            "amount": _needed(record, "FAllAmount"),
            "vat_rate": rate / 100,
            "premium": _number(record, "F_HB_Premium"),
            "pricing": _code(record, "F_HB_Pricing", _MAPS["pricing"]) if record.get("F_HB_Pricing") else "priced",
            "status": "closed" if closed else _code(record, "FDocumentStatus", _MAPS["state"]),
            "currency": _code(record, "FSettleCurrId.FNumber", _MAPS["currency"]),
            "warehouse": _text(record, "FStockId.FNumber", False),
            "salesman": _text(record, "FSalerId.FName", False),
            "department": _text(record, "FSaleDeptId.FName", False),
            "label": f"{bill}/{line:f}",
            "modified_at": _moment(record, "FModifyDate"),
        }


def bare(record: Mapping[str, Any]) -> dict[str, Any]:
    """The 30 fields with conversions and nothing else."""
    get = record.__getitem__
    rate, delivery = get("FTaxRate"), get("FDeliveryDate")
    return {
        "contract_no": get("FBillNo"),
        "line_no": int(get("FSeq")),
        "side": _MAPS["side"][get("FBillTypeID.FNumber")],
        "partner": get("FCustId.FNumber"),
        "partner_name": get("FCustId.FName"),
        "material": get("FMaterialId.FNumber"),
        "material_name": get("FMaterialId.FName"),
        "specification": get("FMaterialId.FSpecification") or None,
        "commodity": _MAPS["commodity"][get("FMaterialId.FNumber")[:4]],
        "contract_date": date.fromisoformat(get("FDate")[:10]),
        "delivery_date": date.fromisoformat(delivery[:10]) if delivery else None,
        "approved_on": date.fromisoformat(get("FApproveDate")[:10]),
        "unit": "t",
        "ordered": get("FQty") * _TONNES[get("FUnitID.FNumber")],
        "delivered": get("FStockOutQty") or _ZERO,
        "returned": get("FReturnQty") or _ZERO,
        "invoiced": get("FInvoiceQty") or _ZERO,
        "price": round_half_up(get("FTaxPrice") / (1 + rate / 100), 4),
        "tax_price": get("FTaxPrice"),
        "amount": get("FAllAmount"),
        "vat_rate": rate / 100,
        "premium": get("F_HB_Premium"),
        "pricing": _MAPS["pricing"].get(get("F_HB_Pricing"), "priced"),
        "status": "closed" if get("FCloseStatus") == "B" else _MAPS["state"][get("FDocumentStatus")],
        "currency": _MAPS["currency"][get("FSettleCurrId.FNumber")],
        "warehouse": get("FStockId.FNumber"),
        "salesman": get("FSalerId.FName"),
        "department": get("FSaleDeptId.FName"),
        "label": f"{get('FBillNo')}/{get('FSeq')}",
        "modified_at": datetime.fromisoformat(get("FModifyDate")).replace(tzinfo=_SHANGHAI).astimezone(UTC),
    }


_PICKED = tuple(
    (name, jmespath.compile(f'"{name}"'))
    for name in sorted(
        {row.source for _, row in _FIELDS if row.source} | {"FUnitID.FNumber", "FCloseStatus", "FMaterialId.FNumber"}
    )
)


def by_jmespath(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields picked by compiled jmespath expressions, then converted by hand: jmespath has neither Decimal nor dates."""
    return by_hand({name: expression.search(record) for name, expression in _PICKED})


def measure(count: int = 100_000, rounds: int = 5) -> list[dict[str, Any]]:
    """Records per second of the compiled spec, beside the peers measured in the same interleaved rounds.

    `ratio` of a peer is our time divided by the peer's time on the same number of records: below 1 we are faster.
    jmespath runs on a tenth of the records."""
    made = records(count)
    few = made[: max(1, count // 10)]
    mapped = compile_spec(SPEC, SCHEMA, ZONE)
    for record in few:
        expected = by_hand(record)
        assert mapped(record) == expected == bare(record), "peers disagree"
        assert by_jmespath(record) == expected, "peers disagree"
    runs: dict[str, tuple[Mapper, list[Record]]] = {
        "hedgebridge": (mapped, made),
        "hand-written": (by_hand, made),
        "bare": (bare, made),
        "jmespath": (by_jmespath, few),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (mapper, records_) in runs.items():
            times[name].append(_seconds(mapper, records_) / len(records_))
    each = {name: statistics.median(found) for name, found in times.items()}
    ours = each.pop("hedgebridge")
    return [
        {
            "name": f"mapping {count} records x {len(SCHEMA.fields)} fields",
            "value": round(1 / ours),
            "unit": "records/s",
            "peers": {name: {"value": round(1 / one), "ratio": round(ours / one, 2)} for name, one in each.items()},
        }
    ]


def _seconds(mapper: Mapper, made: list[Record]) -> float:
    gc.collect()
    started = perf_counter()
    for record in made:
        mapper(record)
    return perf_counter() - started


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    for result in measure(*arguments):
        print(f"{result['name']}: {result['value']:,} {result['unit']}")
        for peer, found in result["peers"].items():
            print(f"  {peer:13} {found['value']:>9,} {result['unit']}   our time / theirs {found['ratio']}")
