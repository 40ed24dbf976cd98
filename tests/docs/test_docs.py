"""The documentation holds: links lead somewhere, commands and options exist, settings and decisions are told completely."""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.core
import typer.main

from adapters.documents import read_account_map, read_designation
from adapters.erp.kingdee import KingdeeOptions
from adapters.secrets.vault import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE
from cli.main import app
from cli.session import EXIT_CODES
from hedge_core.accounting.rule_sets import BookSettings
from mapping.functions import PLAIN
from mapping.kinds import FUNCTIONS
from mapping.parser import parse
from worker.anchoring import PASSWORD_VARIABLE
from worker.brokers import BROKERS
from worker.settings import Settings
from worker.systems import SYSTEMS, packaged

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.zh-CN.md")
OURS = ("docs", "sandbox", "odoo_addons", "conformance", "benchmarks")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in OURS for page in (ROOT / folder).rglob("*.md"))])
NOT_THERE_YET = {"hedge_core/quant/"}
"""Places that a decision names before they exist."""

PASSED_ON = "sandbox"
"""The one command that passes its options on, to `python -m sandbox`."""

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[tuple[str, str]]:
    """(language, content) of every fenced block."""
    found = re.findall(r"^ *(`{3,})(\w*)\n(.*?)^ *\1 *$", text, re.M | re.S)
    return [(language, content) for _, language, content in found]


def prose(text: str) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^ *(`{3,}).*?^ *\1 *$", "", text, flags=re.M | re.S)


def anchors(text: str) -> set[str]:
    """What a link may point at inside a page, as the usual renderers name headings."""
    headings = re.findall(r"^#{1,6} +(.+?) *#*$", prose(text), re.M)
    plain = [re.sub(r"[*`]|\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


# --- links and places -------------------------------------------------------------------------------------------------


@pages
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        if re.match(r"https?:|mailto:", target):
            continue
        file, _, anchor = target.partition("#")
        aim = (page.parent / file).resolve() if file else page
        if not aim.exists() or (anchor and anchor not in anchors(aim.read_text(encoding="utf-8"))):
            broken.append(target)
    assert not broken


@pages
def test_files_and_folders_that_are_named_exist(page: Path) -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in ("var", "build")}
    named = re.findall(r"`([a-z_]+/[\w./-]*)`", prose(page.read_text(encoding="utf-8")))
    missing = [name for name in named if name.partition("/")[0] in folders and not (ROOT / name).exists()]
    assert not [name for name in missing if name not in NOT_THERE_YET]


# --- commands ---------------------------------------------------------------------------------------------------------


def command_lines(text: str) -> Iterator[list[str]]:
    """Every `hedgebridge …` of the fenced blocks as words; a line that ends in a backslash goes on."""
    for language, block in blocks(text):
        if language in ("", "bash", "sh", "console"):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                for part in re.split(r"&&|\|", line):
                    command = part.strip().removeprefix("$ ")
                    if command.startswith("hedgebridge "):
                        yield shlex.split(command, comments=True)[1:]


def mentions(text: str) -> Iterator[list[str]]:
    """Every `hedgebridge …` in running text; it may be shortened."""
    for found in re.findall(r"`hedgebridge ([^`]+)`", prose(text)):
        yield found.replace('"', "").split()


UsageError = typer.BadParameter.__mro__[1]
"""What a command raises on a line it cannot take; typer brings its own copy of click."""


