"""The catalogue and the code agree: every sentence that is said exists with its parameters in both languages, none is left over.

Ids are found in the syntax tree. Where an id is put together from a prefix and a word (`Message(f"cli.title_{title}")`), the
prefix is listed in `PREFIXES`; the words that follow it are then the string constants of the code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

from messages import LANGUAGES, Message, all_texts, say

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hedge_core", "messages", "mapping", "connectors", "adapters", "worker", "cli", "conformance")

PREFIXES = {
    "accounting.role_",
    "accounting.voucher_",
    "allocation.",
    "basis.",
    "exposure.",
    "cli.",
    "cli.column_",
    "cli.heading_",
    "cli.proposal_",
    "cli.pulling_",
    "cli.title_",
    "morning.tie_",
    "contract.chain_",
    "demo.",
    "demo.stage_",
    "error.invalid_",
    "file_drop.",
    "generic_json.",
    "generic_statement.column_",
    "help.",
    "limit.",
    "limit.wrong_",
    "mapping.",
    "mapping.kind_",
    "mapping.type_",
    "market.no_",
    "matching.",
    "matching.hand_",
    "matching.opening_",
    "order.",
    "order.stage_",
    "plan.",
    "plan.wrong_",
    "pricing.",
    "recalc.stage_",
    "recalculation.",
    "reconciliation.cause_",
    "reconciliation.side_",
    "reconciliation.state_",
    "reconciliation.subject_",
    "reopen.",
    "report.",
    "result.",
    "settlement.",
    "settlement.subject_",
    "terms.wrong_",
    "statement.diff_",
    "storage.",
    "storage.kept_",
    "sweep.",
}
"""What an id may be put together from. A new one is added here on purpose, so that somebody thinks of the check below."""

LOOKED_UP_BY_CODE = "cli.word_"
"""Codes of the domain in the reader's language: `cli.screen` looks them up and shows the code itself where there is none."""

SAID_BY_NAME = {"help_text": "help.", "fault": "mapping."}
"""Functions whose first argument is the rest of an id."""


@dataclass(frozen=True)
class Said:
    """One `Message(…)` in the code: where, which id, and its parameters (None: not written out at the call)."""

    place: str
    id: str
    params: frozenset[str] | None


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return tuple((str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))) for path in files)


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """(place, name of the function, call) of every call in the code."""
    for file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                yield f"{file}:{node.lineno}", name, node


def written_out(node: ast.expr | None) -> frozenset[str] | None:
    """The keys of a dictionary that is written out; None for anything else."""
    if node is None:
        return frozenset()
    if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
        return frozenset(str(key.value) for key in node.keys if isinstance(key, ast.Constant))
    return None


def said() -> Iterator[Said]:
    """Every message whose id stands whole in the code."""
    for place, name, call in calls():
        first = call.args[0] if call.args else None
        if name == "Message" and first is not None:
            params = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords), None)
            for option in (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,):
                if isinstance(option, ast.Constant):
                    yield Said(place, str(option.value), written_out(params))
        elif name in SAID_BY_NAME and isinstance(first, ast.Constant):
            named = [keyword.arg for keyword in call.keywords]
            known = frozenset(name for name in named if name) if None not in named else None
            yield Said(place, f"{SAID_BY_NAME[name]}{first.value}", known)


@cache
def constants() -> frozenset[str]:
    """Every string constant of the code, and every name of an enum-like assignment."""
    found: set[str] = set()
    for _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value, node.value.lower()} if node.value.isupper() else {node.value}
            elif isinstance(node, ast.keyword | ast.arg) and node.arg:
                found.add(node.arg)
    return frozenset(found)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_the_code_says_something_at_all() -> None:
    assert len(list(said())) > 300


def test_every_message_exists_and_gets_the_parameters_of_its_text() -> None:
    texts = all_texts()
    wrong = [f"{one.place}: {one.id} is in no catalogue" for one in said() if one.id not in texts]
    for one in said():
        if one.id in texts and one.params is not None:
            missing = texts[one.id].parameters("en") - one.params
            wrong += [f"{one.place}: {one.id} misses {name}" for name in sorted(missing)]
    assert not wrong


def test_every_text_has_both_languages_with_the_same_named_parameters() -> None:
    wrong = []
    for name, text in all_texts().items():
        parameters = {lang: placeholders(text.in_language(lang)) for lang in LANGUAGES}
        wrong += [f"{name}: no {lang}" for lang in LANGUAGES if not text.in_language(lang).strip()]
        wrong += [f"{name}: {{{one}}}" for one in parameters["en"] if not re.fullmatch(r"[a-z][a-z0-9_]*", one)]
        wrong += [f"{name}: {parameters}"] if parameters["en"] != parameters["zh"] else []
    assert not wrong


def test_ids_are_put_together_from_listed_prefixes_only() -> None:
    built = {
        (place, str(first.values[0].value) if isinstance(first.values[0], ast.Constant) else "")
        for place, name, call in calls()
        if name == "Message" and call.args and isinstance(first := call.args[0], ast.JoinedStr)
    }
    assert not [(place, prefix) for place, prefix in built if prefix not in PREFIXES]
    assert not [prefix for prefix in PREFIXES if not any(prefix == used for _, used in built)], (
        "nobody uses it any more"
    )


def test_no_text_is_left_over() -> None:
    whole = {message.id for message in said()}
    words = constants()

    def is_word(rest: str) -> bool:
        """A constant of the code, or two of them (`f"{side}_{reason}"`, `f"expected_{what}"`)."""
        cuts = [at for at, character in enumerate(rest) if character == "_"]
        pairs = ((rest[:at], rest[at], rest[at + 1 :]) for at in cuts)
        return rest in words or any((a in words or a + line in words) and b in words for a, line, b in pairs)

    def used(name: str) -> bool:
        if name in whole or name in words:
            return True
        if name.startswith(LOOKED_UP_BY_CODE):
            code = name.removeprefix(LOOKED_UP_BY_CODE)
            return is_word(code) or code.replace("_", " ") in words
        return any(is_word(name.removeprefix(prefix)) for prefix in PREFIXES if name.startswith(prefix))

    assert not sorted(name for name in all_texts() if not used(name))


def test_tables_on_screen_have_titles_and_headings() -> None:
    """`rows` and `record` of the screen speak of titles and columns by name."""
    missing = []
    for place, name, call in calls():
        if not place.startswith("cli/") or name not in ("rows", "record") or len(call.args) < 2:
            continue
        title, columns = call.args[0], call.args[1]
        if isinstance(title, ast.Constant):
            missing += [place] if f"cli.title_{title.value}" not in all_texts() else []
        words = columns.keys if isinstance(columns, ast.Dict) else getattr(columns, "elts", [])
        for word in words:
            if isinstance(word, ast.Constant) and f"cli.column_{word.value}" not in all_texts():
                missing.append(f"{place}: {word.value}")
    assert not missing


def test_a_list_is_spoken_item_by_item_in_the_readers_language() -> None:
    told = Message(
        "error.auth_failed", {"system": ("HLTX01_SYS", Message("cli.nothing", {"title": "x"})), "reason": "-"}
    )
    assert say(told, "en").startswith("HLTX01_SYS, ")
    assert say(told, "zh").startswith("HLTX01_SYS、")
    assert "[" not in say(told, "en") and "Message(" not in say(told, "zh")
