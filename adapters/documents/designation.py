"""A designation file (套期指定) as JSON: the relationship and its documentation, sales of the hedged item, rebalancing, the
end of hedge accounting."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from adapters.documents.designation_file import DOCUMENTATION, File, FillRef
from hedge_core.accounting.option_value import TimeValue
from hedge_core.accounting.relationships import (
    ExcludedElement,
    HedgedItem,
    HedgeRelationship,
    HedgeStop,
    InstrumentShare,
    ItemMovement,
    NetMember,
    Rebalance,
    ReserveLoss,
    StopReason,
)
from hedge_core.errors import InvalidInput
from hedge_core.model.vouchers import SourceRef
from hedge_core.use_cases.accounting_days import Designation
from messages import Message

_DECODER: Final = msgspec.json.Decoder(File, strict=False)
_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`(?: - at `([^`]*)`)?")


def read_designation(body: bytes, source: str = "designation") -> Designation:
    """The designation of a file. InvalidInput says which member is missing, wrong or unknown; rules of designation
    (approval, no back-dating, lots) are checked by the accounting, not here."""
    try:
        file: Any = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _refused(source, str(error)) from None
    relationship = _relationship(file, source)
    return Designation(
        relationship,
        tuple(_movements(file)),
        tuple(_stops(file)),
        tuple(_rebalances(file, source)),
        tuple(ReserveLoss(file.relationship_id, loss.day, loss.amount, _of(file)) for loss in file.reserve_losses),
        _excluded_values(file),
        _documentation(file),
    )


def _refused(source: str, reason: str) -> InvalidInput:
    unknown = _UNKNOWN.search(reason)
    if unknown is None:
        return InvalidInput(source, 0, "file", Message("documents.designation", {"reason": reason}))
    member, place = unknown[1], (unknown[2] or "$").removeprefix("$").strip(".") or "-"
    known = ", ".join(field.name for field in msgspec.structs.fields(File)) if place == "-" else "-"
    shown = {"member": member, "place": place, "known": known}
    return InvalidInput(source, 0, member, Message("documents.designation_unknown", shown))


def _relationship(file: File, source: str) -> HedgeRelationship:
    name = file.relationship_id
    sources = _of(file)
    if file.contract_line:
        sources = (*sources, SourceRef("contract_line", file.contract_line))
    chosen = file.hedge_type if file.hedge_type is not file.item.hedge_type else None
    if file.carrying_amount is not None:
        gap = abs(file.carrying_amount * file.quantity - file.carrying_amount_total)
        if gap * 200 > max(file.quantity, Decimal(1)):
            shown = {"unit": file.carrying_amount, "quantity": file.quantity, "total": file.carrying_amount_total}
            message = Message("documents.designation_carrying", shown)
            raise InvalidInput(source, 0, "carrying_amount", message)
    left_out = file.excluded
    return HedgeRelationship(
        relationship_id=name,
        rule_set=file.rule_set,
        item=HedgedItem(
            file.item, file.commodity, file.quantity, file.carrying_amount_total, file.spot_price_ex_vat, sources,
            file.risk,
            tuple(NetMember(m.name, m.item, m.quantity, m.price, m.carrying_amount_total) for m in file.net_position),
            chosen,
        ),
        instruments=tuple(
            InstrumentShare(ref.lot_id, ref.lots, ref.from_day or max(file.designated_on, ref.trading_day))
            for ref in file.instruments
        ),
        designated_on=file.designated_on,
        approved_by=file.approved_by,
        approved_on=file.approved_on,
        document=file.document or name,
        roll_policy=file.roll_policy,
        excluded=None
        if left_out is None
        else ExcludedElement(
            left_out.element, left_out.related, left_out.actual, left_out.aligned, left_out.first_day, left_out.last_day
        ),
        forecast_end=None if file.forecast is None else file.forecast.last_day,
    )  # fmt: skip


def _movements(file: File) -> Iterator[ItemMovement]:
    for sale in file.sales:
        sources = [SourceRef("sale", sale.document or file.relationship_id)]
        if line := sale.contract_line or file.contract_line:
            sources.append(SourceRef("contract_line", line))
        sources += [SourceRef("fill", ref.lot_id) for ref in sale.closing_fills]
        yield ItemMovement(
            file.relationship_id, sale.sold_on, sale.quantity, sale.net_amount, sale.vat, tuple(sources),
            sale.member, sale.delivery, sale.erp_cost,
        )  # fmt: skip


def _stops(file: File) -> Iterator[HedgeStop]:
    ended = file.discontinued
    if ended is None:
        return
    sources = (*_of(file), *(SourceRef("fill", ref.lot_id) for ref in ended.closing_fills))
    expected = ended.expected and ended.reason is not StopReason.NO_LONGER_EXPECTED
    yield HedgeStop(file.relationship_id, ended.discontinued_on, expected, sources, ended.reason)
    if ended.no_longer_expected_on is not None:
        given_up = StopReason.NO_LONGER_EXPECTED
        yield HedgeStop(file.relationship_id, ended.no_longer_expected_on, False, sources, given_up)


def _rebalances(file: File, source: str) -> Iterator[Rebalance]:
    for change in file.rebalancing:
        ref: FillRef | None = change.instrument
        if (ref is None) == change.form.value.endswith("instrument"):
            message = Message("documents.designation_rebalancing", {"form": change.form.value})
            raise InvalidInput(source, 0, "rebalancing", message)
        yield Rebalance(
            file.relationship_id, change.day, change.form, ref.lot_id if ref else "", ref.lots if ref else 0,
            change.quantity, change.carrying_amount_total, change.expected, _of(file),
        )  # fmt: skip


def _excluded_values(file: File) -> dict[date, TimeValue]:
    values = file.excluded.values if file.excluded is not None else ()
    return {value.day: TimeValue(value.actual, value.aligned) for value in values}


def _documentation(file: File) -> dict[str, str]:
    texts = {name: str(getattr(file, name)) for name in DOCUMENTATION}
    if file.forecast is not None:
        texts["forecast"] = (
            f"{file.forecast.first_day} – {file.forecast.last_day}: {file.forecast.quantity}; {file.forecast.why_probable}"
        )
    return texts


def _of(file: File) -> tuple[SourceRef, ...]:
    return (SourceRef("designation", file.relationship_id),)
