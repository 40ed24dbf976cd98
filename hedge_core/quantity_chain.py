"""The quantities of a contract line from order to invoice, which of them must agree, and amendments that overtake matches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.exposure import net_delivered, priced_parts
from hedge_core.model.physical import ContractLine, LineStatus, Side
from hedge_core.rounding import EXACT
from messages import Message

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class QuantityChain:
    """A line's quantities, base unit. `least` and `most` are ordered ∓ tolerance; `in_transit` is shipped and not
    received; `delivered_not_invoiced` is what money still has to follow (negative: invoiced ahead); None where the ERP does
    not say what was shipped or invoiced."""

    ordered: Decimal
    least: Decimal
    most: Decimal
    delivered: Decimal
    returned: Decimal
    closed_rest: Decimal
    open: Decimal
    priced: Decimal
    unpriced: Decimal
    in_transit: Decimal | None
    delivered_not_invoiced: Decimal | None


def quantity_chain(line: ContractLine) -> QuantityChain:
    """open = ordered − delivered + returned − closed rest; priced + unpriced = delivered + open (facts 3.18, 3.19)."""
    delivered = net_delivered(line)
    priced_open, unpriced_open, unpriced_delivered = priced_parts(line)
    with localcontext(EXACT):
        spread = line.ordered * line.tolerance
    return QuantityChain(
        ordered=line.ordered,
        least=line.ordered - spread,
        most=line.ordered + spread,
        delivered=delivered,
        returned=line.returned,
        closed_rest=line.closed_rest,
        open=line.open_quantity,
        priced=priced_open + delivered - unpriced_delivered,
        unpriced=unpriced_open + unpriced_delivered,
        in_transit=None if line.shipped is None else max(_ZERO, line.shipped - line.delivered),
        delivered_not_invoiced=None if line.invoiced is None else delivered - line.invoiced,
    )


def broken_chain(line: ContractLine) -> tuple[RuleBroken, ...]:
    """Quantities that cannot be: `chain_over_delivered` (beyond the tolerance), `chain_over_invoiced` (more than was
    delivered and is open), `chain_returned` (more than was delivered), `chain_over_priced` (more than the line comes to),
    `chain_closed_short` (closed below the tolerance although nobody closed the rest)."""
    chain = quantity_chain(line)
    comes_to = chain.delivered + chain.open
    rest = line.ordered - chain.delivered - line.closed_rest
    rules = (
        ("over_delivered", chain.delivered > chain.most),
        ("over_invoiced", line.invoiced is not None and line.invoiced > comes_to),
        ("returned", line.returned > line.delivered),
        ("over_priced", (line.priced or _ZERO) > comes_to and line.status is LineStatus.OPEN),
        ("closed_short", line.status is LineStatus.CLOSED and rest > chain.ordered - chain.least),
    )
    params = {
        "contract_no": line.contract_no, "line_no": line.line_no, "ordered": line.ordered, "most": chain.most,
        "least": chain.least, "delivered": chain.delivered, "returned": line.returned,
        "invoiced": line.invoiced or _ZERO, "priced": line.priced or _ZERO, "comes_to": comes_to,
    }  # fmt: skip
    return tuple(
        RuleBroken(f"chain_{name}", str(line.ref), Message(f"contract.chain_{name}", params))
        for name, is_broken in rules
        if is_broken
    )


def delivered_not_invoiced(lines: Iterable[ContractLine]) -> dict[tuple[Side, str], Decimal]:
    """What was delivered and not invoiced by side and commodity: exposure follows delivery and pricing, money the invoice."""
    sums: dict[tuple[Side, str], Decimal] = {}
    for line in lines:
        rest = quantity_chain(line).delivered_not_invoiced
        if rest:
            key = line.side, line.commodity
            sums[key] = sums.get(key, _ZERO) + rest
    return sums
