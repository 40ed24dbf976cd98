"""How a stored file-drop connection becomes an adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adapters.erp.file_drop import SPEC_NAMES, FileDropAdapter, FileDropOptions
from adapters.erp.file_drop.vendor import CHANGES, LANGUAGES, WHOLE
from adapters.erp.file_drop.voucher_file import FORMATS
from connectors.drop_folder import DropFolder
from hedge_core.errors import InvalidInput
from hedge_core.ports.erp import ErpAdapter
from messages import Message

if TYPE_CHECKING:
    from worker.systems import Wiring

REQUIRED: Final = ("folder",)
_DEFAULTS: Final = FileDropOptions()


def build_file_drop(wiring: Wiring) -> ErpAdapter:
    """The adapter of a connection. Options: see `docs/connections/files.md`."""
    clock = wiring.clock
    path = Path(str(wiring.option("folder")))
    if not path.is_absolute():
        raise _refused(wiring, "folder", path, ("/srv/erp-files", "D:\\erp-files"))
    folder = DropFolder(
        path,
        now=lambda: clock.now().timestamp(),
        rest_seconds=float(wiring.option("rest_seconds", 10)),
        marker=str(wiring.option("marker", "")),
    )
    options = FileDropOptions(
        contracts=_choice(wiring, "contracts", _DEFAULTS.contracts, (WHOLE, CHANGES)),
        file_names=_lists(wiring, "file_names"),
        key_columns=_lists(wiring, "key_columns"),
        dimensions={str(name): str(heading) for name, heading in wiring.option("dimensions", {}).items()},
        headings=_choice(wiring, "headings", _DEFAULTS.headings, LANGUAGES),
        voucher_format=_choice(wiring, "voucher_format", _DEFAULTS.voucher_format, FORMATS),
        acknowledged=bool(wiring.option("acknowledged", _DEFAULTS.acknowledged)),
        settle_seconds=int(wiring.option("settle_seconds", _DEFAULTS.settle_seconds)),
    )
    return FileDropAdapter(wiring.connection.name, folder, wiring.specs, options, clock.now)


def _choice(wiring: Wiring, option: str, default: str, known: Sequence[str]) -> str:
    value = str(wiring.option(option, default))
    if value not in known:
        raise _refused(wiring, option, value, known)
    return value


def _lists(wiring: Wiring, option: str) -> Mapping[str, tuple[str, ...]]:
    """Kind of record -> one text or several."""
    given: Mapping[str, Any] = wiring.option(option, {})
    for kind in given:
        if kind not in SPEC_NAMES:
            raise _refused(wiring, option, kind, SPEC_NAMES)
    return {
        kind: (value,) if isinstance(value, str) else tuple(str(one) for one in value) for kind, value in given.items()
    }


def _refused(wiring: Wiring, option: str, value: object, known: Sequence[str]) -> InvalidInput:
    message = Message("file_drop.option", {"option": option, "value": value, "known": ", ".join(known)})
    return InvalidInput(wiring.connection.name, 0, option, message)
