"""How the demo ends: everything compared once more, one flat summary, and whether it all ties out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.demo.month import BOOK, CLERK, ERP, Month
from hedge_core.audit.verification import verify_log
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import OutboxState
from hedge_core.use_cases.reconcile import Reconciliation, reconcile

MUST_BE_ZERO: Final = (
    "vouchers_unknown",
    "vouchers_dead",
    "duplicates_in_erp",
    "reconciliation_differences",
    "audit_findings",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The summary's figures, the comparison behind them, and every reason why the demo does not tie out."""

    figures: dict[str, Any]
    reconciliation: Reconciliation
    reasons: tuple[str, ...]


def conclude(month: Month, manifest: Path) -> Outcome:
    """Compare books, verify the log, and hold the figures against what the stand-in broker says it printed."""
    app, tally = month.session.app, month.tally
    with tally.stage("reconcile"):
        compared = reconcile(app.store, BOOK, app.erp(BOOK, ERP), CLERK)
    with tally.stage("audit"), app.store.read(BOOK) as uow:
        size, root = uow.audit.head()
        findings = verify_log(BOOK, uow.audit.events(), (size, root))
    with app.store.read(BOOK) as uow:
        stored = uow.results.vouchers()
        rows = uow.outbox.rows()
    delivered = sum(one.status is VoucherStatus.DELIVERED for one in stored)
    figures: dict[str, Any] = {
        "contracts_pulled": tally.contracts_pulled,
        "inventory_pulled": tally.inventory_pulled,
        "fills_imported": tally.fills_imported,
        "quarantined": tally.quarantined,
        "matches": tally.matches,
        "days_settled": tally.days_settled,
        "vouchers_created": tally.vouchers_created,
        "vouchers_delivered": delivered,
        "vouchers_unknown": sum(row.state is OutboxState.UNKNOWN for row in rows),
        "vouchers_dead": sum(row.state is OutboxState.DEAD for row in rows),
        "hedge_notes_written": sum(row.kind == "hedges" and row.state is OutboxState.DONE for row in rows),
        "found_by_lookup": sum(row.found_by_lookup for row in rows),
        "duplicates_in_erp": compared.duplicates_in_erp,
        "reconciliation_differences": len(compared.breaks),
        "audit_events": size,
        "audit_findings": len(findings),
        "audit_root": root,
        "seconds": {name: round(spent, 2) for name, spent in tally.seconds.items()},
    }
    printed = json.loads(manifest.read_text(encoding="utf-8"))
    return Outcome(figures, compared, tuple(_reasons(figures, printed)))


def _reasons(figures: dict[str, Any], printed: dict[str, Any]) -> list[str]:
    reasons = [f"{name} = {figures[name]}" for name in MUST_BE_ZERO if figures[name]]
    expected = {
        "fills_imported": printed["fills"],
        "days_settled": len(printed["trading_days"]),
        "vouchers_delivered": figures["vouchers_created"],
    }
    reasons += [f"{name} = {figures[name]}, not {value}" for name, value in expected.items() if figures[name] != value]
    reasons += [f"{name} = 0" for name in ("contracts_pulled", "inventory_pulled", "matches") if not figures[name]]
    reasons += ["vouchers_created = 0"] if not figures["vouchers_created"] else []
    return reasons
