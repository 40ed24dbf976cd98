"""The grammar of a CTP settlement statement: header lines, blocks of funds, and tables keyed by their English labels.

    broker / Creation Date / title (盯市 or 逐笔) / client / date or range / notice, any text
    资金状况 Account Summary ... CNY     label：value pairs, two to a line          } one block per
    成交记录 Transaction Record          dashes, Chinese and English header, dashes, } account and
                                         rows, dashes, |共 n条| total row, dashes    } currency

Columns are found by the header's words, never by position. Everything stays text here; the line number of each piece goes
with it so that a wrong figure can be named. A statement is read whole or refused with `InvalidInput`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from connectors.ctp_settlement.decode import decode_statement
from hedge_core.errors import InvalidInput
from messages import Message

MAX_LINE: Final = 16_384
"""Characters in a line; the widest known table needs about 300, a notice may be one long line."""

MAX_BLOCKS: Final = 200
"""Accounts and currencies in one file; the most a client is known to have is a handful."""

_SECTIONS: Final = (
    "出入金明细",
    "成交记录",
    "行权明细",
    "交割明细",
    "平仓明细",
    "持仓明细",
    "持仓汇总",
)
"""Titles after which a table must follow: without one the file was cut there."""

_DASHES = re.compile(r"[-─—－_=]{5,}")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_COLONS = re.compile(r"[：:]+")
_COUNT = re.compile(r"共\s*([0-9]{1,9})\s*条")
_TITLE = re.compile(r"交易(?:结算|核算)单\s*[(（]\s*(盯市|逐笔)[^)）]{0,20}[)）]")
_DATE_LINE = re.compile(r"^日\s*期\s*Date\s*[：:]+\s*(.*)$")
_CREATED = re.compile(r"Creation Date\s*[：:]+\s*(\S*)")
_FUNDS = re.compile(r"^资金状况(?=\s|$)")
_ACCOUNT = re.compile(r"AccountID\s*[：:]+\s*([^\s：:]+)")
_CURRENCY = re.compile(r"Currency\s*[：:]+\s*([A-Za-z]{3})\b")


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of the funds block as printed, with the line it stands on."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One table row: cell text by English label (blanks around the text are gone)."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """One section. `labels` gives the Chinese label of each English one, in column order. `total` has only the cells that
    the total row fills; the number of rows it claims has been checked."""

    title: str
    line: int
    labels: dict[str, str]
    rows: tuple[Row, ...]
    total: Row


@dataclass(slots=True)
class Block:
    """The funds of one account and currency, and the tables that follow before the next block. `figures` is keyed by the
    English label; `account` and `currency` are empty where the block's title does not give them."""

    line: int
    account: str
    currency: str
    figures: dict[str, Figure] = field(default_factory=dict)
    tables: list[Table] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StatementText:
    """A whole statement file. `view` is 盯市 or 逐笔 as printed; `created` and `period` are the printed dates."""

    broker: str
    view: str
    created: Figure
    client_id: Figure
    client_name: str
    period: Figure
    notice: str
    blocks: tuple[Block, ...]


def parse_statement(source: str, body: bytes) -> StatementText:
    """The pieces of a statement file. Raises `InvalidInput` naming line and field for a file that is not one, is cut,
    has a table that does not close or a total row that counts other rows than there are. One pass over the lines."""
    text = decode_statement(source, body)
    if not text.endswith("\n"):
        last = text.rpartition("\n")[2].strip()
        if last and not _DASHES.fullmatch(last) and _COLONS.search(last):
            raise InvalidInput(source, text.count("\n") + 1, "file", Message("statement.cut_in_line"))
    return _Reader(source, text).read()


