"""Specs as YAML: read with every scalar as text, no anchors, no repeated keys; written so that it reads back the same."""

from __future__ import annotations

from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from hedge_core.errors import InvalidInput
from mapping.file_model import entries_of_spec, spec_from_entries
from mapping.spec import MappingSpec
from messages import Message

_DEPTH: Final = 8


class _Loader(yaml.BaseLoader):
    """PyYAML's loader that resolves nothing (`NO` stays `NO`, `0.10` keeps its zero), with three doors closed: aliases
    (a small file that unfolds into a huge one), repeated keys (the earlier one would vanish) and deep nesting."""

    source: str
    _nested = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise InvalidInput(self.source, line, "-", Message("mapping.yaml_alias", {"line": line}))
        self._nested += 1
        if self._nested > _DEPTH:
            raise InvalidInput(self.source, line, "-", Message("mapping.yaml_too_deep", {"line": line}))
        node: Node | None = super().compose_node(parent, index)
        self._nested -= 1
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise InvalidInput(self.source, line, "-", Message("mapping.yaml_too_deep", {"line": line}))
            if key.value in seen:
                params = {"key": key.value, "line": line}
                raise InvalidInput(self.source, line, key.value, Message("mapping.yaml_twice", params))
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_yaml(text: str, source: str) -> MappingSpec:
    """A spec from YAML text. InvalidInput: with the line for what is not YAML, with row and entry for what is no spec."""
    try:
        loader = _Loader(text)
        loader.source = source
        try:
            entries = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        params = {"line": line, "column": column, "detail": error.problem or error.context or ""}
        raise InvalidInput(source, line, "-", Message("mapping.yaml_syntax", params)) from None
    except yaml.YAMLError as error:
        params = {"line": 0, "column": 0, "detail": str(error).splitlines()[0]}
        raise InvalidInput(source, 0, "-", Message("mapping.yaml_syntax", params)) from None
    return spec_from_entries(entries, source)


def write_yaml(spec: MappingSpec) -> str:
    """A spec as YAML, in the order of its rows and entries."""
    entries = entries_of_spec(spec)
    return str(yaml.safe_dump(entries, allow_unicode=True, sort_keys=False, width=120, default_flow_style=False))
