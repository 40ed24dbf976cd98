"""What `connection test` and `doctor` look at: each configured list, its rows, the fields that identify one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.erp.generic_json.read import JsonReader
from adapters.erp.generic_json.vendor import GenericJsonOptions
from adapters.erp.records import Mapper
from adapters.erp.row_keys import row_key
from connectors.json_pages import Source, flat_record
from hedge_core.errors import AuthFailed, PlatformError, Rejected, Unavailable
from hedge_core.ports.erp import Health, HealthStep
from messages import Message

_STEPS: Final[Mapping[type[PlatformError], str]] = {AuthFailed: "login", Unavailable: "reach"}


def run(reader: JsonReader, options: GenericJsonOptions, mappers: Mapping[str, Mapper[Any]]) -> Health:
    """One step per list; stops where the system is not reached or the login is refused."""
    steps: list[HealthStep] = []
    for kind, source in options.kinds.items():
        step = _list(reader, kind, source, mappers[kind])
        steps.append(step)
        if step.step in _STEPS.values():
            break
    return Health(tuple(steps))


def _list(reader: JsonReader, kind: str, source: Source, mapper: Mapper[Any]) -> HealthStep:
    name = f"list:{kind}"
    try:
        bodies = reader.first_rows(source)
        rows = [flat_record(body) for body in bodies]
    except Rejected as error:
        shown = {"path": source.path, "text": error.vendor_text, "code": error.vendor_code}
        return HealthStep(name, False, Message("generic_json.refused", shown))
    except PlatformError as error:
        return HealthStep(_STEPS.get(type(error), name), False, error.message)
    if not rows:
        return HealthStep(name, True, Message("generic_json.empty", {"path": source.path}))
    keyless = [name for name in source.id if all(row_key(row, [name]) is None for row in rows)]
    if keyless:
        shown = {"path": source.path, "fields": ", ".join(keyless)}
        return HealthStep(name, False, Message("generic_json.no_id", shown))
    seen = {name for row in rows for name in row}
    unseen = [name for name in mapper.spec.fields if name not in seen]
    found = {"path": source.path, "rows": len(rows), "fields": ", ".join(unseen) or "-"}
    return HealthStep(name, True, Message("generic_json.list_ok", found))
