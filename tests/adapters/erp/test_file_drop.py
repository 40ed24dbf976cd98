"""The file drop beyond the conformance suite: what waits, what is held back, what is written, and what a crash leaves behind."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from adapters.erp.file_drop.lookup import note_name
from adapters.erp.file_drop.voucher_file import rendered
from conformance import sample_voucher
from connectors.drop_folder import Area, DropFolder
from connectors.tabular import read_table
from hedge_core.errors import (
    ContractViolation,
    IdempotencyConflict,
    InvalidInput,
    OutcomeUnknown,
    Rejected,
    RuleBroken,
    Unavailable,
)
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import MasterKind
from hedge_core.model.records import Mapped, PullScope, Quarantined
from hedge_core.model.vouchers import PostingReceipt, Stage
from sandbox.file_drop.lists import lists, table
from tests.support.file_drop import OPTIONS, SALES, adapter, drop, rows_of, write_rows

DAY = date(2026, 3, 31)
SILENT = replace(OPTIONS, acknowledged=False)
LEG = ExternalRef("erp", "sale_line", "../../etc/passwd/1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for name in ("in", "out", "ack", "sent"):
        (tmp_path / name).mkdir()
    for name, body in lists().items():
        (tmp_path / "in" / name).write_bytes(body)
    return tmp_path


def voucher(number: int = 1, amount: str = "70619.47") -> Any:
    return sample_voucher(number, Decimal(amount), DAY, debit="3101", credit="6101")


def push(path: Path, what: Any, options: Any = OPTIONS, **chosen: Any) -> Any:
    return adapter(drop(path, **chosen), options).push_vouchers([what])[0]


def answer(
    path: Path, name: str, *rows: tuple[str, ...], header: tuple[str, ...] = ("参考号", "状态", "凭证号", "说明")
) -> None:
    (path / "ack" / name).write_bytes(table(header, rows))


def out(path: Path) -> list[str]:
    return sorted(os.listdir(path / "out"))


# --- reading ---


def test_conformance_file_drop_E06_row_without_key_is_held_back_alone(path: Path) -> None:
    rows = rows_of(path / "in" / SALES)
    rows[3]["合同号"] = ""
    write_rows(path / "in" / SALES, rows)
    items = list(adapter(drop(path)).pull_contracts(None))
    held = [item for item in items if item.ref.key.startswith("?")]
    assert len(held) == 1 and isinstance(held[0].outcome, Quarantined) and held[0].outcome.column == "合同号"
    assert sum(item.ref.kind == "sale_line" for item in items) == len(rows)


def test_conformance_file_drop_E06_second_row_of_a_key_is_held_back_and_the_first_stays(path: Path) -> None:
    rows = rows_of(path / "in" / "inventory_20260331.csv")
    write_rows(path / "in" / "inventory_20260331.csv", [*rows, {**rows[0], "数量": "1"}])
    items = {item.ref.key: item.outcome for item in adapter(drop(path)).pull_inventory(None)}
    first = "/".join((rows[0]["仓库"], rows[0]["物料编码"], rows[0]["批号"], "-"))
    assert isinstance(items[first], Mapped)
    assert isinstance(items[first + "#2"], Quarantined)
    assert len(items) == len(rows) + 1


def test_conformance_file_drop_E06_comma_too_many_holds_back_that_row_only(path: Path) -> None:
    text = (path / "in" / SALES).read_text("utf-8-sig").splitlines()
    text[2] += ",一,二"
    (path / "in" / SALES).write_text("\r\n".join(text), "utf-8")
    outcomes = [item.outcome for item in adapter(drop(path)).pull_contracts(None)]
    wide = [one for one in outcomes if isinstance(one, Quarantined) and one.rule == "file"]
    assert len(wide) >= 1 and sum(isinstance(one, Mapped) for one in outcomes) > 300
    assert any("comma" in str(one.reason) for one in wide)


def test_a_held_row_is_mapped_again_to_the_same_verdict(path: Path) -> None:
    rows = rows_of(path / "in" / SALES)
    write_rows(path / "in" / SALES, [*rows, rows[0]])
    erp = adapter(drop(path))
    for item in erp.pull_contracts(None):
        assert item.raw is not None and erp.remap(item.raw) == item.outcome


def test_excel_and_csv_give_the_same_records(path: Path) -> None:
    before = {item.ref: item.outcome for item in adapter(drop(path)).pull_inventory(None)}
    rows = rows_of(path / "in" / "inventory_20260331.csv")
    (path / "in" / "inventory_20260331.csv").unlink()
    with xlsxwriter.Workbook(path / "in" / "库存 0331.xlsx") as book:
        sheet = book.add_worksheet()
        for column, name in enumerate(rows[0]):
            sheet.write_string(0, column, name)
            for line, row in enumerate(rows, 1):
                if name == "数量":
                    sheet.write_number(line, column, float(row[name]))
                elif row[name]:
                    sheet.write_string(line, column, row[name])
    after = {item.ref: item.outcome for item in adapter(drop(path)).pull_inventory(None)}
    assert after == before


def test_masters_are_read_and_a_missing_list_of_masters_is_no_error(path: Path) -> None:
    erp = adapter(drop(path))
    assert all(isinstance(item.outcome, Mapped) for kind in MasterKind for item in erp.pull_masters(kind, None))
    (path / "in" / "accounts.csv").unlink()
    assert list(erp.pull_masters(MasterKind.ACCOUNT, None)) == []


@pytest.mark.parametrize(
    "lock", ["~$inventory_20260331.csv", ".~lock.inventory_20260331.csv#", "~$ventory_20260331.csv"]
)
def test_stock_that_somebody_has_open_waits_and_is_never_taken_for_empty(path: Path, lock: str) -> None:
    (path / "in" / lock).touch()
    erp = adapter(drop(path))
    with pytest.raises(Unavailable):
        list(erp.pull_inventory(None))
    step = next(step for step in erp.check().steps if step.step == "list:stock")
    assert not step.ok and "office" in str(step.finding)


def test_a_file_that_was_written_a_moment_ago_waits(path: Path) -> None:
    modified = (path / "in" / "inventory_20260331.csv").stat().st_mtime
    with pytest.raises(Unavailable):
        list(adapter(drop(path, now=lambda: modified + 9)).pull_inventory(None))
    assert list(adapter(drop(path, now=lambda: modified + 11)).pull_inventory(None))


def test_with_an_agreed_marker_a_file_counts_only_beside_it(path: Path) -> None:
    erp = adapter(drop(path, marker=".ok"))
    with pytest.raises(Unavailable):
        list(erp.pull_inventory(None))
    (path / "in" / "inventory_20260331.csv.ok").touch()
    assert list(erp.pull_inventory(None))
    assert list(erp.pull_contracts(None)) == []


def test_a_list_that_grows_while_it_is_read_is_refused(path: Path) -> None:
    folder = drop(path)
    (file,) = [file for file in folder.files(Area.IN) if file.name.startswith("inventory")]
    with (path / "in" / file.name).open("ab") as opened:
        opened.write(b"x")
    with pytest.raises(Unavailable):
        folder.read(file)


def test_unfinished_downloads_links_and_hidden_files_do_not_count(path: Path, tmp_path: Path) -> None:
    body = (path / "in" / SALES).read_bytes()
    for name in (".sales_z.csv", "sales_z.csv.part", "sales_z.tmp", "~$sales_z.xlsx"):
        (path / "in" / name).write_bytes(body)
    (path / "in" / "sales_zz.csv").symlink_to(path / "in" / SALES)
    assert [file.name for file in adapter(drop(path))._lists.files("sale_line")] == [SALES]


def test_numbers_in_names_are_ordered_by_value(path: Path) -> None:
    for number in (9, 10, 100):
        (path / "ack" / f"ack_{number}.csv").touch()
    assert [file.name for file in drop(path).files(Area.ACK)] == ["ack_9.csv", "ack_10.csv", "ack_100.csv"]


def test_a_sweep_of_keys_needs_every_list(path: Path) -> None:
    (path / "in" / f"~${SALES}").touch()
    with pytest.raises(Unavailable):
        list(adapter(drop(path)).pull_contracts(None, PullScope.KEYS))


def test_a_sweep_of_keys_never_takes_a_missing_list_for_deleted_lines(path: Path) -> None:
    (path / "in" / "purchases_20260331.csv").unlink()
    erp = adapter(drop(path))
    assert {item.ref.kind for item in erp.pull_contracts(None, PullScope.OPEN)} == {"sale_line"}
    with pytest.raises(Unavailable):
        list(erp.pull_contracts(None, PullScope.KEYS))
    (path / "in" / "purchases_20260401.csv").write_bytes("合同号,行号\r\n".encode())
    assert list(erp.pull_contracts(None, PullScope.KEYS))


def test_lists_of_changes_add_up_and_cannot_be_swept(path: Path) -> None:
    options = replace(OPTIONS, contracts="changes")
    rows = rows_of(path / "in" / SALES)
    erp = adapter(drop(path), options)
    before = list(erp.pull_contracts(None))
    write_rows(path / "in" / "sales_20260401.csv", [{**rows[0], "数量": "7"}])
    after = list(erp.pull_contracts(before[-1].cursor))
    digests = {item.ref: item.raw.digest for item in before if item.raw}
    changed = [item.ref.key for item in after if item.raw and digests.get(item.ref) != item.raw.digest]
    assert changed == [f"{rows[0]['合同号']}/{rows[0]['行号']}"]
    assert {item.ref for item in after} == {item.ref for item in before if item.ref.kind == "sale_line"}
    assert not erp.capabilities.contracts_key_sweep
    with pytest.raises(RuleBroken):
        list(erp.pull_contracts(None, PullScope.KEYS))


def test_a_list_that_is_no_table_is_refused_with_its_name(path: Path) -> None:
    (path / "in" / SALES).write_bytes(b"<html><body>Please log in</body></html>")
    with pytest.raises(InvalidInput) as refused:
        list(adapter(drop(path)).pull_contracts(None))
    assert refused.value.source == SALES


def test_the_check_names_missing_columns(path: Path) -> None:
    rows = [{name: cell for name, cell in row.items() if name != "税率"} for row in rows_of(path / "in" / SALES)]
    write_rows(path / "in" / SALES, rows)
    step = next(step for step in adapter(drop(path)).check().steps if step.step == "list:sale_line")
    assert not step.ok and "税率" in str(step.finding)


# --- writing ---


def test_conformance_file_drop_E10_without_an_answer_the_outcome_is_unknown_and_the_file_named(path: Path) -> None:
    outcome = push(path, voucher())
    assert isinstance(outcome, OutcomeUnknown)
    assert isinstance(outcome.reached, PostingReceipt) and outcome.reached.number == out(path)[0]


def test_conformance_file_drop_E12_pushed_again_is_one_file_even_after_the_erp_took_it(path: Path) -> None:
    push(path, voucher())
    (file,) = out(path)
    push(path, voucher())
    assert out(path) == [file]
    (path / "out" / file).unlink()
    assert isinstance(push(path, voucher()), OutcomeUnknown)
    assert out(path) == []


def test_without_acknowledgements_the_file_is_the_receipt(path: Path) -> None:
    first, second = push(path, voucher(), SILENT), push(path, voucher(), SILENT)
    assert (first.number, first.stage) == (out(path)[0], Stage.SAVED)
    assert (second.number, second.external_id, second.found_by_lookup) == (first.number, first.external_id, True)


def test_conformance_file_drop_E11_the_answer_gives_number_and_stage(path: Path) -> None:
    one = voucher()
    push(path, one)
    answer(path, "ack_1.csv", (one.key, "已保存", "记-7", ""))
    assert push(path, one).number == "记-7"
    answer(path, "ack_2.csv", (one.key, "已过账", "记-7", ""))
    found = adapter(drop(path)).find_voucher(one.key)
    assert found is not None and (found.stage, found.total, found.posting_date) == (Stage.POSTED, one.total, DAY)


def test_an_answer_in_english_from_excel_is_read_too(path: Path) -> None:
    one = voucher()
    push(path, one)
    with xlsxwriter.Workbook(path / "ack" / "answer.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Reference", "Status", "Number", "Total"])
        sheet.write_row(1, 0, [one.key.lower(), "Posted", 4711, 70619.47])
    receipt = push(path, one)
    assert (receipt.number, receipt.stage, receipt.total) == ("4711", Stage.POSTED, one.total)


def test_a_sum_that_the_erp_booked_differently_is_told(path: Path) -> None:
    one = voucher()
    push(path, one)
    header = ("参考号", "状态", "凭证号", "记账日期", "借方合计")
    answer(path, "a.csv", (one.key, "已保存", "记-7", "2026-04-01", "70,619.48"), header=header)
    (found,) = adapter(drop(path)).find_vouchers([one.key])[one.key]
    assert (found.total, found.posting_date) == (Decimal("70619.48"), date(2026, 4, 1))


def test_conformance_file_drop_E15_the_words_of_a_refusal_arrive_unchanged_and_nothing_counts_as_booked(
    path: Path,
) -> None:
    one = voucher()
    push(path, one)
    answer(path, "a.csv", (one.key, "失败", "", "会计期间 2026-03 已结账"))
    outcome = push(path, one)
    assert isinstance(outcome, Rejected) and outcome.vendor_text == "会计期间 2026-03 已结账"
    assert adapter(drop(path)).find_vouchers([one.key]) == {}


def test_a_repeat_refused_by_the_import_does_not_undo_the_document(path: Path) -> None:
    one = voucher()
    push(path, one)
    answer(path, "a_1.csv", (one.key, "已保存", "记-7", ""))
    answer(path, "a_2.csv", (one.key, "失败", "", "已导入"))
    assert push(path, one).number == "记-7"


def test_conformance_file_drop_E13_two_documents_under_one_reference_are_a_conflict(path: Path) -> None:
    one = voucher()
    push(path, one)
    answer(path, "a.csv", (one.key, "已保存", "记-7", ""), (one.key, "已保存", "记-8", ""))
    assert isinstance(push(path, one), IdempotencyConflict)
    with pytest.raises(IdempotencyConflict):
        adapter(drop(path)).find_voucher(one.key)
    assert len(adapter(drop(path)).find_vouchers([one.key])[one.key]) == 2


def test_conformance_file_drop_E13_changed_content_is_a_conflict_and_the_file_stays(path: Path) -> None:
    push(path, voucher())
    before = (path / "out" / out(path)[0]).read_bytes()
    assert isinstance(push(path, voucher(amount="1.00")), IdempotencyConflict)
    assert (path / "out" / out(path)[0]).read_bytes() == before


def test_a_broken_answer_concerns_its_own_voucher_only(path: Path) -> None:
    one, other = voucher(1), voucher(2)
    push(path, one)
    push(path, other)
    answer(path, "a.csv", (one.key, "也许", "记-7", ""), (other.key, "已保存", "记-8", ""), ("X1", "?", "", ""))
    assert isinstance(push(path, one), ContractViolation)
    assert push(path, other).number == "记-8"
    step = adapter(drop(path)).check().steps[-1]
    assert not step.ok and "也许" in str(step.finding)


def test_an_unreadable_answer_file_is_named_and_the_others_count(path: Path) -> None:
    one = voucher()
    push(path, one)
    (path / "ack" / "bad.csv").write_bytes(b"PK\x03\x04 no workbook")
    answer(path, "good.csv", (one.key, "ok", "7", ""))
    assert push(path, one).number == "7"
    assert not adapter(drop(path)).check().steps[-1].ok


def test_conformance_file_drop_E12_a_crash_at_any_step_is_finished_and_never_doubled(path: Path) -> None:
    for number, step in enumerate(("stage", "keep_new", "publish"), 1):
        one, folder = voucher(number), drop(path)

        def crash(*_: Any, step: str = step) -> None:
            raise KeyboardInterrupt(step)

        setattr(folder, step, crash)
        with pytest.raises(KeyboardInterrupt):
            adapter(folder, SILENT).push_vouchers([one])
        assert not [name for name in out(path) if one.key in name]
        assert adapter(drop(path), SILENT).find_voucher(one.key) is None
        assert push(path, one, SILENT).stage is Stage.SAVED
        assert len([name for name in out(path) if one.key in name]) == 1


def test_a_crash_after_the_rename_is_found_not_written_again(path: Path) -> None:
    folder, one = drop(path), voucher()
    rename = folder.publish

    def publish_and_die(staged: str, name: str) -> None:
        rename(staged, name)
        os.unlink(path / "out" / name)  # the ERP was quick
        raise KeyboardInterrupt

    folder.publish = publish_and_die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        adapter(folder, SILENT).push_vouchers([one])
    receipt = push(path, one, SILENT)
    assert receipt.found_by_lookup and out(path) == []


def test_an_empty_mount_point_is_unreachable_and_not_a_folder_without_vouchers(path: Path, tmp_path: Path) -> None:
    push(path, voucher(), SILENT)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert isinstance(push(elsewhere, voucher(), SILENT), Unavailable)
    assert list(elsewhere.iterdir()) == []
    assert adapter(drop(elsewhere)).check().steps[0].step == "reach"


def test_a_share_that_fails_during_the_rename_leaves_the_outcome_unknown(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_file = os.replace

    def failing(source: Any, target: Any) -> None:
        if Path(target).parent.name == "out":
            raise OSError(5, "Input/output error")
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", failing)
    assert isinstance(push(path, voucher(), SILENT), OutcomeUnknown)
    monkeypatch.undo()
    assert isinstance(push(path, voucher(), SILENT), PostingReceipt)
    assert len(out(path)) == 1


def test_a_sub_folder_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (path / "out").rmdir()
    (tmp_path / "target").mkdir()
    (path / "out").symlink_to(tmp_path / "target")
    assert isinstance(push(path, voucher(), SILENT), Unavailable)
    assert os.listdir(tmp_path / "target") == []


@given(st.text(max_size=40))
def test_no_text_becomes_a_path(text: str) -> None:
    folder = DropFolder(Path("/nowhere/at/all"), now=lambda: 0.0)
    if not (text.isascii() and text.replace("-", "").replace("_", "").replace(".", "").isalnum()):
        with pytest.raises(ValueError):
            folder.stage(text, b"")
    if text[:2] != "HB":
        with pytest.raises(ValueError):
            note_name(text)


def test_the_voucher_file_is_exact_and_runs_nothing(path: Path) -> None:
    lines = voucher(amount="9007199254740.99").lines
    wild = replace(
        voucher(), lines=(replace(lines[0], summary="=HYPERLINK(1)"), replace(lines[1], summary=" @SUM(A1)"))
    )
    push(path, wild, SILENT)
    body = (path / "out" / out(path)[0]).read_bytes()
    assert body.startswith(b"\xef\xbb\xbf") and body.count(b"\r\n") == 3
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert [row["摘要"] for row in rows] == ["'=HYPERLINK(1)", "' @SUM(A1)"]
    assert [(row["借方金额"], row["贷方金额"]) for row in rows] == [
        ("9007199254740.99", "0.00"),
        ("0.00", "9007199254740.99"),
    ]
    assert {row["参考号"] for row in rows} == {wild.key}


@pytest.mark.parametrize("amount", ["0.01", "70619.47", "9007199254740.99", "12345678901234567.89"])
def test_a_workbook_keeps_every_digit_and_holds_no_formula(path: Path, amount: str) -> None:
    options = replace(SILENT, voucher_format="xlsx", headings="en")
    lines = voucher(amount=amount).lines
    push(path, replace(voucher(), lines=(replace(lines[0], summary="=1+1"), lines[1])), options)
    (name,) = out(path)
    grid = read_table(name, (path / "out" / name).read_bytes())
    first = dict(zip(grid.header, grid.rows[0].cells, strict=True))
    assert Decimal(str(first["debit"])) == Decimal(amount)
    assert first["summary"] == "=1+1"
    assert first["posting_date"] == "2026-03-31"


@given(st.decimals(min_value=Decimal("0.01"), max_value=Decimal("1e20"), places=2, allow_nan=False))
def test_any_amount_survives_both_formats(amount: Decimal) -> None:
    for kind in ("csv", "xlsx"):
        grid = read_table(kind, rendered([["a", "b"], ["x", amount]], kind))
        assert Decimal(str(grid.rows[0].cells[1])) == amount


def test_a_dimension_without_a_column_is_refused_before_anything_is_written(path: Path) -> None:
    one = sample_voucher(1, Decimal(1), DAY, debit="3101", credit="6101", dimensions=(("desk", "7"),))
    outcome = push(path, one)
    assert isinstance(outcome, Rejected) and "desk" in outcome.vendor_text
    assert out(path) == [] and os.listdir(path / "sent") == []


def test_a_hedge_note_lies_under_a_harmless_name_and_the_same_text_is_not_written_twice(path: Path) -> None:
    erp = adapter(drop(path))
    erp.push_hedges(LEG, [])
    (name,) = out(path)
    (path / "out" / name).unlink()
    erp.push_hedges(LEG, [])
    assert out(path) == []
    note = erp.find_hedges(LEG)
    assert note is not None and note.text == ""
    assert erp.find_hedges(ExternalRef("erp", "sale_line", "X/2")) is None
    kept = [one for one in os.listdir(path / "sent") if one.endswith(".json")]
    assert [json.loads((path / "sent" / one).read_bytes())["key"] for one in kept] == [LEG.key]


def test_the_example_files_of_the_documentation_are_what_is_read_and_written(path: Path) -> None:
    examples = Path("docs/connections/examples/files")
    for name in os.listdir(path / "in"):
        (path / "in" / name).write_bytes((examples / name).read_bytes())
    erp = adapter(drop(path))
    assert erp.check().ok
    assert all(isinstance(item.outcome, Mapped) for item in erp.pull_inventory(None))
    one = sample_voucher(
        1, Decimal("70619.47"), DAY, debit="3101", credit="6101", dimensions=(("broker_account", "80010001"),)
    )
    push(path, one)
    assert (path / "out" / out(path)[0]).read_bytes() == (examples / out(path)[0]).read_bytes()
    (path / "ack" / "ack_20260331_1.csv").write_bytes((examples / "ack_20260331_1.csv").read_bytes())
    assert push(path, one).number == "记-0107"
