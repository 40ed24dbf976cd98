"""The optional Odoo module, as far as it can be checked without an Odoo: complete, well-formed, and what the adapter speaks to.

Its own tests run inside Odoo: `odoo-bin -i hedge_bridge --test-tags /hedge_bridge`."""

from __future__ import annotations

import ast
import csv
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapters.erp.odoo.entries import Numbers, module_voucher
from adapters.erp.odoo.notes import NOTE_MODEL
from adapters.erp.odoo.vendor import OdooOptions
from adapters.erp.odoo.write import MODULE_METHOD
from conformance import sample_voucher
from sandbox.odoo.calls import METHODS
from sandbox.odoo.schema import Release

MODULE = Path(__file__).parents[2] / "odoo_addons/hedge_bridge"


def manifest() -> dict[str, Any]:
    return ast.literal_eval((MODULE / "__manifest__.py").read_text(encoding="utf-8"))


def constants(path: str) -> dict[str, Any]:
    """Frozen sets assigned at the top of a file, without importing it (it imports Odoo)."""
    tree = ast.parse((MODULE / path).read_text(encoding="utf-8"))
    return {
        node.targets[0].id: frozenset(ast.literal_eval(node.value.args[0]))  # type: ignore[attr-defined]
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
    }


def declared_fields(path: str) -> set[str]:
    tree = ast.parse((MODULE / path).read_text(encoding="utf-8"))
    (model,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return {
        node.targets[0].id  # type: ignore[attr-defined]
        for node in model.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and "fields." in ast.unparse(node.value.func)
    }


def test_every_file_of_the_manifest_is_there_and_licensed_on_its_own() -> None:
    told = manifest()
    assert told["license"] == "LGPL-3"
    assert all((MODULE / name).is_file() for name in told["data"])
    on_disk = {str(p.relative_to(MODULE)) for p in MODULE.rglob("*") if p.suffix in (".xml", ".csv")}
    assert on_disk == set(told["data"])
    assert "LGPL" in (MODULE / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in manifest()["data"] if name.endswith(".xml")])
def test_views_and_rules_are_well_formed_and_refer_to_what_was_loaded_before(name: str) -> None:
    loaded: set[str] = set()
    for earlier in manifest()["data"]:
        if earlier.endswith(".xml"):
            tree = etree.parse(MODULE / earlier)
            if earlier == name:
                wanted = {node.get("action") for node in tree.iter("menuitem") if node.get("action")}
                wanted |= {
                    ref for node in tree.iter("field") if (ref := node.get("ref")) and not ref.startswith("model_")
                }
                own = {node.get("id") for node in tree.iter("record", "menuitem")}
                assert wanted <= loaded | own
                return
            loaded |= {node.get("id") for node in tree.iter("record", "menuitem")}


@pytest.mark.parametrize(
    ("view", "model"), [("hedge_position_views.xml", "hedge_position.py"), ("hedge_match_views.xml", "hedge_match.py")]
)
def test_views_show_fields_that_the_models_have(view: str, model: str) -> None:
    arch = etree.parse(MODULE / "views" / view).find(".//field[@name='arch']")
    shown = {node.get("name") for node in arch.iter("field")} - {"arch"}
    assert shown <= declared_fields(f"models/{model}") | {"write_date"}


def test_every_model_has_access_rights() -> None:
    with (MODULE / "security/ir.model.access.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["model_id:id"] for row in rows} == {"model_hedge_position", "model_hedge_match"}
    assert {row["perm_unlink"] for row in rows if row["id"] == "access_hedge_match_service"} == {"0"}


def test_the_module_takes_exactly_what_the_adapter_sends() -> None:
    dimensions = (("broker_account", "80010001"),)
    voucher = sample_voucher(1, Decimal("10.00"), date(2026, 3, 31), debit="1", credit="2", dimensions=dimensions)
    numbers = Numbers(3, {"1": 1, "2": 2}, {"80010001": 9})
    sent = module_voucher(voucher, numbers, OdooOptions(1, "HEDG", dimensions={"broker_account": "partner"}))
    allowed = constants("models/account_move.py")
    assert set(sent) == allowed["VOUCHER_KEYS"]
    assert {key for line in sent["lines"] for key in line} == allowed["LINE_KEYS"]
    source = (MODULE / "models/account_move.py").read_text(encoding="utf-8")
    assert f"def {MODULE_METHOD}(self, vouchers, post=True)" in source
    assert METHODS[MODULE_METHOD].arguments == ("vouchers", "post")


def test_the_stand_in_knows_the_note_model_by_the_same_fields() -> None:
    stand_in = set(Release(19, addon=True).models[NOTE_MODEL].fields) - {"create_date", "write_date"}
    assert stand_in == declared_fields("models/hedge_match.py")
