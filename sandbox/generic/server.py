"""The lists over HTTP: one path prefix per style of paging, every way to say who calls, faults by the common switchboard.

    /api/offset/LIST?offset&limit   {"code":0,"message":"","data":{"list":[…]}}, and errors inside a 200
    /api/page/LIST?page&per_page    {"items":[…]}
    /api/link/LIST?limit            {"results":[…],"next":"http://erp-internal:8080/…"}: the link names an inner machine
    /api/header/LIST?limit          […], the next link in the Link header
    /api/keys/LIST?after&limit      […], ids greater than `after`
    /odata/LIST?$skip&$top&$filter  {"value":[…]}; `id gt 5`, `updatedAt ge 2026-03-01T00:00:00Z`, joined by and
All take `updated_since` but OData. No page is longer than `most_rows`. Message texts are invented."""

from __future__ import annotations

import base64
import hmac
import re
import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qs, quote

from sandbox.faults import FAULTS, FaultKind, Switchboard
from sandbox.generic.books import LISTS, Books, Row
from sandbox.http_server import Answer, Request

GENERIC_FAULTS: dict[str, FaultKind] = {
    name: kind for name, kind in FAULTS.items() if not name.startswith("session_lost") and kind.stage != "after"
}
"""Nothing is written here and nobody logs in."""

INNER_HOST = "http://erp-internal:8080"
STYLES = ("offset", "page", "link", "header", "keys")
_CONDITION = re.compile(r"\(*\s*(id|updatedAt) (gt|ge) '?([^')]+)'?\s*\)*")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a call may show: a user's password, a bearer token or an API key in `X-API-Key`."""

    user: str
    password: str
    token: str
    api_key: str


class GenericSite:
    """One site. Call it with a request to get an answer."""

    def __init__(self, books: Books, credentials: Credentials, faults: Switchboard, most_rows: int = 100) -> None:
        self.books = books
        self.faults = faults
        self.requests: Counter[str] = Counter()
        self._credentials = credentials
        self._most_rows = most_rows

    def __call__(self, request: Request) -> Answer:
        """Answer one HTTP request."""
        self.requests[request.path] += 1
        fired = self.faults.hits(request.path, "read")
        time.sleep(sum(one.seconds for one in fired if one.stage == "delay"))
        hit = next((one for one in fired if one.stage != "delay"), None)
        if hit is not None and hit.stage == "instead":
            return _INSTEAD[hit.name]
        answer = self._answer(request)
        if hit is None:
            return answer
        damage = {"cut_connection": "cut", "stall": "stall"}[hit.name]
        return Answer(
            answer.body, answer.status, answer.content_type, answer.headers, damage=damage, stall_seconds=hit.seconds
        )

    def _answer(self, request: Request) -> Answer:
        if not self._known(request):
            return _json('{"message":"请先登录"}', 401)
        if request.method != "GET":
            return _json('{"message":"只读"}', 405)
        query = {name: values[-1] for name, values in parse_qs(request.query, keep_blank_values=True).items()}
        pieces = request.path.strip("/").split("/")
        if pieces[-1] == "salaries":
            return _json('{"code":40301,"message":"无权查看该清单","data":null}')
        if pieces[-1] not in LISTS:
            return _json('{"message":"没有该清单"}', 404)
        rows = self.books.rows(pieces[-1])
        if pieces[:-1] == ["odata"]:
            return self._odata(rows, query)
        if len(pieces) != 3 or pieces[0] != "api" or pieces[1] not in STYLES:
            return _json('{"message":"没有该地址"}', 404)
        if since := query.get("updated_since"):
            rows = [row for row in rows if row.updated >= since]
        return getattr(self, f"_{pieces[1]}")(rows, query, request.path)

    def _known(self, request: Request) -> bool:
        who = self._credentials
        basic = base64.b64encode(f"{who.user}:{who.password}".encode()).decode("ascii")
        shown = request.headers.get("authorization", "")
        key = request.headers.get("x-api-key", "")
        return any(
            hmac.compare_digest(shown.encode(), one.encode()) for one in (f"Basic {basic}", f"Bearer {who.token}")
        ) or (hmac.compare_digest(key.encode(), who.api_key.encode()))

    def _limit(self, query: dict[str, str], name: str) -> int:
        return max(1, min(int(query.get(name, self._most_rows)), self._most_rows))

    def _offset(self, rows: list[Row], query: dict[str, str], path: str) -> Answer:
        start = int(query.get("offset", 0))
        shown = rows[start : start + self._limit(query, "limit")]
        return _json(f'{{"code":0,"message":"","data":{{"list":{_array(shown)}}}}}')

    def _page(self, rows: list[Row], query: dict[str, str], path: str) -> Answer:
        size = self._limit(query, "per_page")
        start = (int(query.get("page", 1)) - 1) * size
        return _json(f'{{"items":{_array(rows[start : start + size])}}}')

    def _keys(self, rows: list[Row], query: dict[str, str], path: str) -> Answer:
        later = [row for row in rows if row.id > int(query.get("after", 0))]
        return _json(_array(later[: self._limit(query, "limit")]))

    def _link(self, rows: list[Row], query: dict[str, str], path: str) -> Answer:
        shown, link = self._linked(rows, query, path)
        return _json(f'{{"results":{_array(shown)},"next":{f"{chr(34)}{link}{chr(34)}" if link else "null"}}}')

    def _header(self, rows: list[Row], query: dict[str, str], path: str) -> Answer:
        shown, link = self._linked(rows, query, path)
        headers = (("Link", f'<{INNER_HOST}{path}>; rel="first", <{link}>; rel="next"'),) if link else ()
        return Answer(_array(shown).encode(), headers=headers)

    def _linked(self, rows: list[Row], query: dict[str, str], path: str) -> tuple[list[Row], str]:
        size = self._limit(query, "limit")
        later = [row for row in rows if row.id > int(query.get("token", 0))]
        since = query.get("updated_since", "")
        more = f"&updated_since={quote(since)}" if since else ""
        link = f"{INNER_HOST}{path}?limit={size}&token={later[size - 1].id}{more}" if len(later) > size else ""
        return later[:size], link

    def _odata(self, rows: list[Row], query: dict[str, str]) -> Answer:
        for condition in filter(None, query.get("$filter", "").split(" and ")):
            match = _CONDITION.fullmatch(condition.strip())
            if match is None:
                return _json('{"error":{"code":"400","message":"$filter 无法识别"}}', 400)
            name, _, text = match.groups()
            rows = [row for row in rows if (row.id > int(text) if name == "id" else row.updated >= text)]
        start, size = int(query.get("$skip", 0)), self._limit(query, "$top")
        return _json(f'{{"@odata.context":"$metadata","value":{_array(rows[start : start + size])}}}')


def _array(rows: list[Row]) -> str:
    return "[" + ",".join(row.body for row in rows) + "]"


def _json(text: str, status: int = 200) -> Answer:
    return Answer(text.encode("utf-8"), status)


def _html(status: int) -> Answer:
    return Answer(b"<html><body>Maintenance</body></html>", status, "text/html; charset=utf-8")


_INSTEAD = {
    "html_200": _html(200),
    "waf": _html(200),
    "error_500_before": _html(500),
    "too_frequent": Answer(b"", status=429, headers=(("Retry-After", "7"),)),
}
