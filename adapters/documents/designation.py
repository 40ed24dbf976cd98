"""A designation file (套期指定) as JSON: relationship, instruments, sales of the hedged item, end of hedge accounting."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from hedge_core.accounting.relationships import (
    HedgedItem,
    HedgeRelationship,
    HedgeStop,
    InstrumentShare,
    ItemKind,
    ItemMovement,
)
from hedge_core.accounting.rule_sets import RuleSet
from hedge_core.errors import InvalidInput
from hedge_core.model.vouchers import SourceRef
from hedge_core.use_cases.account import Designation
from messages import Message


class _FillRef(msgspec.Struct, frozen=True):
    account: str
    trading_day: date
    exchange: str
    fill_id: str
    direction: str
    lots: int

    @property
    def lot_id(self) -> str:
        day = self.trading_day.strftime("%Y%m%d")
        return f"{self.account}/{day}/{self.exchange}/{self.fill_id}/{self.direction}"


class _Sale(msgspec.Struct, frozen=True):
    sold_on: date
    quantity: Decimal
    net_amount: Decimal | None = None
    vat: Decimal = Decimal(0)
    document: str = ""


class _Ended(msgspec.Struct, frozen=True):
    discontinued_on: date
    reason: str = ""


class _File(msgspec.Struct, frozen=True):
    relationship_id: str
    designated_on: date
    approved_on: date
    approved_by: str
    commodity: str
    quantity: Decimal
    carrying_amount_total: Decimal
    spot_price_ex_vat: Decimal
    instruments: tuple[_FillRef, ...]
    item: ItemKind = ItemKind.INVENTORY
    rule_set: RuleSet = RuleSet.CAS24
    document: str = ""
    sales: tuple[_Sale, ...] = ()
    discontinued: _Ended | None = None


_decoder = msgspec.json.Decoder(_File, strict=False)


def read_designation(body: bytes, source: str = "designation") -> Designation:
    """The designation of a file. InvalidInput says which member is missing or wrong; rules of designation (approval, no
    back-dating, lots) are checked by the accounting, not here."""
    try:
        file: Any = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(source, 0, "file", Message("documents.designation", {"reason": str(error)})) from None
    name = file.relationship_id
    relationship = HedgeRelationship(
        relationship_id=name,
        rule_set=file.rule_set,
        item=HedgedItem(
            file.item, file.commodity, file.quantity, file.carrying_amount_total, file.spot_price_ex_vat,
            (SourceRef("designation", name),),
        ),
        instruments=tuple(InstrumentShare(ref.lot_id, ref.lots, file.designated_on) for ref in file.instruments),
        designated_on=file.designated_on,
        approved_by=file.approved_by,
        approved_on=file.approved_on,
        document=file.document or name,
    )  # fmt: skip
    movements = tuple(
        ItemMovement(
            name, sale.sold_on, sale.quantity, sale.net_amount, sale.vat, (SourceRef("sale", sale.document or name),)
        )
        for sale in file.sales
    )
    ended = file.discontinued
    stops = (HedgeStop(name, ended.discontinued_on, sources=(SourceRef("designation", name),)),) if ended else ()
    return Designation(relationship, movements, stops)
