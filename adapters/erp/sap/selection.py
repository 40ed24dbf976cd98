"""What SAP is asked for: the columns a mapping reads as far as this system has them, and pages of documents by key range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from adapters.erp.records import Mapper
from adapters.erp.sap.vendor import SapOptions, Source
from connectors.sap import ODataClient, literal
from connectors.sap.odata import Entity
from hedge_core.errors import ContractViolation

_RECEIPT_FIELDS: Final = ("receipt.delivered", "receipt.returned")


class Selection:
    """What a source is asked for: the spec's fields, those the system does not have left out (then they are empty)."""

    def __init__(self, client: ODataClient, options: SapOptions, source: Source, spec_fields: Sequence[str]) -> None:
        known = client.fields(options.service(source.service))
        self.unknown: list[str] = []
        self.receipts = any(name in _RECEIPT_FIELDS for name in spec_fields)
        own_set = source.item_set if source.items else source.entity_set
        header = [source.key, *([source.stamp] if source.stamp else [])]
        header += self._known(known, source.entity_set, source, _with_prefix(spec_fields, "header."))
        own = self._known(known, own_set, source, [name for name in spec_fields if "." not in name])
        below = self._known(known, source.child_set, source, _with_prefix(spec_fields, f"{source.child_prefix}."))
        if not source.items:
            header += own
        path = f"{source.items}/" if source.items else ""
        select = [*header]
        self.keys_select = [*header[: 2 if source.stamp else 1]]
        expand: list[str] = []
        if source.items:
            expand.append(source.items)
            select += [path + name for name in (source.item_key, *own)]
            self.keys_select.append(path + source.item_key)
        self.keys_expand = tuple(expand)
        if source.children and below:
            if source.child_prefix == "text":
                below = ["Language", *below]
            expand.append(path + source.children)
            select += [f"{path}{source.children}/{name}" for name in below]
        self.select = tuple(dict.fromkeys(select))
        self.expand = tuple(expand)
        self.wire_names = {wire: name for name, wire in source.aliases.items()}

    def _known(
        self, known: Mapping[str, frozenset[str]], entity_set: str, source: Source, names: Sequence[str]
    ) -> list[str]:
        there = known.get(entity_set)
        wire = [source.wire(name) for name in names]
        if there is None:
            return wire
        self.unknown += [name for name in wire if name not in there]
        return [name for name in wire if name in there]


def _with_prefix(names: Sequence[str], prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in names if len(prefix) > 1 and name.startswith(prefix)]


class Reading:
    """What every reader needs; the metadata of a service is read once."""

    def __init__(self, client: ODataClient, connection: str, options: SapOptions, now: Callable[[], datetime]) -> None:
        self.client = client
        self.connection = connection
        self.options = options
        self.now = now
        self._selections: dict[str, Selection] = {}

    def selection(self, source: Source, mapper: Mapper[Any]) -> Selection:
        if source.name not in self._selections:
            self._selections[source.name] = Selection(self.client, self.options, source, mapper.spec.fields)
        return self._selections[source.name]

    def documents(
        self, source: Source, select: Sequence[str], expand: Sequence[str], conditions: Sequence[str], after: str
    ) -> list[Entity]:
        """The next page of a source after a key, in the order of its keys."""
        service = self.options.service(source.service)
        filters = [*conditions, *([f"{source.key} gt {literal(after, service.version)}"] if after else [])]
        page = self.client.page(
            service, source.entity_set, select=select, expand=expand, where=" and ".join(filters),
            order=source.key, top=self.options.page_rows,
        )  # fmt: skip
        for row in page.rows:
            if not isinstance(row.get(source.key), str) or (after and row[source.key] == after):
                raise ContractViolation(source.entity_set, f"a record without a new {source.key}")
        return page.rows

    def company_filter(self, source: Source) -> list[str]:
        value = {
            "CompanyCode": self.options.company_code,
            "SalesOrganization": self.options.sales_organisation,
            "ChartOfAccounts": self.options.chart_of_accounts,
        }.get(source.company_field, "")
        return [f"{source.company_field} eq {literal(value, 2)}"] if value else []


def all_rows(
    reading: Reading, *, service_name: str, entity_set: str, select: Sequence[str], where: str, order: str
) -> Iterator[Entity]:
    """Every row of a set without a single key to page by: next links where they are given, else by count of rows read."""
    service = reading.options.service(service_name)
    skip = 0
    while True:
        page = reading.client.page(
            service, entity_set, select=select, where=where, order=order, top=reading.options.page_rows, skip=skip
        )
        rows = page.rows
        while page.next_link:
            page = reading.client.next_page(service, page)
            rows = rows + page.rows
        yield from rows
        if not rows:
            return
        skip += len(rows)
