"""A page for paper: one HTML file without anything from elsewhere, that a browser prints or saves as PDF on A4."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from messages import Message, say

_STYLE: Final = """
@page { size: A4; margin: 18mm 15mm; }
body { font: 10.5pt/1.5 "Noto Serif CJK SC", "Songti SC", SimSun, serif; color: #000; max-width: 180mm; margin: 0 auto; }
h1 { font-size: 16pt; text-align: center; } h2 { font-size: 12pt; margin: 6mm 0 2mm; }
table { border-collapse: collapse; width: 100%; page-break-inside: auto; }
tr { page-break-inside: avoid; } th, td { border: .3mm solid #000; padding: 1mm 2mm; text-align: left; vertical-align: top; }
th { font-weight: 600; background: #eee; } td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sign { display: flex; justify-content: space-between; margin-top: 14mm; } .small { font-size: 8pt; word-break: break-all; }
"""


def text(message: Message | str, lang: str) -> str:
    """Escaped text in the page's language."""
    return escape(say(message, lang) if isinstance(message, Message) else message)


def page(title: Message | str, parts: Iterable[str], lang: str) -> bytes:
    """The whole file; `parts` are HTML already escaped."""
    head = text(title, lang)
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}">\n<head><meta charset="utf-8"><title>{head}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>{head}</h1>\n{body}\n</body>\n</html>\n"
    ).encode()


def heading(message: Message | str, lang: str) -> str:
    return f"<h2>{text(message, lang)}</h2>"


def facts(rows: Iterable[tuple[Message | str, object]], lang: str) -> str:
    """Name and value, one per line; an empty value prints as a dash, so that a gap is seen."""
    lines = (f"<tr><th>{text(name, lang)}</th><td>{escape(str(value)) or '–'}</td></tr>" for name, value in rows)
    return f"<table>{''.join(lines)}</table>"


def table(
    columns: Sequence[Message | str], rows: Iterable[Sequence[object]], lang: str, numbers: Sequence[int] = ()
) -> str:
    """A table; `numbers` are the places of columns with figures."""
    head = "".join(f"<th>{text(column, lang)}</th>" for column in columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="n">{escape(str(cell))}</td>' if place in numbers else f"<td>{escape(str(cell))}</td>"
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def signatures(names: Iterable[Message | str], lang: str) -> str:
    """Lines to sign on."""
    return f'<div class="sign">{"".join(f"<span>{text(name, lang)}：____________</span>" for name in names)}</div>'
