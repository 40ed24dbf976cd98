"""Page after page of one list, and the guards against a list that changes while it is read.

A list ends when a page brings nothing new, never because a page was short: the system's own limit may be lower than ours.
Offsets overlap by one row: when that row is another one, rows were inserted or deleted meanwhile and later ones would have
slipped through (`ListMoved`: start again). Page numbers cannot overlap; who needs certainty reads such a list twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from connectors.json_pages.client import JsonClient
from connectors.json_pages.links import from_header, rebased
from connectors.json_pages.rows import identity, rows_at, value_at
from connectors.json_pages.source import PageStyle, Source
from hedge_core.errors import ContractViolation

MAX_PAGES: Final = 100_000


class ListMoved(Exception):
    """The list changed between two pages."""


@dataclass(frozen=True, slots=True)
class Page:
    """The rows that one call brought, without repeats. `after` is where a keyset goes on (empty in the other styles), `digest`
    names the bytes of the answer. Of a page that is known the rows are read only when they are asked for."""

    take: Callable[[], Sequence[bytes]]
    digest: str
    after: str = ""

    @property
    def rows(self) -> Sequence[bytes]:
        return self.take()


Known = Callable[[str], str | None]
"""Digest of an answer -> the `after` of that page if it is known, else None."""


def _nothing_known(digest: str) -> None:
    return None


def pages(
    client: JsonClient, source: Source, extra: Mapping[str, str], after: str = "", known: Known = _nothing_known
) -> Iterator[Page]:
    """The pages of a list, none of them empty. `extra`: parameters beside the source's own; `after`: where a keyset goes on.
    Raises ListMoved, and ContractViolation for an answer without rows or a list that never ends."""
    query = merged(source.query, extra)
    if source.limit_name:
        query = merged(query, {source.limit_name: str(source.page_rows)})
    if source.pages is PageStyle.ODATA_SKIP and "$orderby" not in query:
        query = merged(query, {"$orderby": ",".join(name.replace(".", "/") for name in source.row_id)})
    if source.pages is PageStyle.KEYSET:
        found = _by_key(client, source, query, after, known)
    else:
        found = _READERS[source.pages](client, source, query)
    for count, page in enumerate(found):
        if count >= MAX_PAGES:
            raise ContractViolation(source.path, f"more than {MAX_PAGES} pages", system=client.system)
        yield page


def merged(query: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """Both sets of parameters; two conditions for `$filter` must both hold."""
    both = {**query, **extra}
    if "$filter" in query and "$filter" in extra:
        both["$filter"] = f"({query['$filter']}) and ({extra['$filter']})"
    return both


def _rows(client: JsonClient, source: Source, body: bytes) -> list[bytes]:
    try:
        rows = rows_at(body, source.rows)
    except (msgspec.DecodeError, UnicodeDecodeError):
        rows = None
    if rows is None:
        where = source.rows or "the answer"
        raise ContractViolation(source.path, f"no list of rows at {where}", system=client.system)
    return rows


def _asked(client: JsonClient, source: Source, query: Mapping[str, str]) -> tuple[list[bytes], str]:
    body = client.get(source.path, list(query.items())).body
    return _rows(client, source, body), _digest(body)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _page(rows: list[bytes], digest: str, after: str = "") -> Page:
    return Page(lambda: rows, digest, after)


def _single(client: JsonClient, source: Source, query: dict[str, str]) -> Iterator[Page]:
    rows, digest = _asked(client, source, query)
    if rows:
        yield _page(rows, digest)


def _by_offset(client: JsonClient, source: Source, query: dict[str, str]) -> Iterator[Page]:
    taken, last = 0, ""
    while True:
        start = max(0, taken - 1)
        rows, digest = _asked(client, source, {**query, source.start_name: str(start)})
        if taken:
            if not rows or identity(rows[0], source.row_id) != last:
                raise ListMoved
            rows, digest = rows[1:], f"{digest}+1"
        if not rows:
            return
        yield _page(rows, digest)
        taken, last = taken + len(rows), identity(rows[-1], source.row_id)


def _by_page(client: JsonClient, source: Source, query: dict[str, str]) -> Iterator[Page]:
    number, before = source.first_page, frozenset[str]()
    while True:
        rows, digest = _asked(client, source, {**query, source.start_name: str(number)})
        known = frozenset(identity(row, source.row_id) for row in rows)
        if known <= before:  # nothing, or the last page once more
            return
        yield _page(rows, digest)
        number, before = number + 1, known


def _by_link(client: JsonClient, source: Source, query: dict[str, str]) -> Iterator[Page]:
    path, asked = source.path, list(query.items())
    seen: set[str] = set()
    while True:
        answer = client.get(path, asked)
        rows = _rows(client, source, answer.body)
        if rows:
            yield _page(rows, _digest(answer.body))
        link = value_at(answer.body, source.next) if source.next else from_header(answer.headers.get("link", ""))
        if not link:
            return
        if not isinstance(link, str) or link in seen:
            raise ContractViolation(source.path, "a next link that leads nowhere new", system=client.system)
        seen.add(link)
        path, asked = rebased(link, base_path=client.base_path, source_path=source.path, system=client.system)


def _by_key(client: JsonClient, source: Source, query: dict[str, str], after: str, known: Known) -> Iterator[Page]:
    while True:
        asked = merged(query, {source.start_name: _condition(source, after)}) if after else query
        body = client.get(source.path, list(asked.items())).body
        digest = _digest(body)
        key = known(digest)
        if key is None:
            rows = _rows(client, source, body)
            if not rows:
                return
            key, page = _key(client, source, rows[-1]), partial(list[bytes], rows)
        else:
            page = partial(_rows, client, source, body)
        if key == after:
            raise ContractViolation(
                source.path, f"asking beyond {source.key} brings the same rows", system=client.system
            )
        yield Page(page, digest, key)
        after = key


def _condition(source: Source, after: str) -> str:
    """The last key as the list wants it; inside quotation marks of a format, a quotation mark is doubled as OData says."""
    text = after.replace("'", "''") if "'{value}'" in source.key_format else after
    return source.key_format.replace("{value}", text)


def _key(client: JsonClient, source: Source, row: bytes) -> str:
    try:
        value = value_at(row, source.key)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = None
    if value is None or isinstance(value, dict | list | bool) or str(value) == "":
        raise ContractViolation(source.path, f"a row without {source.key}, by which it is paged", system=client.system)
    return str(value)


_READERS: Final[Mapping[PageStyle, Callable[[JsonClient, Source, dict[str, str]], Iterator[Page]]]] = {
    PageStyle.NONE: _single,
    PageStyle.OFFSET: _by_offset,
    PageStyle.ODATA_SKIP: _by_offset,
    PageStyle.PAGE: _by_page,
    PageStyle.NEXT_LINK: _by_link,
}
