"""Files beside a voucher: queued after it, sent once, before the audit; at Kingdee and Odoo with their stand-ins."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.storage import upgrade_database
from hedge_core.errors import IdempotencyConflict, OutcomeUnknown, Rejected
from hedge_core.model.vouchers import PostingReceipt, Stage
from hedge_core.ports.erp import Attaches
from hedge_core.ports.storage import OutboxState
from hedge_core.use_cases.attachments import attachments_of
from tests.support.kingdee import serving, voucher
from tests.support.odoo import ROUTES
from tests.support.odoo import serving as odoo_serving
from tests.support.posting import BOOK, MAKER, Ledger, ledger, settings
from tests.support.posting import voucher as posted

BODY = "持仓盯市盈亏\r\n".encode() * 120_000
"""More than one piece of an upload."""


def on_file(books: Any) -> list[tuple[str, bytes]]:
    rows = books.rows("SELECT * FROM BOS_Attachment ORDER BY id")
    return [(row["FAttachmentName"], base64.b64decode(row["FContent"])) for row in rows]


def test_a_file_stands_once_on_a_kingdee_voucher_even_when_the_answer_was_lost() -> None:
    with serving() as kingdee:
        adapter = kingdee.adapter()
        assert isinstance(adapter, Attaches) and adapter.capabilities.attaches
        (receipt,) = adapter.push_vouchers([voucher()])
        kingdee.fault("lose_answer_after_commit=1x@AttachmentUpload")
        with pytest.raises(OutcomeUnknown):
            adapter.attach(receipt, "sheet.csv", b"a")
        adapter.attach(receipt, "sheet.csv", b"a")
        adapter.attach(receipt, "statement.txt", BODY)
        assert on_file(kingdee.books) == [("sheet.csv", b"a"), ("statement.txt", BODY)]
        with pytest.raises(IdempotencyConflict):
            adapter.attach(receipt, "sheet.csv", b"other")


def test_an_audited_kingdee_voucher_takes_no_file() -> None:
    with serving() as kingdee:
        adapter = kingdee.adapter(target_stage="audited")
        (receipt,) = adapter.push_vouchers([voucher()])
        assert receipt.stage is Stage.AUDITED
        with pytest.raises(Rejected, match="before a voucher is audited"):
            adapter.attach(receipt, "sheet.csv", b"a")
        with pytest.raises(Rejected, match="单据已审核"):
            adapter.attach(replace(receipt, stage=Stage.SUBMITTED), "sheet.csv", b"a")
        assert on_file(kingdee.books) == []


@pytest.mark.parametrize("route", list(ROUTES))
def test_a_file_stands_once_on_an_odoo_entry(route: str) -> None:

    with odoo_serving(ROUTES[route]) as odoo:
        made = voucher(1, Decimal("10.00"), date(2026, 3, 31))
        (receipt,) = odoo.adapter.push_vouchers([made])
        assert isinstance(receipt, PostingReceipt), receipt
        odoo.fault("lose_answer_after_commit=1x@writes")
        with pytest.raises(OutcomeUnknown):
            odoo.adapter.attach(receipt, "sheet.csv", b"abc")
        odoo.adapter.attach(receipt, "sheet.csv", b"abc")
        rows = odoo.site.site.books.rows('SELECT * FROM "ir.attachment"')
        assert [(row["name"], base64.b64decode(row["datas"]), row["res_id"]) for row in rows] == [
            ("sheet.csv", b"abc", int(receipt.external_id))
        ]
        with pytest.raises(IdempotencyConflict):
            odoo.adapter.attach(receipt, "sheet.csv", b"other")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Ledger]:
    url = f"sqlite:///{tmp_path / 'book.db'}"
    upgrade_database(url)
    with ledger(settings(url, tmp_path)) as running:
        with running.app.store.begin(BOOK, MAKER) as uow:
            uow.save_settings({**uow.book.settings, "attachments": "on"})
        yield running


def test_files_follow_their_voucher_and_are_counted_on_it(book: Ledger) -> None:
    book.queue([posted(1), posted(2)])
    book.site.site.faults.arm_text("lose_answer_after_commit=1x@AttachmentUpload")
    with book.app.runtime() as runtime:
        runtime.drain(60, quiet_for=20)
    rows = book.rows()
    assert {row.state for row in rows} == {OutboxState.DONE}
    assert sorted(row.kind for row in rows) == ["attachment", "attachment", "voucher", "voucher"]
    order = {row.id: row for row in rows}
    assert all(order[row.depends_on].kind == "voucher" for row in rows if row.kind == "attachment")
    files = on_file(book.site.site.books)
    assert sorted(name for name, _ in files) == sorted(f"calculation_{posted(n).key}.csv" for n in (1, 2))
    counted = book.site.site.books.rows("SELECT FATTACHMENTS FROM GL_VOUCHER")
    assert [row["FATTACHMENTS"] for row in counted] == [1, 1]


def test_the_sheet_is_the_vouchers_lines_and_the_same_bytes_every_time(book: Ledger) -> None:
    with book.app.store.read(BOOK) as uow:
        (first,) = attachments_of(uow, posted(1))
        (again,) = attachments_of(uow, posted(1))
    assert first == again
    table = list(csv.DictReader(io.StringIO(first.body.decode("utf-8-sig"))))
    assert [(row["account"], row["debit"], row["credit"]) for row in table] == [
        ("1012", "1201.00", "0"), ("6111.01", "0", "1201.00"),
    ]  # fmt: skip


def test_without_the_setting_nothing_is_attached(book: Ledger) -> None:
    with book.app.store.begin(BOOK, MAKER) as uow:
        uow.save_settings({**uow.book.settings, "attachments": "off"})
        assert attachments_of(uow, posted(1)) == []
