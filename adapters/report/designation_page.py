"""The formal documentation of a hedge relationship, printed from its record: nothing that the record does not have."""

from __future__ import annotations

from adapters.report.page import facts, heading, page, signatures, table
from hedge_core.ports.accounting import DesignationRecord
from hedge_core.use_cases.accounting_days import Designation
from hedge_core.use_cases.designations import EffectivenessReport
from messages import Message


def _named(name: str) -> Message:
    return Message(f"report.{name}")


def designation_page(
    book: str,
    designation: Designation,
    record: DesignationRecord | None,
    effectiveness: EffectivenessReport | None,
    lang: str,
) -> bytes:
    """HTML in UTF-8 for A4. `record` None: the file came in before records were kept."""
    relationship = designation.relationship
    item = relationship.item
    parts = [
        facts(
            [
                (_named("book"), book),
                (_named("relationship"), relationship.relationship_id),
                (_named("document"), relationship.document),
                (_named("rule_set"), relationship.rule_set.value),
                (_named("hedge_type"), relationship.hedge_type.value),
                (_named("designated_on"), relationship.designated_on),
                (_named("approved"), f"{relationship.approved_by}, {relationship.approved_on}"),
            ],
            lang,
        ),
        heading(_named("item"), lang),
        facts(
            [
                (_named("item_kind"), item.kind.value),
                (_named("commodity"), item.commodity),
                (_named("quantity"), item.quantity),
                (_named("carrying_amount"), item.carrying_amount),
                (_named("price"), item.price),
                (_named("risk"), item.risk.value),
            ],
            lang,
        ),
        heading(_named("instruments"), lang),
        table(
            [_named("lot"), _named("lots"), _named("from_day")],
            [(share.lot_id, share.lots, share.from_day) for share in relationship.instruments],
            lang,
            numbers=(1,),
        ),
        heading(_named("documentation"), lang),
        facts([(_named(name), value) for name, value in designation.documentation.items()], lang),
    ]
    if effectiveness is not None and effectiveness.as_of is not None:
        figures = effectiveness.regression
        parts += [
            heading(_named("effectiveness"), lang),
            facts(
                [
                    (_named("as_of"), effectiveness.as_of),
                    (_named("instrument_change"), effectiveness.instrument),
                    (_named("item_change"), effectiveness.item),
                    (_named("dollar_offset"), _or_dash(effectiveness.dollar_offset)),
                    (_named("slope"), _or_dash(figures.slope)),
                    (_named("r2"), _or_dash(figures.r2)),
                    (_named("points"), figures.points),
                ],
                lang,
            ),
            table(
                [_named("term"), _named("item"), _named("instruments"), _named("matches")],
                [
                    (one.term, one.item, one.instrument, "✓" if one.matches else "✗")
                    for one in effectiveness.critical_terms
                ],
                lang,
            ),
        ]
    if record is not None:
        approved = f"{record.approved_by}, {record.approved_at:%Y-%m-%d %H:%M} UTC" if record.approved_at else ""
        parts += [
            heading(_named("record"), lang),
            facts(
                [
                    (_named("version"), record.version),
                    (_named("recorded"), f"{record.recorded_by}, {record.recorded_at:%Y-%m-%d %H:%M} UTC"),
                    (_named("second_approval"), approved),
                    (_named("digest"), record.digest),
                ],
                lang,
            ),
        ]
    parts.append(signatures([_named("made_by"), _named("checked_by"), _named("head_of_accounting")], lang))
    return page(_named("designation_title"), parts, lang)


def _or_dash(value: object) -> object:
    return "–" if value is None else value
