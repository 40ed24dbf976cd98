"""A mapping spec: what a data steward edits. A table of rows, the value maps they use, and who it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from hedge_core.canonical import canonical_hash

ROW_COLUMNS: Final = ("target", "source", "value_map", "formula", "default", "when")
CANONICAL_FORM: Final = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table. An empty cell is empty text.

    `source` is read first, `value_map` translates it, `formula` computes from it (as `value`) and from any other field,
    `default` stands in when nothing came out, `when` decides whether the row applies at all. Of several rows for one
    `target`, the first whose `when` holds is taken.
    """

    target: str
    source: str = ""
    value_map: str = ""
    formula: str = ""
    default: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class ValueMap:
    """A named code translation (值映射): text to text. A code that maps to empty text gives an empty value."""

    name: str
    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MappingSpec:
    """A whole spec. Specs are immutable once live: any change is a new version with another digest.

    `kind` is the kind of record it makes (`contract_line`, …); `source` describes, for people, where records come from.
    """

    name: str
    version: int
    kind: str
    source: str
    rows: tuple[Row, ...]
    value_maps: tuple[ValueMap, ...] = field(default=())

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, over the canonical form. The order of rows counts, the order inside value maps does not."""
        return canonical_hash(
            {
                "form": CANONICAL_FORM,
                "name": self.name,
                "version": self.version,
                "kind": self.kind,
                "source": self.source,
                "rows": [{column: getattr(row, column) for column in ROW_COLUMNS} for row in self.rows],
                "value_maps": {value_map.name: dict(value_map.entries) for value_map in self.value_maps},
            }
        )

    @property
    def identity(self) -> str:
        """`name@` and the first 12 hex digits of the digest: stands beside every record the spec has made."""
        return f"{self.name}@{self.digest[:12]}"
