"""What can be said about a list without code: where it is, how it is paged, where the rows stand, what identifies one.

Field names may be dotted (`material.code`); a name that itself has a dot (`@odata.nextLink`) is found as it is written.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec


class PageStyle(StrEnum):
    """How the rest of a list is asked for."""

    NONE = "none"
    OFFSET = "offset"
    PAGE = "page"
    NEXT_LINK = "next_link"
    ODATA_SKIP = "odata_skip"
    KEYSET = "keyset"


class Auth(StrEnum):
    """How a call says who it is."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"
    API_KEY = "api_key"


USUAL_PARAMETERS: Final = {
    PageStyle.NONE: ("", ""),
    PageStyle.OFFSET: ("offset", "limit"),
    PageStyle.PAGE: ("page", "per_page"),
    PageStyle.NEXT_LINK: ("", "limit"),
    PageStyle.ODATA_SKIP: ("$skip", "$top"),
    PageStyle.KEYSET: ("after", "limit"),
}
"""Style -> names of the parameters for the start and for the number of rows, where the source names none."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One list.

    `path`: below the connection's address. `rows`: where the array stands in the answer (empty: the answer is the array).
    `id`: the fields that identify a record for good. `lines`: an array inside each row, if each of its elements is a record
    of its own; its fields are then named `<lines>.<field>`. `query`: parameters of every call, `open_query` those added when
    only open lines are read again.

    Paging: `start_param`, `limit_param` (usual ones by style), `page_rows`, `first_page` (style page), `next` (style
    next_link: where the link stands; empty: in the Link header), `key` and `key_format` (style keyset: the field to go on
    from, and how its value is written, such as `Id gt '{value}'` with `start_param` `$filter`).

    Changes: `modified` is the field with the time of the last change, `since_param` the parameter that asks for later ones,
    `since_format` how the time is written. Without both, the whole list is read each time."""

    path: str
    id: tuple[str, ...]
    rows: str = ""
    lines: str = ""
    query: dict[str, str] = {}
    open_query: dict[str, str] = {}
    pages: PageStyle = PageStyle.NONE
    page_rows: int = 500
    start_param: str = ""
    limit_param: str = ""
    first_page: int = 1
    next: str = ""
    key: str = ""
    key_format: str = "{value}"
    modified: str = ""
    since_param: str = ""
    since_format: str = "{value}"

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("`id` names at least one field")
        if self.page_rows < 2:
            raise ValueError("`page_rows` is at least 2")
        if self.pages is PageStyle.KEYSET and not self.key:
            raise ValueError("pages = keyset needs `key`")
        if ".." in self.path.split("/") or "://" in self.path or "?" in self.path:
            raise ValueError("`path` is a plain path below the connection's address; parameters stand in `query`")

    @property
    def start_name(self) -> str:
        return self.start_param or USUAL_PARAMETERS[self.pages][0]

    @property
    def limit_name(self) -> str:
        return self.limit_param or USUAL_PARAMETERS[self.pages][1]

    @property
    def row_id(self) -> tuple[str, ...]:
        """The fields of `id` that stand in the row itself, not in one of its lines."""
        return tuple(name for name in self.id if not self.lines or not name.startswith(self.lines + "."))

    @property
    def tells_changes(self) -> bool:
        """Whether the list can be asked for what changed."""
        return bool(self.modified and self.since_param)


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How this system says no inside an answer with status 200: a code that is not one of `ok_codes`, and where its words are."""

    code: str = ""
    ok_codes: tuple[str, ...] = ("0", "200")
    text: str = "message"
