"""The preview: what a spec makes of some records, field by field, with every error instead of only the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mapping.compiler import clock_for, compile_fields
from mapping.faults import Finding, RecordFailed, Severity
from mapping.schema import TargetSchema
from mapping.spec import MappingSpec
from mapping.spec_check import check_spec
from mapping.values import shown


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One record: what the spec reads of it (as shown to a person), the target fields that came out, and what failed."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, Any]
    errors: tuple[RecordFailed, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The table of a preview: its input and output columns, one row per record, and the findings of the spec's check.
    With an error among the findings there are no rows."""

    identity: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rows: tuple[PreviewRow, ...]
    findings: tuple[Finding, ...]


def preview(
    spec: MappingSpec, records: Iterable[Mapping[str, object]], schema: TargetSchema, zone: str, limit: int = 200
) -> Preview:
    """What the spec makes of the first `limit` records. Each target field is tried by itself, so that one bad field does
    not hide another. `zone` as for `compile_spec`."""
    findings = tuple(check_spec(spec, schema))
    outputs = tuple(field.name for field in schema.fields)
    if any(finding.severity is Severity.ERROR for finding in findings):
        return Preview(spec.identity, (), outputs, (), findings)
    clock = clock_for(zone)
    inputs = compile_fields(spec, schema.fields, clock).fields
    single = [compile_fields(spec, (field,), clock) for field in schema.fields]
    rows = []
    for record in islice(records, limit):
        values: dict[str, Any] = {}
        errors = []
        for field in single:
            try:
                values.update(field(record))
            except RecordFailed as error:
                errors.append(error)
        shown_inputs = {name: shown(record.get(name)) for name in inputs}
        rows.append(PreviewRow(shown_inputs, values, tuple(errors)))
    return Preview(spec.identity, inputs, outputs, tuple(rows), findings)
