"""The ports for pages of records: pulled whole, kept in one go, recognised when they come again exactly as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from hedge_core.model.physical import ContractLine
from hedge_core.model.record_pages import KnownPage, PageToKeep, RecordPage
from hedge_core.model.records import Cursor, PullScope


@runtime_checkable
class PullsPages(Protocol):
    """Optional: contract lines a page at a time. Of a page whose token is in `known` (token -> told) nothing is read: it comes
    as a `KnownPage`. Otherwise as `ErpAdapter.pull_contracts`, which gives the same records one by one."""

    def pull_contract_pages(
        self, since: Cursor | None, scope: PullScope, known: Mapping[str, str]
    ) -> Iterator[RecordPage[ContractLine] | KnownPage[ContractLine]]: ...


class RecordPageStore(Protocol):
    """Pages of records of one book."""

    def known(self, connection: str) -> dict[str, str]:
        """token -> told of the pages that would say nothing new: every record in them is current as that page had it."""
        ...

    def unchanged(self, connection: str, tokens: Sequence[str]) -> dict[str, int]:
        """token -> number of records of those among the pages of which that still holds."""
        ...

    def keep(self, pages: Sequence[PageToKeep]) -> None:
        """Keep what is new of pages: raw bodies, versions, quarantine. No record twice in one call. To be called after
        `RecordStore.known` was asked for these keys in the same unit."""
        ...

    def remember(self, pages: Sequence[RecordPage[Any]]) -> None:
        """The pages with a token, whose records are all kept by now, are known from here on."""
        ...
