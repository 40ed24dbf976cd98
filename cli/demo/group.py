"""The other companies of the demo's group: each a book of its own on another ERP, two business days from opening to ledger.

The month itself runs on Kingdee; here the way is the same and shorter: pull, map, settle, match, vouchers, approve, deliver,
compare. What a steward enters by hand where an ERP names units and warehouses by ids or by codes of its own stands with the
member; the ids are asked of the stand-in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from rich.progress import Progress

from cli.demo.month import ACCOUNT_ROWS, BOOK_SETTINGS, CLERK, Month
from cli.demo.standin import StandIn
from cli.session import Session
from hedge_core.audit.verification import verify_log
from hedge_core.model.identity import BookId
from hedge_core.model.physical import LineStatus, MasterKind
from hedge_core.model.records import PullScope
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import Book, Connection, OutboxState
from hedge_core.use_cases.pull import pull_contracts, pull_inventory, pull_masters
from hedge_core.use_cases.reconcile import reconcile
from worker.bootstrap import SPEC_DOCUMENT, secret_context
from worker.runtime import Runtime
from worker.systems import system

DAYS: Final = 2
ERP: Final = "erp"
_NINE_PLACES: Final = 10
"""Digits of an account in the chart of SAP's stand-in."""


@dataclass(frozen=True, slots=True)
class Member:
    """A company: its book, its ERP, which of the stand-in's announced values its connection needs, and further options.
    `dimension` is where the broker account stands: a value, or the path to it in the announcement. `entries` are those that a
    steward makes, by spec and value map: the name of a table in the announcement (our word for a unit -> the ERP's), and what
    each of our words stands for."""

    book: BookId
    name: str
    system: str
    announced: tuple[str, ...]
    secret: str
    dimension: str | tuple[str, str]
    more: Mapping[str, Any]
    account: Callable[[str], str] = str
    entries: Mapping[str, Mapping[str, tuple[str, Mapping[str, str]]]] = field(default_factory=dict)


def _sale_item(name: str, **more: Any) -> dict[str, Any]:
    """Where the hedge note of a sale goes: a free item of the order's line. Purchases go without, for the sake of time."""
    return {"sale_line": {"field": name, **more}}


_UNITS: Final = {"t": "1", "kg": "0.001"}


def _ten_digits(code: str) -> str:
    return code.replace(".", "").ljust(_NINE_PLACES, "0")


GROUP: Final = (
    Member(BookId("jhodoo"), "锦禾铝业", "odoo", ("database", "user", "company_id", "journal", "series"), "api_key",
           "partner", {"days_ahead": 3650}),
    Member(BookId("jhsap"), "锦禾国际", "sap", ("user", "company_code", "sap_client", "chart_of_accounts"), "password",
           "AssignmentReference", {"created_by": "HEDGE", "sales_organisation": "1010",
                                     "hedge_texts": {"sale_line": "ZHDG"}}, _ten_digits),
    Member(BookId("jhu8c"), "锦禾线缆", "u8cloud",
           ("user", "system_code", "corp", "account_book", "maker", "voucher_type"), "password",
           ("auxiliaries", "broker_account"),
           {"history_from": "2025-10-01", "lookup_months": 24,
            "hedge_note": _sale_item("vdef10", read_from="line.vdef10", find="billid")}),
    Member(BookId("jhu8"), "锦禾仓储", "u8openapi",
           ("from_account", "to_account", "app_key", "voucher_type", "maker", "item_class"), "app_secret",
           ("slots", "broker_account"),
           {"hedge_note": _sale_item("define30", path="api/saleorder/edit", shape="document", holder="saleorder",
                                     document="code", lines="entry", line="rowno")}),
    Member(BookId("jhxh"), "锦禾铜业", "cosmic",
           ("client_id", "user", "account_id", "org", "account_book", "voucher_type", "token_header"), "client_secret",
           ("dimensions", "broker_account"),
           {"history_from": "2025-10-01", "lookup_months": 24,
            "hedge_note": _sale_item("hb_hedge", read_from="line.hb_hedge", find="id")}),
    Member(BookId("jhbip"), "锦禾新材", "yonbip", ("tenant_id", "app_key", "account_book", "voucher_type"), "app_secret",
           ("auxiliaries", "broker_account"),
           {"maker_mobile": "13800000000", "lookup_months": 24,
            "hedge_note": _sale_item("define10", read_from="bodyItem.define10")},
           entries={"stock": {"tonnes_per_unit": ("units", _UNITS)}}),
    Member(BookId("jhncc"), "锦禾集团", "nccloud",
           ("client_id", "public_key", "biz_center", "account_book", "voucher_type", "maker"), "app_secret",
           ("auxiliaries", "broker_account"),
           {"lookup_months": 24,
            "hedge_note": _sale_item("vbdef10", path="nccloud/api/so/saleorder/update", shape="heads", head="so_saleorder",
                                     lines="so_saleorder_b", document="csaleorderid", line="csaleorderbid",
                                     find="csaleorderid")},
           entries={name: {"tonnes_per_unit": ("units", _UNITS)} for name in ("sale_line", "purchase_line")}),
)  # fmt: skip


