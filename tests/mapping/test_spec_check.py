"""The check of a whole spec: every finding at once, with its cell, and nothing found in a good one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mapping import (
    SCHEMAS,
    FieldType,
    Finding,
    MappingSpec,
    Row,
    Severity,
    SpecRefused,
    TargetField,
    TargetSchema,
    ValueMap,
    check_spec,
    compile_spec,
)
from messages import all_texts, say

SCHEMA = TargetSchema(
    "kind",
    (
        TargetField("code", FieldType.TEXT),
        TargetField("quantity", FieldType.DECIMAL, minimum=Decimal(0)),
        TargetField("status", FieldType.CHOICE, required=False, choices=("open", "closed")),
        TargetField("active", FieldType.BOOLEAN, required=False),
    ),
)
GOOD = MappingSpec("good", 1, "kind", "somewhere", (Row("code", "F1"), Row("quantity", "F2")))


def found(spec: MappingSpec) -> set[tuple[str, int, str, int, str]]:
    return {
        (
            finding.severity.value,
            finding.row,
            finding.column,
            finding.offset,
            finding.message.id.removeprefix("mapping."),
        )
        for finding in check_spec(spec, SCHEMA)
    }


def with_rows(*rows: Row, maps: tuple[ValueMap, ...] = ()) -> MappingSpec:
    return replace(GOOD, rows=(*GOOD.rows, *rows), value_maps=maps)


def test_a_good_spec_has_no_findings() -> None:
    assert check_spec(GOOD, SCHEMA) == []


def test_all_errors_are_told_at_once_each_with_its_cell() -> None:
    spec = MappingSpec(
        "bad name",
        0,
        "other",
        "",
        (
            Row("code", formula='IF(a, "x"'),
            Row("nowhere", "F"),
            Row("status", "F", "nomap"),
            Row("status", formula='ROUND("x", 1) + FOO(value)'),
            Row("active", formula="1 + 1"),
            Row("active", when="LEN(x)", default="TRUE"),
            Row("status"),
            Row("status", default="opne"),
        ),
    )
    assert found(spec) == {
        ("error", 0, "name", 0, "bad_name"),
        ("error", 0, "version", 0, "bad_version"),
        ("error", 0, "kind", 0, "wrong_target_kind"),
        ("error", 1, "formula", 3, "not_closed"),
        ("error", 2, "target", 0, "unknown_target"),
        ("error", 3, "value_map", 0, "unknown_value_map"),
        ("warning", 4, "target", 0, "never_reached"),
        ("error", 4, "formula", 7, "wrong_kind"),
        ("error", 4, "formula", 17, "unknown_function"),
        ("error", 4, "formula", 21, "value_without_source"),
        ("error", 5, "formula", 1, "unfit_for_type"),
        ("warning", 6, "target", 0, "never_reached"),
        ("error", 6, "when", 1, "needs_condition"),
        ("error", 7, "source", 0, "nothing_to_map"),
        ("warning", 7, "target", 0, "never_reached"),
        ("warning", 8, "target", 0, "never_reached"),
        ("error", 8, "default", 0, "not_a_choice"),
        ("error", 0, "target", 0, "required_unmapped"),
    }


def test_rows_after_one_that_always_applies_are_never_reached() -> None:
    rows = (Row("status", default="open", when="TRUE"), Row("status", default="closed"))
    assert found(with_rows(*rows)) == {("warning", 4, "target", 0, "never_reached")}


def test_a_condition_that_never_holds_is_told() -> None:
    assert found(with_rows(Row("status", default="open", when="FALSE"))) == {("warning", 3, "when", 0, "never_holds")}


def test_a_required_target_with_conditions_only_is_told() -> None:
    spec = replace(GOOD, rows=(Row("code", "F1", when="F2 > 1"), GOOD.rows[1]))
    assert found(spec) == {("warning", 0, "target", 0, "only_conditional")}


def test_value_maps_are_checked_for_use_results_and_codes() -> None:
    maps = (
        ValueMap("unused", (("A", "open"),)),
        ValueMap("status", (("A", "open"), ("B", "shut"), ("", "open"), ("A", "closed"))),
        ValueMap("status", (("C", "open"),)),
        ValueMap("empty", ()),
    )
    spec = with_rows(Row("status", "F", "status"), maps=(*maps[:2], maps[3]))
    assert found(spec) == {
        ("warning", 0, "value_maps", 0, "value_map_unused"),
        ("error", 3, "value_map", 0, "map_result_unfit"),
        ("error", 0, "value_maps", 0, "code_empty"),
        ("error", 0, "value_maps", 0, "code_twice"),
        ("error", 0, "value_maps", 0, "value_map_empty"),
    }
    assert ("error", 0, "value_maps", 0, "value_map_twice") in found(replace(spec, value_maps=maps))


def test_a_value_map_used_by_a_formula_is_used() -> None:
    spec = with_rows(Row("status", formula="LOOKUP(m, F)"), maps=(ValueMap("m", (("A", "open"),)),))
    assert found(spec) == set()


def test_a_source_the_formula_ignores_and_blanks_around_a_name_are_told() -> None:
    assert found(with_rows(Row("status", " F", formula='LEFT("open", 4)'))) == {
        ("warning", 3, "source", 0, "blanks_around"),
        ("warning", 3, "source", 0, "source_unused"),
    }


def test_defaults_keep_to_the_bound_of_their_field() -> None:
    spec = replace(GOOD, rows=(GOOD.rows[0], Row("quantity", "F", default="-1")))
    assert found(spec) == {("error", 2, "default", 0, "below_minimum")}


def test_control_characters_are_found_in_any_cell() -> None:
    spec = with_rows(Row("status", "F\0", formula="va\x01lue", when="T\ud800RUE"))
    assert {finding[2:] for finding in found(spec)} == {
        ("source", 2, "unusable_character"),
        ("formula", 3, "unusable_character"),
        ("when", 2, "unusable_character"),
    }


def test_too_many_rows_and_maps_are_refused_without_checking_them_all() -> None:
    rows = tuple(Row("code", "F") for _ in range(501))
    assert ("error", 0, "rows", 0, "too_many_rows") in found(replace(GOOD, rows=rows))
    maps = tuple(ValueMap(f"m{n}", (("A", "B"),)) for n in range(101))
    assert ("error", 0, "value_maps", 0, "too_many_value_maps") in found(replace(GOOD, value_maps=maps))


def test_every_finding_is_a_whole_sentence_in_both_languages() -> None:
    spec = MappingSpec("x y", 0, "other", "", (Row("nowhere", formula="ІF(TRUE, [, 1)"), Row("code", "F", "m")))
    for finding in check_spec(spec, SCHEMA):
        for language in ("en", "zh"):
            spoken = say(finding.sentence, language)
            assert finding.sentence.id in all_texts()
            assert finding.message.id in all_texts()
            assert "mapping." not in spoken
            assert "{" not in spoken


_CELLS = st.one_of(
    st.just(""),
    st.text(max_size=12),
    st.sampled_from(["F", "value", "value + 1", "TRUE", "LOOKUP(m, F)", "open", "1", "F > 1", "IF(F, 1", "empty"]),
)


@given(
    st.lists(
        st.builds(
            Row,
            st.sampled_from(["code", "quantity", "status", "active", "x"]),
            _CELLS,
            st.sampled_from(["", "m", "n"]),
            _CELLS,
            _CELLS,
            _CELLS,
        ),
        max_size=6,
    )
)
def test_a_spec_compiles_exactly_if_its_check_finds_no_error(rows: list[Row]) -> None:
    spec = MappingSpec("any", 1, "kind", "", tuple(rows), (ValueMap("m", (("A", "open"),)),))
    findings: list[Finding] = check_spec(spec, SCHEMA)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    try:
        compile_spec(spec, SCHEMA, "UTC")
    except SpecRefused as refusal:
        assert list(refusal.findings) == errors
    else:
        assert not errors


def test_the_kinds_a_mapping_can_make_name_the_fields_of_the_model() -> None:
    from dataclasses import fields

    from hedge_core.model.physical import ContractLine, InventoryLot

    for kind, model in (("contract_line", ContractLine), ("inventory_lot", InventoryLot)):
        mapped = [field.name for field in SCHEMAS[kind].fields]
        assert mapped == [field.name for field in fields(model) if field.name != "ref"]
    for kind in ("material", "partner", "account"):
        assert [field.name for field in SCHEMAS[kind].fields][:3] == ["code", "name", "active"]
