"""Tables and JSON: nothing is lost on a narrow screen, figures line up, codes speak the reader's language."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest
from rich.cells import cell_len

from adapters.erp.sap.vendor import CONTRACT_SOURCES
from cli.screen import Screen, Word
from connectors.http.probe import Way
from hedge_core.model.futures import Direction
from hedge_core.model.vouchers import Stage, VoucherStatus
from hedge_core.ports.erp import Question
from hedge_core.ports.storage import OutboxState
from mapping import Severity
from messages import Message, all_texts
from worker.systems import packaged

CLI = Path(__file__).resolve().parents[2] / "cli"
Show = Callable[..., str]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Show:
    """What `rows` prints on a screen so many cells wide."""

    def shown(rows: list[dict[str, object]], width: int = 200, lang: str = "en", spare: tuple[str, ...] = ()) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        capsys.readouterr()
        Screen(lang).rows("vouchers", tuple(rows[0]) if rows else ("voucher",), rows, spare)
        return capsys.readouterr().out

    return shown


def test_a_column_of_quantities_has_as_few_places_as_hold_every_figure(show: Show) -> None:
    out = show([{"spot_exposure": Decimal("184.0000")}, {"spot_exposure": Decimal("-37.5")}])
    assert "│         184.0 │" in out
    assert "│         -37.5 │" in out


def test_money_keeps_its_two_places_and_zero_has_no_sign(show: Show) -> None:
    out = show([{"sum": Decimal("16200.00")}, {"sum": Decimal("-0.00")}])
    assert "16,200.00 │" in out
    assert " 0.00 │" in out


def test_a_figure_is_shown_exactly_however_long_it_is(show: Show) -> None:
    assert "1,234,567,890,123,456,789,012.123456789" in show([{"sum": Decimal("1234567890123456789012.123456789")}])


def test_a_narrow_screen_leaves_out_spare_columns_and_says_so(
    show: Show, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row: dict[str, object] = {"voucher": "v" * 30, "sum": Decimal("1.00"), "reference": "HB" * 10, "number": "n" * 20}
    assert "HBHB" in show([row], 120, spare=("number", "reference"))
    monkeypatch.setenv("COLUMNS", "70")
    Screen("en").rows("vouchers", tuple(row), [row], ("number", "reference"))
    out, err = capsys.readouterr()
    assert "HBHB" not in out
    assert "n" * 20 in out
    assert "Left out on this narrow screen: reference." in err


def test_what_does_not_fit_goes_on_in_a_second_table_that_names_its_rows(show: Show) -> None:
    rows: list[dict[str, object]] = [
        {"account": f"8001000{n}", "equity": Decimal("22589793.76"), "margin": Decimal("10174572.00"),
         "available": Decimal("12415221.76"), "risk_degree": "45.04 %"}
        for n in (1, 2)
    ]  # fmt: skip
    out = show(rows, 60)
    assert out.count("│ 80010001 │") == 2, "once in each part"
    assert all(figure in out for figure in ("22,589,793.76", "10,174,572.00", "12,415,221.76", "45.04 %"))
    assert max(cell_len(line) for line in out.splitlines()) <= 60
    assert show(rows, 100).count("│ 80010001 │") == 1
    alike = [{**row, "account": "1", "since": name} for row, name in zip(rows, ("a", "b"), strict=True)]
    alike = [{"account": row["account"], "since": row["since"], **row} for row in alike]
    assert show(alike, 60).count("│ a ") == 2, "where the first column says the same, the second stays too"


def test_a_spare_column_that_the_table_does_not_have_is_no_matter(show: Show) -> None:
    assert "1.00" in show(
        [{"voucher": "v" * 30, "sum": Decimal("1.00"), "reference": "r" * 30}], 50, spare=("number", "reference")
    )


def test_a_chinese_sentence_wraps_and_loses_no_character(show: Show) -> None:
    sentence = "请在值映射中补充该代码，或使用带默认值的函数，然后重新处理隔离区中的记录。" * 4
    out = show([{"voucher": "a", "reason": sentence}], 60, "zh")
    assert max(cell_len(line) for line in out.splitlines()) <= 60
    assert "".join(part.split("│")[2].strip() for part in out.splitlines() if part.startswith("│")) == sentence


def test_an_empty_list_is_a_sentence_on_standard_error_and_an_empty_json_list(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Screen("en").rows("vouchers", ("voucher",), [])
    assert capsys.readouterr() == ("", "Vouchers: nothing to show.\n")
    Screen("en", as_json=True).rows("vouchers", ("voucher",), [])
    assert capsys.readouterr() == ("[]\n", "")


def test_a_sentence_stays_on_one_line_so_that_a_log_can_be_searched(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    Screen("en").tell("a sentence of words " * 10)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_json_keeps_codes_and_exact_figures_while_tables_speak_the_readers_language(
    capsys: pytest.CaptureFixture[str], show: Show
) -> None:
    row: dict[str, object] = {
        "status": VoucherStatus.DELIVERED,
        "direction": Word("long"),
        "sum": Decimal("16200.10"),
        "since": datetime(2026, 3, 4, 8, tzinfo=UTC),
        "dimensions": {"broker_account": "80010001"},
        "finding": Message("cli.no_file"),
    }
    assert "已传入" in (out := show([row], lang="zh"))
    assert "│ 多" in out
    assert "broker_account=80010001" in out
    Screen("zh", as_json=True).rows("vouchers", tuple(row), [row])
    assert json.loads(capsys.readouterr().out) == [
        {
            "status": "delivered",
            "direction": "long",
            "sum": "16200.1",
            "since": "2026-03-04T08:00:00+00:00",
            "dimensions": {"broker_account": "80010001"},
            "finding": "文件不存在，请检查文件名和目录。",
        }
    ]


@pytest.mark.parametrize("codes", [VoucherStatus, Stage, OutboxState, Direction, Severity], ids=lambda e: e.__name__)
def test_every_code_a_table_shows_has_a_label(codes: type[StrEnum]) -> None:
    assert [code for code in codes if f"cli.word_{code.value}" not in all_texts()] == []


def steps_named_in_code() -> set[str]:
    """Every part of a step's name that stands in a call of `HealthStep` or `step`, or is handed to one by name."""
    names = {"company", "journal", "rights", "module", "funds", "confirmation", "hedge_flag", "hedge note"}
    names |= {str(one.value) for one in (*Question, *Way)} | set(CONTRACT_SOURCES)
    names |= {spec for system in packaged().values() for spec in system.spec_names}
    for path in (one for folder in ("adapters", "worker", "cli") for one in (CLI.parent / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="HealthStep" | "step"), args=[ast.Constant(str(name)), *_]):
                    names |= set(name.split(":"))
                case ast.Call(func=ast.Name(id="step"), args=[ast.JoinedStr([ast.Constant(str(name)), *_]), *_]):
                    names.add(name.rstrip(":"))
    return names


