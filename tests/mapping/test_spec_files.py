"""Specs on disk: YAML, CSV and Excel give back what was written; nothing runs as a formula; every refusal has its place."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hedge_core.errors import InvalidInput
from mapping import MappingSpec, Row, SpecFormat, ValueMap, dump_spec, load_spec
from messages import say

_CHARACTERS = st.characters(
    exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff", include_characters="\n\t"
)
_CELL = st.one_of(
    st.just(""),
    st.text(_CHARACTERS, max_size=12),
    st.sampled_from(
        ["=1+1", "+x", "-1", "@SUM(A1)", "'", "''=x", "\t=x", " x ", "001", "1E5", "NO", "~", "null", "0.10"]
    ),
    st.sampled_from(["2026-03-04", "a,b", 'say "x"', "[rows]", "_x0041_", "_x000D_", "&amp;", "<b>", "*x", "&x", "#"]),
    st.sampled_from(["{a: b}", "!!python", "[a]", "- x", "|", "%", "＝1"]),
)
_FILLED = _CELL.filter(bool)
_NAMES = st.from_regex(r"[a-z一-龥][a-z0-9_.\-]{0,10}", fullmatch=True)
_MAPS = st.dictionaries(_NAMES, st.dictionaries(_FILLED, _CELL, min_size=1, max_size=4), max_size=3)
SPECS = st.builds(
    lambda name, version, source, rows, maps: MappingSpec(
        name,
        version,
        "contract_line",
        source,
        tuple(rows),
        tuple(ValueMap(n, tuple(m.items())) for n, m in maps.items()),
    ),
    _NAMES,
    st.integers(1, 999),
    _CELL,
    st.lists(st.builds(Row, _NAMES, _CELL, _CELL, _CELL, _CELL, _CELL), max_size=4),
    _MAPS,
)


@pytest.mark.parametrize("format_", list(SpecFormat))
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(spec=SPECS)
def test_what_is_written_reads_back_equal_with_the_same_identity(format_: SpecFormat, spec: MappingSpec) -> None:
    content = dump_spec(spec, format_)
    again = load_spec(content, format_)
    assert again == spec
    assert again.identity == spec.identity
    assert dump_spec(again, format_) == content


@settings(max_examples=100, deadline=None)
@given(SPECS)
def test_no_csv_cell_can_run_in_a_spreadsheet(spec: MappingSpec) -> None:
    content = dump_spec(spec, "csv")
    assert content.startswith(b"\xef\xbb\xbf")
    for line in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "＝")) for cell in line)


def test_no_workbook_cell_is_a_formula() -> None:
    spec = MappingSpec("x", 1, "kind", "=cmd|' /C calc'!A0", (Row("t", "=1+1", formula="-a"),))
    with zipfile.ZipFile(io.BytesIO(dump_spec(spec, "xlsx"))) as parts:
        sheets = [parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/")]
    assert len(sheets) == 3
    assert not any(b"<f>" in sheet for sheet in sheets)


@pytest.mark.parametrize("name", ["kingdee_sale_order_line.yaml", "chinese_contracts.csv"])
@pytest.mark.parametrize("format_", list(SpecFormat))
def test_an_example_keeps_its_identity_in_every_format(
    specs: Path, tmp_path: Path, name: str, format_: SpecFormat
) -> None:
    spec = load_spec(specs / name)
    path = tmp_path / f"spec.{format_}"
    path.write_bytes(dump_spec(spec, format_))
    assert load_spec(path).identity == spec.identity


def test_yaml_scalars_stay_as_written() -> None:
    spec = load_spec(
        b"name: a\nversion: 1\nkind: k\nrows:\n- {target: t, default: 0.10}\n- {target: u, default: NO}\n"
        b"value_maps: {m: {001: 1e5, yes: 2026-03-04}}",
        "yaml",
    )
    assert [row.default for row in spec.rows] == ["0.10", "NO"]
    assert spec.value_maps == (ValueMap("m", (("001", "1e5"), ("yes", "2026-03-04"))),)


_HEAD = "name: a\nversion: 1\nkind: k\n"


@pytest.mark.parametrize(
    ("text", "row", "field", "message"),
    [
        ("", 0, "-", "entry_not_table"),
        ("just text", 0, "-", "entry_not_table"),
        ("name: a\n  b: c\n", 2, "-", "yaml_syntax"),
        ("name: [a", 1, "-", "yaml_syntax"),
        ("a: \x07", 0, "-", "yaml_syntax"),
        (_HEAD, 0, "rows", "entry_missing"),
        (_HEAD + "rows: none\n", 0, "rows", "entry_not_list"),
        (_HEAD + "rows:\n- {target: a}\n- {source: b}\n", 2, "target", "entry_missing"),
        (_HEAD + "rows:\n- {target: a, sorce: b}\n", 1, "sorce", "entry_unknown"),
        (_HEAD + "rows:\n- {target: [a]}\n", 1, "target", "entry_not_text"),
        (_HEAD + "rows: []\nextra: 1\n", 0, "extra", "entry_unknown"),
        ("name: a\nversion: one\nkind: k\nrows: []\n", 0, "version", "entry_not_whole"),
        ("name: a\nversion: 0\nkind: k\nrows: []\n", 0, "version", "entry_not_whole"),
        (_HEAD + "rows: []\nvalue_maps: {m: [a]}\n", 0, "value_maps.m", "entry_not_table"),
        (_HEAD + "rows: []\nname: b\n", 5, "name", "yaml_twice"),
        (_HEAD + "rows: []\nvalue_maps: {m: {A: 1, A: 2}}\n", 5, "A", "yaml_twice"),
        (_HEAD + "rows: &r []\n", 4, "-", "yaml_alias"),
        (_HEAD + "rows: []\nvalue_maps: *r\n", 5, "-", "yaml_alias"),
        ("[" * 5000, 1, "-", "yaml_too_deep"),
        ("? [a]\n: b\n", 1, "-", "yaml_too_deep"),
        (_HEAD + "rows:\n" + "- {target: a}\n" * 501, 0, "rows", "entry_wrong"),
        (_HEAD + f"rows:\n- {{target: a, source: {'x' * 5000}}}\n", 1, "source", "entry_wrong"),
        ("!!python/object/apply:os.system ['true']", 0, "-", "entry_not_table"),
    ],
)
def test_a_wrong_yaml_is_refused_with_place_and_remedy(text: str, row: int, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_spec(text.encode(), "yaml", name="spec.yaml")
    error = caught.value
    assert (error.source, error.row, error.field, error.reason.id) == ("spec.yaml", row, field, f"mapping.{message}")
    assert "mapping." not in say(error.message, "zh")


_CSV = (
    "[spec]\nentry,content\nname,a\nversion,1\nkind,k\n\n[rows]\ntarget,source,value_map,formula,default,when\n{}\n"
    "[value_maps]\nvalue_map,code,result\n{}"
)


@pytest.mark.parametrize(
    ("text", "row", "message"),
    [
        ("", 0, "table_section_missing"),
        ("name,a\n", 1, "table_outside_section"),
        ("[spec]\nname,a\n", 2, "table_header"),
        ("[spec]\nentry,content\nname,a\n", 0, "table_section_missing"),
        (_CSV.format("t,F,,,,,extra", ""), 9, "table_too_wide"),
        (_CSV.format("", "m,A,1\nm,A,2"), 13, "code_twice"),
        (_CSV.format('t,"F', ""), 11, "file_unreadable"),
        (_CSV.format("", "") + "\n[rows]\n", 13, "table_section_twice"),
        (_CSV.format("", "").replace("version,1", "name,b"), 4, "yaml_twice"),
        (_CSV.format("", "").replace("version,1", "version,x"), 0, "entry_not_whole"),
    ],
)
def test_a_wrong_csv_is_refused_with_its_line(text: str, row: int, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_spec(text.encode("utf-8-sig"), "csv")
    assert (caught.value.row, caught.value.reason.id) == (row, f"mapping.{message}")


def test_a_csv_saved_by_excel_with_padding_and_typed_apostrophes_reads() -> None:
    spec = load_spec(_CSV.format("t,F,,=a+1,,", "m,'A,1").replace("\n\n", "\n,,,,,\n").encode(), "csv")
    assert spec.rows == (Row("t", "F", formula="=a+1"),)
    assert spec.value_maps == (ValueMap("m", (("A", "1"),)),)


def test_a_csv_in_gbk_is_refused_in_one_sentence() -> None:
    with pytest.raises(InvalidInput) as caught:
        load_spec("[spec]\nentry,content\nname,合同".encode("gbk"), "csv")
    assert caught.value.reason.id == "mapping.file_not_utf8"


def _workbook(**sheets: list[list[object]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as workbook:
        for name, lines in sheets.items():
            sheet = workbook.add_worksheet(name)
            for number, cells in enumerate(lines):
                sheet.write_row(number, 0, cells)
    return out.getvalue()


_SHEETS: dict[str, list[list[object]]] = {
    "spec": [["entry", "content"], ["name", "a"], ["version", 1], ["kind", "k"]],
    "rows": [["target", "source", "value_map", "formula", "default", "when"], ["t", "", "", "", 0.13, True]],
    "value_maps": [["value_map", "code", "result"], ["m", 12, "x"]],
}


def test_numbers_that_a_person_typed_into_a_workbook_become_the_text_shown() -> None:
    spec = load_spec(_workbook(**_SHEETS), "xlsx")
    assert spec.rows == (Row("t", default="0.13", when="TRUE"),)
    assert spec.value_maps == (ValueMap("m", (("12", "x"),)),)


def test_a_number_too_long_for_a_sheet_is_refused_with_its_row() -> None:
    sheets = {**_SHEETS, "value_maps": [["value_map", "code", "result"], ["m", 1234567890123456, "x"]]}
    with pytest.raises(InvalidInput) as caught:
        load_spec(_workbook(**sheets), "xlsx")
    assert (caught.value.row, caught.value.reason.id) == (2, "mapping.cell_number_inexact")


def test_a_workbook_without_a_sheet_or_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        load_spec(_workbook(spec=_SHEETS["spec"]), "xlsx")
    assert caught.value.reason.id == "mapping.table_section_missing"
    for content in (b"", b"PK\x03\x04broken", b"name: a"):
        with pytest.raises(InvalidInput) as caught:
            load_spec(content, "xlsx")
        assert caught.value.reason.id == "mapping.file_unreadable"


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_are_a_spec_or_refused_as_input(content: bytes) -> None:
    for format_ in SpecFormat:
        try:
            load_spec(content, format_)
        except InvalidInput as error:
            assert say(error.message)


def test_the_ending_tells_the_format_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spec.txt"
    path.write_text("x")
    with pytest.raises(InvalidInput) as caught:
        load_spec(path)
    assert caught.value.reason.id == "mapping.file_format_unknown"
    with pytest.raises(ValueError, match="format"):
        load_spec(b"x")


def test_a_huge_file_is_refused_unread() -> None:
    with pytest.raises(InvalidInput) as caught:
        load_spec(b"#" * (8 * 1024 * 1024 + 1), "yaml")
    assert caught.value.reason.id == "mapping.file_too_large"
