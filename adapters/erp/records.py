"""From a mapped row to a checked domain record: what every ERP adapter does after its mapping spec has run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Generic, Protocol, TypeVar

from hedge_core.errors import MappingError
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import (
    ContractLine,
    InventoryLot,
    LineStatus,
    LotKind,
    Master,
    MasterKind,
    PricingKind,
    Side,
)
from hedge_core.model.records import Mapped, Quarantined
from hedge_core.record_checks import Problem, check_contract_line, check_inventory_lot
from mapping import RecordFailed

T = TypeVar("T")


class Spec(Protocol):
    """A compiled mapping spec: a callable with an identity, which names the source fields it reads."""

    @property
    def identity(self) -> str: ...
    @property
    def fields(self) -> tuple[str, ...]: ...
    def __call__(self, record: Mapping[str, object], /) -> dict[str, Any]: ...


Build = Callable[[ExternalRef, dict[str, Any]], T]


_ZERO: Final = Decimal(0)
_NONE_UNLESS_SAID: Final = ("closed_rest", "tolerance")
_SIDES: Final = {side.value: side for side in Side}
_STATUSES: Final = {status.value: status for status in LineStatus}
_PRICINGS: Final = {pricing.value: pricing for pricing in PricingKind}


def contract_line(ref: ExternalRef, values: dict[str, Any]) -> ContractLine:
    """A contract line from its mapped values, which are changed: choices become enums."""
    values["side"] = _SIDES[values["side"]]
    values["status"] = _STATUSES[values["status"]]
    values["pricing"] = _PRICINGS[values["pricing"]]
    for name in _NONE_UNLESS_SAID:
        if values[name] is None:
            values[name] = _ZERO
    return ContractLine(ref, **values)


def inventory_lot(ref: ExternalRef, values: Mapping[str, Any]) -> InventoryLot:
    """An inventory lot from its mapped values."""
    texts = {name: values[name] or "" for name in ("lot_no", "owner", "holder", "transit_line")}
    return InventoryLot(ref=ref, **{**values, **texts, "kind": LotKind(values["kind"])})


def master_builder(kind: MasterKind) -> Build[Master]:
    """A builder of masters: `code`, `name`, `active`, everything else kept as an attribute."""

    def build(ref: ExternalRef, values: Mapping[str, Any]) -> Master:
        own = ("code", "name", "active")
        attributes = tuple(sorted((k, str(v)) for k, v in values.items() if k not in own and v is not None))
        return Master(ref, kind, values["code"], values["name"], values["active"], attributes)

    return build


CHECKS: Mapping[type, Callable[[Any], Problem | None]] = {
    ContractLine: check_contract_line,
    InventoryLot: check_inventory_lot,
}


class Mapper(Generic[T]):
    """One spec with the builder of its target: row in, `Mapped` or `Quarantined` out, never an exception."""

    def __init__(self, spec: Spec, build: Build[T]) -> None:
        self.spec = spec
        self._build = build

    def read(self, ref: ExternalRef, row: Mapping[str, object]) -> Mapped[T] | Quarantined:
        """Map one row. A row that breaks a rule of the domain is quarantined like one that cannot be mapped."""
        try:
            values = self.spec(row)
        except MappingError as error:
            return self._failed(error)
        return self._made(ref, values)

    def read_all(
        self, refs: Iterable[ExternalRef], rows: Sequence[Mapping[str, object]]
    ) -> list[Mapped[T] | Quarantined]:
        """As `read`, for each of the rows."""
        each = getattr(self.spec, "each", None)
        if each is None:
            return [self.read(ref, row) for ref, row in zip(refs, rows, strict=True)]
        made, failed = self._made, self._failed
        return [
            made(ref, values) if values.__class__ is dict else failed(values)
            for ref, values in zip(refs, each(rows), strict=True)
        ]

    def _failed(self, error: MappingError) -> Quarantined:
        value = error.value if isinstance(error, RecordFailed) else ""
        return Quarantined(self.spec.identity, error.rule, error.column, error.reason, value)

    def _made(self, ref: ExternalRef, values: dict[str, Any]) -> Mapped[T] | Quarantined:
        item = self._build(ref, values)
        check = CHECKS.get(type(item))
        problem = check(item) if check else None
        if problem is not None:
            field, reason = problem
            return Quarantined(self.spec.identity, "check", field, reason, str(getattr(item, field, "")))
        return Mapped(item, self.spec.identity)
