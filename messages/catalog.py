"""The message catalogue: `texts/<subject>.toml` holds `[name]` tables with `en` and `zh`; a message id is `subject.name`.

Texts use `{parameter}` placeholders. `Message` is the language-free form that errors and results carry inside the platform;
`say` turns it into a sentence for a person. A vendor's own words travel as a parameter and are never translated.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from string import Formatter

LANGUAGES = ("en", "zh")
ENTRY_POINTS = "hedgebridge.texts"
"""The group under which an installed package brings a subject of its own: `subject = "package"` stands for the file
`package/texts/subject.toml`. A subject of ours cannot be replaced."""


@dataclass(frozen=True, slots=True)
class Text:
    """One catalogue entry: the same sentence in every language, with the parameter names it needs."""

    en: str
    zh: str

    def in_language(self, lang: str) -> str:
        return self.zh if lang == "zh" else self.en

    def parameters(self, lang: str) -> frozenset[str]:
        return frozenset(name for _, name, _, _ in Formatter().parse(self.in_language(lang)) if name)


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence before its language is chosen: catalogue id and parameters (shown with `str`)."""

    id: str
    params: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return say(self, "en")


@cache
def all_texts() -> dict[str, Text]:
    """Every catalogue entry by id (`subject.name`)."""
    names = sorted(entry.name for entry in files(__package__).joinpath("texts").iterdir())
    found: dict[str, Text] = {}
    for name in names:
        if name.endswith(".toml"):
            found |= _subject(name.removesuffix(".toml"))
    return found


def find_text(message_id: str) -> Text | None:
    """One entry. Only its subject's file is read: a command speaks of few subjects, and reading all takes longer than most
    commands."""
    return _subject(message_id.partition(".")[0]).get(message_id)


@cache
def _subject(subject: str) -> dict[str, Text]:
    """The entries of one file, read once; none where there is no such file."""
    entry = files(__package__).joinpath("texts", f"{subject}.toml")
    if not entry.is_file():
        brought = [point for point in entry_points(group=ENTRY_POINTS) if point.name == subject]
        if not brought:
            return {}
        entry = files(brought[0].module).joinpath("texts", f"{subject}.toml")
    listed = tomllib.loads(entry.read_text(encoding="utf-8"))
    return {f"{subject}.{name}": Text(texts["en"], texts["zh"]) for name, texts in listed.items()}


def say(message: Message, lang: str = "en") -> str:
    """The sentence in `lang` (`en` or `zh`). An unknown id or a missing parameter shows itself instead of raising:
    a person must still learn what happened when a text is wrong; a test keeps the catalogue complete.
    A parameter that is itself a `Message` is spoken in the same language; a list is spoken item by item."""
    text = find_text(message.id)
    if text is None:
        return f"{message.id} {dict(message.params)}"
    spoken = {name: _spoken(value, lang) for name, value in message.params.items()}
    try:
        return text.in_language(lang).format(**spoken)
    except (KeyError, IndexError):
        return f"{text.in_language(lang)} {dict(message.params)}"


def _spoken(value: object, lang: str) -> object:
    if isinstance(value, Message):
        return say(value, lang)
    if isinstance(value, list | tuple):
        return ("、" if lang == "zh" else ", ").join(str(_spoken(item, lang)) for item in value)
    return value


def resolve_language(chosen: str | None = None) -> str:
    """The language to speak: the caller's choice, then HEDGEBRIDGE_LANG, then the locale; English otherwise."""
    for candidate in (chosen, os.environ.get("HEDGEBRIDGE_LANG"), os.environ.get("LC_ALL"), os.environ.get("LANG")):
        if candidate:
            return "zh" if candidate.lower().startswith("zh") else "en"
    return "en"