class Company(Month):
    """A member's two days. Only setting up and pulling differ from the month."""

    def __init__(self, member: Member, session: Session, stand_in: StandIn, inbox: Path, bar: Progress) -> None:
        super().__init__(session, stand_in, inbox, bar)
        self.book, self.erp_name = member.book, ERP
        self._member = member

    def set_up(self) -> None:
        app, access, member = self.session.app, self._stand_in.access, self._member
        settings = {**BOOK_SETTINGS, "ledger": ERP}
        app.store.add_book(Book(self.book, member.name, "CNY", settings), CLERK)
        place = member.dimension
        slot = place if isinstance(place, str) else access[place[0]][place[1]]
        options = {
            "url": access["url"],
            **{name: access[name] for name in member.announced},
            "dimensions": {"broker_account": slot},
            **member.more,
        }
        sealed = app.secrets.seal(access[member.secret], secret_context(self.book, ERP, member.secret))
        kind = system(member.system)
        with app.store.begin(self.book, CLERK) as uow:
            uow.save_connection(Connection(ERP, self.book, member.system, options, {member.secret: sealed}))
            for name in kind.spec_names:
                uow.save_document(SPEC_DOCUMENT, f"{ERP}/{name}", kind.default_spec(name))
            uow.save_document("accounts", "map", self._accounts().encode())
            uow.audit.append("demo.set_up", self.book, {"system": member.system})

    def _accounts(self) -> str:
        head, *rows = ACCOUNT_ROWS.splitlines()
        parts = (row.split(",") for row in rows)
        return "\n".join([head, *(",".join((role, self._member.account(code), *rest)) for role, code, *rest in parts)])

    def _filled_in(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """What the stand-in announces under a name says how the ERP calls a thing."""
        access, entries = self._stand_in.access, self._member.entries.get(name, {})
        called = {
            one: {str(access[where][ours]): value for ours, value in pairs.items()}
            for one, (where, pairs) in entries.items()
        }
        return {**super()._filled_in(name), **called}

    def _take_in(self) -> None:
        """The steward's entries come first: how a record without one is kept and taken up again, the month has shown."""
        app, card = self.session.app, self._erp().capabilities
        for name in system(self._member.system).spec_names:
            if name.endswith(("_line", "_contract")) or name == "stock":
                self._map_commodities(name)
        for kind in MasterKind:
            if kind.value in card.pulls:
                pull_masters(app.store, self.book, ERP, self._erp(), CLERK, app.clock, kind)
        pull_contracts(app.store, self.book, ERP, self._erp(), CLERK, app.clock, PullScope.CHANGED)
        pull_inventory(app.store, self.book, ERP, self._erp(), CLERK, app.clock)

    def figures(self) -> dict[str, Any]:
        """What the two days came to, compared with the ERP once more."""
        app = self.session.app
        compared = reconcile(app.store, self.book, app.erp(self.book, ERP), CLERK)
        with app.store.read(self.book) as uow:
            size, root = uow.audit.head()
            findings = verify_log(self.book, uow.audit.events(), (size, root))
            vouchers, rows = uow.results.vouchers(), uow.outbox.rows()
            matches = len(uow.results.matches())
            opened = {
                f"{line.ref.kind}:{line.ref.key}"
                for line in uow.physical.contract_lines()
                if line.status is LineStatus.OPEN
            }
        ours = [row for row in rows if row.kind == "voucher"]
        notes = [row for row in rows if row.kind == "hedges"]
        refused = [row for row in notes if row.state is OutboxState.DEAD]
        return {
            "contracts_pulled": self.tally.contracts_pulled,
            "inventory_pulled": self.tally.inventory_pulled,
            "days_settled": self.tally.days_settled,
            "matches": matches,
            "vouchers_created": len(vouchers),
            "vouchers_delivered": sum(one.status is VoucherStatus.DELIVERED for one in vouchers),
            "vouchers_unknown": sum(row.state is OutboxState.UNKNOWN for row in ours),
            "vouchers_dead": sum(row.state is OutboxState.DEAD for row in ours),
            "hedge_notes_written": sum(row.state is OutboxState.DONE for row in notes),
            "hedge_notes_refused": len(refused),
            "hedge_notes_lost": sum(row.subject in opened for row in refused),
            "duplicates_in_erp": compared.duplicates_in_erp,
            "reconciliation_differences": len(compared.breaks),
            "audit_findings": len(findings),
        }


_MUST_BE_ZERO: Final = (
    "vouchers_unknown", "vouchers_dead", "duplicates_in_erp", "reconciliation_differences", "audit_findings",
    "hedge_notes_lost",
)  # fmt: skip
_MUST_NOT: Final = ("contracts_pulled", "inventory_pulled", "matches", "vouchers_created", "hedge_notes_written")


def run_group(
    session: Session,
    folder: Path,
    days: list[date],
    bar: Progress,
    runtime: Runtime,
    members: tuple[Member, ...] = GROUP,
) -> tuple[dict[str, Any], list[str]]:
    """(flat figures `<book>.<name>`, reasons why a book does not tie out) of every member, one after the other."""
    figures: dict[str, Any] = {}
    reasons: list[str] = []
    for member in members:
        started = perf_counter()
        with StandIn(member.system, db=folder / f"{member.system}.db") as stand_in:
            company = Company(member, session, stand_in, folder / "inbox", bar)
            company.set_up()
            company.go_live()
            company.trade(days[:DAYS], runtime)
            runtime.drain(60, quiet_for=30)
            found = company.figures()
        found["seconds"] = round(perf_counter() - started, 2)
        figures |= {f"{member.book}.system": member.system, **{f"{member.book}.{k}": v for k, v in found.items()}}
        reasons += [f"{member.book}: {name} = {found[name]}" for name in _MUST_BE_ZERO if found[name]]
        reasons += [f"{member.book}: {name} = 0" for name in _MUST_NOT if not found[name]]
        if found["vouchers_delivered"] != found["vouchers_created"]:
            reasons.append(
                f"{member.book}: {found['vouchers_delivered']} of {found['vouchers_created']} vouchers delivered"
            )
    return figures, reasons


__all__ = ["DAYS", "GROUP", "Company", "Member", "run_group"]
