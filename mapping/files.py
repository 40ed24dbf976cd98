"""Loading and writing specs: YAML, CSV and Excel, by format or by a file's ending."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

from hedge_core.errors import InvalidInput
from mapping.csv_file import read_csv, write_csv
from mapping.limits import FILE_BYTES
from mapping.spec import MappingSpec
from mapping.yaml_file import read_yaml, write_yaml
from messages import Message


class SpecFormat(StrEnum):
    """How a spec is written down. All three hold the same and convert into each other without loss."""

    YAML = "yaml"
    CSV = "csv"
    XLSX = "xlsx"


_ENDINGS: Final = {
    ".yaml": SpecFormat.YAML,
    ".yml": SpecFormat.YAML,
    ".csv": SpecFormat.CSV,
    ".xlsx": SpecFormat.XLSX,
}


def load_spec(source: Path | str | bytes, format: SpecFormat | str | None = None, name: str = "") -> MappingSpec:
    """A spec from a file's path or from its bytes. `format` may be left out for a path with a usual ending; `name` is
    what error sentences call the file (default: the path's name).

    InvalidInput with file, row, entry and remedy if it is not a spec; its formulas are not looked at here (`check_spec`).
    OSError if a path cannot be read; ValueError for bytes without a format."""
    if isinstance(source, bytes):
        if format is None:
            raise ValueError("bytes need a format")
        content, name = source, name or "spec"
    else:
        path = Path(source)
        name = name or path.name
        if format is None:
            format = _ENDINGS.get(path.suffix.lower())
            if format is None:
                raise InvalidInput(name, 0, "-", Message("mapping.file_format_unknown", {"name": name}))
        with path.open("rb") as file:
            content = file.read(FILE_BYTES + 1)
    if len(content) > FILE_BYTES:
        params = {"size": len(content), "limit": FILE_BYTES}
        raise InvalidInput(name, 0, "-", Message("mapping.file_too_large", params))
    return _READERS[SpecFormat(format)](content, name)


def dump_spec(spec: MappingSpec, format: SpecFormat | str) -> bytes:
    """A spec as the bytes of a file. Reading them gives an equal spec, provided `check_spec` found no error in it."""
    return _WRITERS[SpecFormat(format)](spec)


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = Message("mapping.file_not_utf8", {"offset": error.start})
        raise InvalidInput(name, 0, "-", reason) from None


def _read_workbook(content: bytes, name: str) -> MappingSpec:
    from mapping.workbook_file import read_workbook  # the spreadsheet libraries load only when one is used

    return read_workbook(content, name)


def _write_workbook(spec: MappingSpec) -> bytes:
    from mapping.workbook_file import write_workbook

    return write_workbook(spec)


_READERS: Final[dict[SpecFormat, Callable[[bytes, str], MappingSpec]]] = {
    SpecFormat.YAML: lambda content, name: read_yaml(_decoded(content, name), name),
    SpecFormat.CSV: lambda content, name: read_csv(_decoded(content, name), name),
    SpecFormat.XLSX: _read_workbook,
}
_WRITERS: Final[dict[SpecFormat, Callable[[MappingSpec], bytes]]] = {
    SpecFormat.YAML: lambda spec: write_yaml(spec).encode("utf-8"),
    SpecFormat.CSV: lambda spec: write_csv(spec).encode("utf-8-sig"),
    SpecFormat.XLSX: _write_workbook,
}