class _Reader:
    """One pass over the lines of one file."""

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.lines = [line.strip(" \t\r\x00\ufeff\u3000\f") for line in text.split("\n")]
        for number, line in enumerate(self.lines, 1):
            if len(line) > MAX_LINE:
                raise self.refused(number, "file", "statement.line_too_long", limit=MAX_LINE)

    def read(self) -> StatementText:
        first_block = next((at for at, line in enumerate(self.lines) if _FUNDS.match(line)), None)
        if first_block is None:
            raise self.refused(len(self.lines), "资金状况 Account Summary", "statement.section_missing")
        head = self.lines[:first_block]
        title, view = self._required(head, _TITLE, "交易结算单 Settlement Statement")
        created_at, created = self._optional(head, _CREATED)
        client_at = self._line_with(head, "Client ID")
        client, _, name = head[client_at - 1].partition("Client ID")[2].partition("Client Name")
        period_at, period = self._required(head, _DATE_LINE, "日期 Date")
        first_line = next((line for line in head if line), "")
        broker = "" if _CREATED.search(first_line) or _TITLE.search(first_line) else first_line
        notice_from = max(title, client_at, period_at)
        notice = "\n".join(line for line in head[notice_from:] if line and not _DASHES.fullmatch(line))
        return StatementText(
            broker=broker,
            view=view[1],
            created=Figure(created_at, created[1] if created else ""),
            client_id=Figure(client_at, _CHINESE.split(client, maxsplit=1)[0].strip(" ：:")),
            client_name=name.strip(" ：:"),
            period=Figure(period_at, period[1].strip()),
            notice=notice,
            blocks=tuple(self._blocks(first_block)),
        )

    def _optional(self, head: list[str], pattern: re.Pattern[str]) -> tuple[int, re.Match[str] | None]:
        for number, line in enumerate(head, 1):
            if match := pattern.search(line):
                return number, match
        return 0, None

    def _required(self, head: list[str], pattern: re.Pattern[str], label: str) -> tuple[int, re.Match[str]]:
        number, match = self._optional(head, pattern)
        if match is None:
            raise self.refused(0, label, "statement.label_missing")
        return number, match

    def _line_with(self, head: list[str], label: str) -> int:
        number = next((number for number, line in enumerate(head, 1) if label in line), 0)
        if not number:
            raise self.refused(0, label, "statement.label_missing")
        return number

    def _blocks(self, start: int) -> Iterator[Block]:
        block = self._new_block(start)
        title_at, table_due, blocks = start, False, 1
        for at in self._rest(start + 1):
            line = self.lines[at]
            if line.startswith("|"):
                table, self.done = self._table(title_at, at)
                block.tables.append(table)
                table_due = False
                continue
            if not line or _DASHES.fullmatch(line):
                continue
            if table_due:
                break
            title_at = at
            table_due = line.replace(" ", "").startswith(_SECTIONS)
            if _FUNDS.match(line):
                yield block
                block = self._new_block(at)
                blocks += 1
                if blocks > MAX_BLOCKS:
                    raise self.refused(
                        at + 1, "资金状况 Account Summary", "statement.too_many_blocks", limit=MAX_BLOCKS
                    )
            elif not block.tables:
                self._figures(block, at)
        if table_due:
            raise self.refused(title_at + 1, english_of(self.lines[title_at]), "statement.table_cut")
        yield block

    def _rest(self, at: int) -> Iterator[int]:
        """Line indexes from `at` on, leaving out what a table has consumed."""
        self.done = at - 1
        while at < len(self.lines):
            yield at
            at = max(at, self.done) + 1

    def _new_block(self, at: int) -> Block:
        account, currency = _ACCOUNT.search(self.lines[at]), _CURRENCY.search(self.lines[at])
        return Block(at + 1, account[1] if account else "", currency[1].upper() if currency else "")

    def _figures(self, block: Block, at: int) -> None:
        """Label：value pairs of one line. The next label follows a value after blanks; values hold no blanks."""
        parts = _COLONS.split(self.lines[at])
        label = parts[0]
        for part in parts[1:]:
            value, _, following = part.strip().partition(" ")
            name = english_of(label)
            if name[:1].isalpha():
                known = block.figures.setdefault(name, Figure(at + 1, value))
                if known.text != value:
                    raise self.refused(at + 1, name, "statement.label_twice", first=known.line)
            label = following

    def _table(self, title_at: int, at: int) -> tuple[Table, int]:
        """The table whose Chinese header stands at `at`; returns it with the index of its closing dashes."""
        title = english_of(self.lines[title_at]).partition(" AccountID")[0] or self.lines[title_at]
        chinese, english = self._cells(at, title), self._cells(at + 1, title)
        if len(chinese) != len(english) or not _DASHES.fullmatch(self._line(at + 2, title)):
            raise self.refused(at + 1, title, "statement.header_unclear")
        labels: dict[str, str] = {}
        for cn, en in zip(chinese, english, strict=True):
            name = en or cn
            if name in labels:
                raise self.refused(at + 2, name, "statement.column_twice", section=title)
            labels[name] = cn
        names = tuple(labels)
        rows: list[Row] = []
        at += 3
        while True:
            if _DASHES.fullmatch(self._line(at, title)):
                at += 1
                continue
            cells = self._cells(at, title)
            if counted := _COUNT.fullmatch(cells[0]):
                break
            if len(cells) != len(names):
                raise self.refused(at + 1, title, "statement.row_cells", cells=len(cells), columns=len(names))
            rows.append(Row(at + 1, dict(zip(names, cells, strict=True))))
            at += 1
        if int(counted[1]) != len(rows):
            if len(rows) > int(counted[1]) and (twice := _twice(rows)) is not None:
                first, second = twice
                name = next((cell for cell in reversed(second.cells.values()) if cell), "-")
                raise self.refused(second.line, title, "statement.row_twice", first=first.line, name=name)
            raise self.refused(at + 1, title, "statement.rows_missing", count=int(counted[1]), rows=len(rows))
        if len(cells) > len(names):
            raise self.refused(at + 1, title, "statement.row_cells", cells=len(cells), columns=len(names))
        # The count spreads over the first columns, which some layouts merge: the cells belong to the last columns.
        filled = zip(reversed(names), reversed(cells[1:]), strict=False)
        total = Row(at + 1, {name: cell for name, cell in filled if cell})
        if not _DASHES.fullmatch(self._line(at + 1, title)):
            raise self.refused(at + 2, title, "statement.table_not_closed")
        return Table(title, title_at + 1, labels, tuple(rows), total), at + 1

    def _line(self, at: int, title: str) -> str:
        if at >= len(self.lines):
            raise self.refused(len(self.lines), title, "statement.table_cut")
        return self.lines[at]

    def _cells(self, at: int, title: str) -> list[str]:
        line = self._line(at, title)
        if len(line) < 2 or line[0] != "|" or line[-1] != "|":
            if not any(self.lines[at:]) or at + 1 >= len(self.lines):
                raise self.refused(at + 1, title, "statement.table_cut")
            raise self.refused(at + 1, title, "statement.table_broken")
        return [" ".join(cell.split()) for cell in line[1:-1].split("|")]

    def refused(self, line: int, label: str, reason: str, /, **params: object) -> InvalidInput:
        return InvalidInput(self.source, line, label, Message(reason, params))


def _twice(rows: Sequence[Row]) -> tuple[Row, Row] | None:
    """The first row that says in every cell what an earlier one says, after that one."""
    seen: dict[tuple[str, ...], Row] = {}
    for row in rows:
        first = seen.setdefault(tuple(row.cells.values()), row)
        if first is not row:
            return first, row
    return None


def english_of(label: str) -> str:
    """The English half of a bilingual label: what follows its last Chinese character (`手 续 费 Commission`)."""
    last = 0
    for match in _CHINESE.finditer(label):
        last = match.end()
    return " ".join(label[last:].split())