@cache
def tree() -> Any:
    """The commands as they are offered."""
    return typer.main.get_command(app)


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that words name, and what is left of them; LookupError for a word that is none."""
    here = tree()
    rest = list(words)
    while isinstance(here, typer.core.TyperGroup) and rest and not rest[0].startswith("-"):
        if rest[0] not in here.commands:
            raise LookupError(rest[0])
        here = here.commands[rest.pop(0)]
    return here, rest


def options_of(command: Any) -> set[str]:
    """Every option of a command; of the one that passes on, those of the stand-in."""
    if command.name == PASSED_ON:
        return stand_in_options()
    own = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return own | {"--help", "--lang"}


@cache
def stand_in_options() -> set[str]:
    run = [sys.executable, "-m", "sandbox", "kingdee", "--help"]
    shown = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    return set(re.findall(r"--[a-z-]+", shown))


@pages
def test_commands_and_options_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    wrong = []
    for words in (*command_lines(text), *mentions(text)):
        try:
            command, rest = find_command([word for word in words if word not in ("…", "...")])
        except LookupError as unknown:
            wrong.append(f"{' '.join(words)}: no command {unknown}")
            continue
        known = options_of(command)
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        wrong += [f"{' '.join(words)}: no option {option}" for option in sorted(given - known)]
    assert not wrong


@pages
def test_command_lines_can_be_typed_as_they_stand(page: Path) -> None:
    """Parsed by the command itself: arguments it needs, values it accepts. Nothing is run."""
    wrong = []
    for words in command_lines(page.read_text(encoding="utf-8")):
        try:
            command, rest = find_command(words)
            if command.name != PASSED_ON:
                command.make_context(str(command.name), [word for word in rest if word != "--help"])
        except (LookupError, UsageError) as refused:
            wrong.append(f"{' '.join(words)}: {getattr(refused, 'message', refused)}")
    assert not wrong


def test_a_command_line_that_is_wrong_would_be_noticed() -> None:
    text = "```\nhedgebridge voucher make --as li.na\nhedgebridge vouchers list\n```\n`hedgebridge match --force`\n"
    first, second = command_lines(text)
    command, rest = find_command(first)
    with pytest.raises(UsageError):
        command.make_context("make", rest)
    with pytest.raises(LookupError):
        find_command(second)
    (mention,) = mentions(text)
    assert "--force" not in options_of(find_command(mention)[0])


@pages
def test_make_targets_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z]+)`", text)) | set(re.findall(r"^make ([a-z]+)$", text, re.M))
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.M))
    assert named <= targets


# --- what has to be told completely -----------------------------------------------------------------------------------


@pages
def test_variables_that_are_named_exist(page: Path) -> None:
    known = {f"HEDGEBRIDGE_{name.upper()}" for name in Settings.model_fields}
    known |= {"HEDGEBRIDGE_CONFIG", "HEDGEBRIDGE_MASTER_KEY", PASSWORD_VARIABLE, TOKEN_VARIABLE, TOKEN_FILE_VARIABLE}
    secrets = {
        name
        for system in (*packaged().values(), *BROKERS.values())
        for name in (*system.secrets, *system.optional_secrets)
    }
    known |= {f"HEDGEBRIDGE_SECRET_{name.upper()}" for name in secrets}
    named = set(re.findall(r"HEDGEBRIDGE_[A-Z_]*[A-Z](?![A-Z_])", page.read_text(encoding="utf-8")))
    assert not {name for name in named - known if not name.startswith("HEDGEBRIDGE_TEST_")}


def test_every_setting_of_the_installation_is_explained_with_its_default() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| (.*?) ?\|", text_of("docs/operations.md"), re.M))
    wrong = []
    for name, setting in Settings.model_fields.items():
        default = setting.default
        shown = f"{default:g}" if isinstance(default, int | float) else f"`{default}`" if default else ""
        if name not in told or (default is not None and told[name].strip() != shown):
            wrong.append((name, shown, told.get(name)))
    assert not wrong


def test_the_example_of_a_settings_file_is_one() -> None:
    (example,) = [content for language, content in blocks(text_of("docs/operations.md")) if language == "toml"]
    assert set(tomllib.loads(example)) <= set(Settings.model_fields)


def test_every_exit_code_is_explained() -> None:
    table = text_of("docs/operations.md").partition("## Exit codes")[2]
    codes = {0, 2, 70, *(code for _, code in EXIT_CODES)}
    assert codes == {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.M)}


def test_every_accounting_choice_of_a_book_is_explained() -> None:
    page = text_of("docs/first-day.md")
    assert re.search(r"^\| `deferred_tax` \| `off`", page, re.M)
    assert re.search(r"^\| `booked_by\.<event>` \|", page, re.M)
    for choice in fields(BookSettings):
        if not isinstance(choice.default, StrEnum | bool):
            continue
        (row,) = re.findall(rf"^\| `{choice.name}` \|(.*)$", page, re.M)
        default = choice.default.value if not isinstance(choice.default, bool) else ("no", "yes")[choice.default]
        assert row.strip().startswith(f"`{default}`"), f"{choice.name}: the default is {default} and stands first"
        kind = type(choice.default)
        assert kind is bool or {f"`{member.value}`" for member in kind} <= set(re.findall(r"`\w+`", row)), choice.name


def test_every_option_of_a_kingdee_connection_is_explained() -> None:
    page = text_of("docs/connections/kingdee.md")
    kingdee = SYSTEMS["kingdee"]
    names = {*(field.name for field in fields(KingdeeOptions)), *kingdee.required, *kingdee.secrets}
    names |= set(re.findall(r'option\("(\w+)"', inspect.getsource(kingdee.build)))
    assert not [name for name in sorted(names) if f"`{name}`" not in page]


def test_every_function_of_the_mapping_language_is_explained_and_every_formula_shown_is_one() -> None:
    page = text_of("docs/mapping.md")
    table = page.partition("## Formulas")[2].partition("There are no others")[0]
    assert not [name for name in (*FUNCTIONS, *PLAIN) if not re.search(rf"\b{name}\b", table)]
    wishes = page.partition("| you want | write |")[2].partition("Bounds:")[0]
    formulas = re.findall(r"^\| [^|]+\| `([^`]+)` \|$", wishes, re.M)
    assert len(formulas) >= 6
    for formula in formulas:
        parse(formula)


def test_the_designation_shown_can_be_imported() -> None:
    (example,) = [content for language, content in blocks(text_of("docs/designation.md")) if language == "json"]
    designation = read_designation(example.encode())
    assert designation.relationship.problems() == []
    assert designation.movements
    assert designation.stops


def test_the_account_map_shown_can_be_imported() -> None:
    (example,) = [content for _, content in blocks(text_of("docs/first-day.md")) if content.startswith("role,account")]
    assert read_account_map(example.encode()).rows


# --- decisions --------------------------------------------------------------------------------------------------------

PARTS: Mapping[str, str] = {
    "status": r"^Status: (proposed|accepted|superseded)\b",
    "context": r"^## (Context|Why)$",
    "decision": r"^## (Decision|What was decided)$",
    "consequences": r"^## (Consequences|What it costs)$",
}
DECISIONS = sorted((ROOT / "docs/adr").glob("*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_its_status_context_decision_and_consequences(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not [name for name, pattern in PARTS.items() if not re.search(pattern, text, re.M)]
    assert text.startswith(f"# {int(page.stem[:4])}. ")


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    assert [int(page.stem[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    listed = text_of("docs/architecture.md")
    assert not [page.name for page in DECISIONS if f"(adr/{page.name})" not in listed]


# --- both languages ---------------------------------------------------------------------------------------------------


def test_both_readmes_have_the_same_sections() -> None:
    levels = [re.findall(r"^(#{1,6}) ", prose(text_of(name)), re.M) for name in READMES]
    assert levels[0] == levels[1]


def test_both_readmes_name_the_same_commands_places_and_pages() -> None:
    english, chinese = (text_of(name) for name in READMES)
    assert list(command_lines(english)) == list(command_lines(chinese))
    rows = [set(re.findall(r"^\| `?([^|`]+)`? \| ", text, re.M)) for text in (english, chinese)]
    folders = [{row for row in found if row.endswith("/")} for found in rows]
    assert folders[0] == folders[1]
    aims = [set(re.findall(r"\]\(([^)\s]+)\)", prose(text))) - {*READMES} for text in (english, chinese)]
    assert aims[0] == aims[1]


def test_the_map_of_the_house_names_every_folder() -> None:
    named = set(re.findall(r"^\| `(\w+)/` \|", text_of("README.md"), re.M))
    kept = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    there = {line.partition("/")[0] for line in kept.splitlines() if "/" in line and not line.startswith(".")}
    if not there:
        pytest.skip("not a git checkout")
    assert there <= named


def figures(text: str) -> list[tuple[str, int]]:
    """(label, figure) of the demo's result as a README shows it."""
    shown = next(content for _, content in blocks(text) if "395" in content or "310" in content)
    rows = [re.fullmatch(r"(.+?) {2,}(\d+)", line.rstrip()) for line in shown.splitlines()]
    return [(row.group(1), int(row.group(2))) for row in rows if row]


def test_both_readmes_show_the_same_run_of_the_demo_in_the_demos_own_words() -> None:
    texts = tomllib.loads(text_of("messages/texts/demo.toml"))
    english, chinese = (figures(text_of(name)) for name in READMES)
    assert len(english) >= 10
    assert [figure for _, figure in english] == [figure for _, figure in chinese]
    said = {(text["en"], text["zh"]) for text in texts.values()}
    for (en, _), (zh, _) in zip(english, chinese, strict=True):
        assert (en, zh) in said
