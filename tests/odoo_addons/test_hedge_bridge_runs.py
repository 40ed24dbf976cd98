"""The Odoo module's Python, executed: its own tests, the index, the race, the take-over of earlier entries, its constraints.

Odoo is played by tests/support/fake_odoo.py; in a real one run `odoo-bin -i hedge_bridge --test-tags /hedge_bridge`."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from lxml import etree

from tests.support.fake_odoo import Env, Field, ValidationError, installed

MODULE = Path(__file__).parents[2] / "odoo_addons/hedge_bridge"


def loaded(path: str) -> ModuleType:
    name = f"hedge_bridge_{path.removesuffix('.py').replace('/', '_')}"
    spec = importlib.util.spec_from_file_location(name, MODULE / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def env() -> Iterator[Env]:
    with installed():
        yield Env(loaded("models/account_move.py").AccountMove)


def voucher(reference: str = "HB00000000000001", amount: str = "100.10", **changes: Any) -> dict[str, Any]:
    lines = [
        {"account_id": 1, "name": "a", "debit": amount, "credit": "0"},
        {"account_id": 2, "name": "b", "debit": "0", "credit": amount},
    ]
    return {
        "hedge_ref": reference, "ref": reference, "date": "2026-03-31", "journal_id": 7, "lines": lines, **changes,
    }  # fmt: skip


def own_tests() -> list[str]:
    with installed():
        case = loaded("tests/test_create_and_post.py").TestCreateAndPost
    return sorted(name for name in vars(case) if name.startswith("test_"))


@pytest.mark.parametrize("name", own_tests())
def test_the_modules_own_test_holds(env: Env, name: str) -> None:
    case = loaded("tests/test_create_and_post.py").TestCreateAndPost(name)
    case.env, case.cr = env, env.cr
    case.company_data = {
        "company": env.company,
        "default_account_assets": SimpleNamespace(id=1),
        "default_account_expense": SimpleNamespace(id=2),
        "default_journal_misc": SimpleNamespace(id=7),
    }
    getattr(case, name)()


def test_of_two_calls_that_arrive_together_the_index_lets_one_in(env: Env) -> None:
    moves = env["account.move"]
    moves.hedge_create_and_post([voucher()])
    moves.__class__.search = lambda self, *_, **__: self.browse(0).__class__(env)  # neither sees the other's entry yet
    with pytest.raises(ValidationError, match="already in Odoo"), env.cr.savepoint():
        moves.hedge_create_and_post([voucher()])
    assert env.cr.execute("SELECT COUNT(*) FROM account_move WHERE hedge_ref IS NOT NULL") == [(1,)]


def test_ordinary_entries_without_a_key_are_not_kept_apart_by_the_index(env: Env) -> None:
    for _ in range(2):
        env["account.move"].create({"date": "2026-03-31", "journal_id": 7, "move_type": "entry", "line_ids": []})
    assert env.cr.execute("SELECT COUNT(*) FROM account_move") == [(2,)]


def test_a_draft_is_left_where_only_a_draft_is_wanted_and_posted_by_the_next_call(env: Env) -> None:
    (draft,) = env["account.move"].hedge_create_and_post([voucher()], post=False)
    (posted,) = env["account.move"].hedge_create_and_post([voucher()])
    assert (draft["state"], draft["created"]) == ("draft", True)
    assert (posted["state"], posted["created"], posted["id"]) == ("posted", False, draft["id"])
    assert set(posted) == {"hedge_ref", "id", "name", "date", "state", "created"}


def test_a_moved_date_is_refused_in_words_that_name_it(env: Env) -> None:
    env.company.fiscalyear_lock_date = date(2026, 3, 30)
    with pytest.raises(ValidationError, match="2026-03-31 instead"), env.cr.savepoint():
        env["account.move"].hedge_create_and_post([voucher(date="2026-02-10")])
    assert env.cr.execute("SELECT COUNT(*) FROM account_move") == [(0,)]


def test_entries_made_before_the_module_get_their_key_once_and_are_then_guarded(env: Env) -> None:
    for reference in (None, "HB_KEPT"):
        env["account.move"].create(
            {"hedge_ref": reference, "date": "2026-03-31", "journal_id": 7, "move_type": "entry", "line_ids": []}
        )
    env.names = [SimpleNamespace(res_id=1, name="voucher_HB1"), SimpleNamespace(res_id=2, name="voucher_HB2")]
    loaded("hooks.py").post_init_hook(env)
    assert env.cr.execute("SELECT hedge_ref FROM account_move ORDER BY id") == [("HB1",), ("HB_KEPT",)]


@pytest.mark.parametrize(
    ("path", "name"), [("models/hedge_match.py", "HedgeMatch"), ("models/hedge_position.py", "HedgePosition")]
)
def test_a_constraint_names_columns_that_are_there_and_keeps_the_second_row_out(env: Env, path: str, name: str) -> None:
    model = getattr(loaded(path), name)
    columns = [one for one, field in vars(model).items() if isinstance(field, Field)]
    ((sql, text),) = [value for value in vars(model).values() if isinstance(value, tuple)]
    base = sqlite3.connect(":memory:")
    base.execute(f"CREATE TABLE t ({', '.join(columns)}, {sql})")
    row = tuple(range(len(columns)))
    base.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(row))})", row)
    with pytest.raises(sqlite3.IntegrityError):
        base.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(row))})", row)
    assert text.endswith(".")


# --- what Odoo's grammar for views and data files lets through -----------------------------------------------------------

ALLOWED = {
    "odoo": {"noupdate"},
    "record": {"id", "model", "forcecreate"},
    "menuitem": {"id", "name", "parent", "action", "sequence", "groups"},
    "list": {"create", "edit", "delete", "default_order", "string", "limit", "editable"},
    "field": {"name", "type", "ref", "eval", "string", "sum", "groups", "optional", "invisible", "readonly", "widget"},
}
MANIFEST_KEYS = {
    "name", "summary", "description", "version", "category", "license", "author", "website", "depends", "data", "demo",
    "application", "installable", "auto_install", "post_init_hook", "uninstall_hook", "external_dependencies",
}  # fmt: skip


@pytest.mark.parametrize("path", sorted(MODULE.rglob("*.xml")), ids=lambda path: path.name)
def test_only_elements_and_attributes_of_odoos_grammar_are_used(path: Path) -> None:
    for node in etree.parse(path).iter():
        assert node.tag in ALLOWED, node.tag
        assert set(node.attrib) <= ALLOWED[node.tag], (node.tag, dict(node.attrib))
        if node.tag == "field" and node.get("ref"):
            assert not (node.text or "").strip() and not len(node)


def test_the_manifest_has_keys_that_odoo_knows_and_names_what_the_module_takes_from_others() -> None:
    manifest: dict[str, Any] = eval((MODULE / "__manifest__.py").read_text("utf-8"), {"__builtins__": {}})  # noqa: S307
    assert set(manifest) <= MANIFEST_KEYS
    assert manifest["version"].startswith("19.0.")
    used = {"account"}  # account.move, and the groups of account
    text = "".join(path.read_text("utf-8") for path in MODULE.rglob("*.py"))
    used |= {"sale_management"} if "sale.order.line" in text else set()
    used |= {"purchase"} if "purchase.order.line" in text else set()
    assert set(manifest["depends"]) == used
