"""The table that `load()` imports and the vouchers that our module takes: pure, also shown by a dry run.

What is *not* in them matters as much: no `name` (an explicit one takes over the journal's numbering), no `state` (Odoo refuses
`posted` on creation), no currency (a voucher is in the company's). Every line has an external id of its own: a second load of
a draft would add lines that have none again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from adapters.erp.odoo.lookup import external_name
from adapters.erp.odoo.refusals import refused_here
from adapters.erp.odoo.vendor import EXTERNAL_ID_MODULE, OdooOptions
from hedge_core.model.vouchers import PostingLine, Voucher

LOAD_FIELDS: Final = (
    "id", "ref", "date", "journal_id/.id",
    "line_ids/id", "line_ids/account_id/.id", "line_ids/name", "line_ids/partner_id/.id", "line_ids/debit",
    "line_ids/credit",
)  # fmt: skip
_HEADER_CELLS: Final = 4


@dataclass(frozen=True, slots=True)
class Numbers:
    """Database ids that vouchers are written with: the journal's, accounts by code, partners by internal reference."""

    journal: int
    accounts: Mapping[str, int]
    partners: Mapping[str, int]


def partner_references(vouchers: Iterable[Voucher], options: OdooOptions) -> set[str]:
    """The internal references of the partners that vouchers name."""
    return {
        value
        for voucher in vouchers
        for line in voucher.lines
        for name, value in line.dimensions
        if options.dimensions.get(name) == "partner"
    }


def load_rows(voucher: Voucher, numbers: Numbers, options: OdooOptions) -> list[list[str]]:
    """The rows of one voucher, one per line, header cells on the first; a code or dimension without a place is refused."""
    entry = f"{EXTERNAL_ID_MODULE}.{external_name(voucher.key)}"
    header = [entry, voucher.key, voucher.posting_date.isoformat(), str(numbers.journal)]
    rows = []
    for place, line in enumerate(voucher.lines, 1):
        account, partner, label = _resolved(line, voucher, numbers, options)
        cells = [
            f"{entry}_line_{place}",
            str(account),
            label,
            str(partner or ""),
            _text(line.debit),
            _text(line.credit),
        ]
        rows.append([*(header if place == 1 else [""] * _HEADER_CELLS), *cells])
    return rows


def module_voucher(voucher: Voucher, numbers: Numbers, options: OdooOptions) -> dict[str, Any]:
    """One voucher as `hedge_create_and_post` takes it; amounts are text, so that no digit is lost on the way."""
    lines = []
    for line in voucher.lines:
        account, partner, label = _resolved(line, voucher, numbers, options)
        entry: dict[str, Any] = {
            "account_id": account, "name": label, "debit": f"{line.debit:f}", "credit": f"{line.credit:f}",
        }  # fmt: skip
        lines.append(entry | ({"partner_id": partner} if partner else {}))
    return {
        "hedge_ref": voucher.key,
        "ref": voucher.key,
        "date": voucher.posting_date.isoformat(),
        "journal_id": numbers.journal,
        "lines": lines,
    }


def _resolved(
    line: PostingLine, voucher: Voucher, numbers: Numbers, options: OdooOptions
) -> tuple[int, int | None, str]:
    """(account id, partner id, label) of a line."""
    if line.account not in numbers.accounts:
        raise refused_here("account", "odoo.no_account", account=line.account)
    partner: int | None = None
    label = [line.summary or voucher.summary]
    for name, value in line.dimensions:
        place = options.dimensions.get(name)
        if place == "label":
            label.append(f"[{value}]")
        elif place == "partner":
            partner = numbers.partners.get(value)
            if partner is None:
                raise refused_here("partner", "odoo.no_partner", reference=value)
        else:
            raise refused_here("dimension", "odoo.no_dimension", dimension=name)
    return numbers.accounts[line.account], partner, " ".join(label)


def _text(amount: Decimal) -> str:
    return f"{amount:f}" if amount else ""


def account_codes(vouchers: Sequence[Voucher]) -> set[str]:
    """Every account code that vouchers use."""
    return {line.account for voucher in vouchers for line in voucher.lines}
