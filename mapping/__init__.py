"""The mapping layer: specs that data stewards edit, and the closed formula language in them, compiled to one function.

    spec = load_spec(path)                               # YAML, CSV or Excel -> MappingSpec; InvalidInput if it is none
    findings = check_spec(spec, SCHEMAS["contract_line"])   # everything wrong or suspicious, with cell and remedy
    run = compile_spec(spec, SCHEMAS["contract_line"], "Asia/Shanghai")
    run.fields                                           # what to ask the ERP for
    run(record)                                          # dict of typed target fields, or MappingError: quarantine it
    run.identity                                         # name@digest, stored with whatever it made
    preview(spec, records, schema, zone)                 # the same as a table, with all errors
    dump_spec(spec, "xlsx")                              # bytes that load_spec reads back as an equal spec

The language (more in `kinds`, `tokens`, `values` and `conversion`, where each rule is kept):

* A row goes source -> value_map -> formula (which sees the result so far as `value`) -> default -> type of the target. The
  default is taken when the source is empty, and when the formula gave nothing. Several rows may share a target: the first
  whose `when` is TRUE is taken; `when` may use every field, but not `value`.
* Values are number (exact Decimal, 34 digits, |x| below 1E19 and not nearer to zero than 1E-18), text (4,096 characters
  after every step), TRUE/FALSE, date, date-time, and empty: an absent field, null and "" are the same. Empty in, empty out;
  exceptions in `kinds`. Two kinds never meet unasked: NUMBER, TEXT and DATE convert, anything else is an error.
* IF, AND, OR, COALESCE and LOOKUP's default evaluate only what they need. LOOKUP(map, key[, default]): without a default an
  unknown code is an error.
* A formula has at most 500 characters, 80 parts and 16 levels; it has no loops, so a record takes at most
  `CompiledSpec.max_steps` steps.
"""

from mapping.compiler import CompiledSpec, compile_spec
from mapping.faults import Finding, FormulaError, RecordFailed, Severity, SpecRefused
from mapping.files import SpecFormat, dump_spec, load_spec
from mapping.listing import WorkCounter
from mapping.preview_table import Preview, PreviewRow, preview
from mapping.schema import FieldType, TargetField, TargetSchema
from mapping.spec import MappingSpec, Row, ValueMap
from mapping.spec_check import check_spec
from mapping.targets import SCHEMAS

__all__ = [
    "SCHEMAS",
    "CompiledSpec",
    "FieldType",
    "Finding",
    "FormulaError",
    "MappingSpec",
    "Preview",
    "PreviewRow",
    "RecordFailed",
    "Row",
    "Severity",
    "SpecFormat",
    "SpecRefused",
    "TargetField",
    "TargetSchema",
    "ValueMap",
    "WorkCounter",
    "check_spec",
    "compile_spec",
    "dump_spec",
    "load_spec",
    "preview",
]