def test_every_step_of_a_check_has_a_name_in_both_languages() -> None:
    names = steps_named_in_code()
    assert len(names) > 40
    assert sorted(name for name in names if f"cli.word_{name.replace(' ', '_')}" not in all_texts()) == []


def named_in_calls() -> set[str]:
    """Catalogue names of every title and column written down in a call of `rows` or `record`."""
    names: set[str] = set()
    for path in CLI.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="rows" | "record"), args=[ast.Constant(title), columns, *_]):
                    names.add(f"cli.title_{title}")
                    parts = columns.keys if isinstance(columns, ast.Dict) else getattr(columns, "elts", [])
                    names |= {f"cli.column_{part.value}" for part in parts if isinstance(part, ast.Constant)}
                case ast.Assign(targets=[ast.Name(name)], value=ast.Tuple(elts)) if name.endswith("COLUMNS"):
                    names |= {f"cli.column_{part.value}" for part in elts if isinstance(part, ast.Constant)}
    return names


def test_every_heading_in_the_commands_has_a_text() -> None:
    names = named_in_calls()
    assert len(names) > 60
    assert names - set(all_texts()) == set()


def test_every_help_text_asked_for_is_there_and_every_one_is_asked_for() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in CLI.rglob("*.py"))
    asked = {f"help.{name}" for name in re.findall(r'help_text\("([a-z0-9_]+)"\)', source)}
    panels = {name for name in all_texts() if name.startswith("help.panel_")}
    assert asked | panels == {name for name in all_texts() if name.startswith("help.")}


def test_every_text_of_the_commands_is_said_somewhere() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (CLI.parent / "worker").rglob("*.py"))
    source += "".join(path.read_text(encoding="utf-8") for path in CLI.rglob("*.py"))
    built = (
        "cli.title_",
        "cli.column_",
        "cli.word_",
        "cli.pulling_",
        "cli.needs_",
        "cli.proposal_",
        "cli.job_",
        "cli.heading_",
    )
    own = [name for name in all_texts() if name.startswith("cli.") and not name.startswith(built)]
    assert [name for name in own if f'"{name}"' not in source] == []
