"""The product table that comes with the product, and how a product is found in one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from adapters.reference import load_products, read_products
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.futures import EXCHANGES, Product
from hedge_core.product_table import ProductTable

DAY = date(2026, 3, 4)
HEADER = "exchange,code,commodity,multiplier,unit,tick,vat_included,effective_from\n"


@pytest.mark.parametrize(
    ("exchange", "code", "commodity", "multiplier", "unit"),
    [
        ("SHFE", "cu", "copper", 5, "t"),
        ("SHFE", "au", "gold", 1000, "g"),
        ("INE", "sc", "crude_oil", 1000, "bbl"),
        ("DCE", "i", "iron_ore", 100, "t"),
        ("CZCE", "SR", "sugar", 10, "t"),
        ("CFFEX", "IF", "csi_300_index", 300, "point"),
        ("GFEX", "si", "industrial_silicon", 5, "t"),
        ("LME", "CA", "copper", 25, "t"),
        ("COMEX", "HG", "copper_lb", 25000, "lb"),
        ("NYMEX", "CL", "crude_oil", 1000, "bbl"),
        ("BMD", "FCPO", "palm_oil", 25, "t"),
    ],
)
def test_well_known_products_have_their_contract_size(
    exchange: str, code: str, commodity: str, multiplier: int, unit: str
) -> None:
    product = load_products().find(exchange, code, DAY)
    assert product is not None
    assert (product.commodity, product.multiplier, product.unit) == (commodity, multiplier, unit)


def test_all_six_exchanges_are_there_and_codes_tell_them_apart() -> None:
    table = load_products()
    here = [product for product in table if product.exchange in EXCHANGES]
    assert {product.exchange for product in here} == set(EXCHANGES)
    assert len(here) >= 82
    assert [product.code for product in here if table.exchange_of(product.code) != product.exchange] == []


def test_products_abroad_are_found_by_every_spelling_of_their_codes() -> None:
    table = load_products()
    assert {product.exchange for product in table} - set(EXCHANGES) == {"COMEX", "NYMEX", "LME", "ICEEU", "SGX", "BMD"}
    for text, exchange in (("COMEX.HGZ6", ""), ("HGZ26", "COMEX"), ("HG2612", "comex"), ("COMEX.HG2612", "COMEX")):
        assert table.canonical(text, DAY, exchange) == "COMEX.HG2612"
    assert table.canonical("FCPOZ6", DAY, "BMD") == "BMD.FCPO2612"
    sizes = {code: table.of_instrument(code, DAY) for code in ("LME.CA2612", "SGX.FEF2612", "BMD.FCPO2612")}
    assert [product and product.multiplier for product in sizes.values()] == [25, 100, 25]
    assert not any(product.vat_included for product in table if product.exchange not in EXCHANGES)


def test_a_commodity_has_one_unit_whatever_the_exchange() -> None:
    units: dict[str, set[str]] = {}
    for product in load_products():
        units.setdefault(product.commodity, set()).add(product.unit)
    assert {commodity: found for commodity, found in units.items() if len(found) > 1} == {}


def test_a_bare_code_is_never_taken_for_one_abroad() -> None:
    table = load_products()
    assert table.canonical("SI2606", DAY) == "GFEX.si2606"
    with pytest.raises(RuleBroken):
        table.canonical("HG2612", DAY)


def test_an_option_has_its_underlyings_size_and_an_index_option_its_own() -> None:
    table = load_products()
    sizes = {code: table.of_instrument(code, DAY) for code in ("SHFE.cu2605C80000", "CFFEX.IO2605-C-3300")}
    assert {code: product and product.multiplier for code, product in sizes.items()} == {
        "SHFE.cu2605C80000": 5,
        "CFFEX.IO2605-C-3300": 100,
    }


def test_a_product_is_what_it_was_on_the_day() -> None:
    old = Product("DCE", "fb", "fibreboard", 500, Decimal("0.05"), "sheet", date(2013, 12, 6))
    new = Product("DCE", "fb", "fibreboard", 10, Decimal("0.5"), "m3", date(2019, 12, 2))
    table = ProductTable([new, old])
    assert table.find("DCE", "FB", date(2013, 12, 5)) is None
    assert table.find("DCE", "fb", date(2019, 12, 1)) == old
    assert table.find("DCE", "fb", date(2019, 12, 2)) == new
    assert list(table) == [old, new]


def test_two_rows_from_one_day_are_a_mistake() -> None:
    row = Product("DCE", "m", "soybean_meal", 10, Decimal(1), "t", DAY)
    with pytest.raises(ValueError, match="two rows"):
        ProductTable([row, row])


@pytest.mark.parametrize("written", ["SHFE.cu2605", "cu2605", "CU2605", "shfe.CU2605"])
def test_a_bare_code_gets_the_exchange_that_lists_its_product(written: str) -> None:
    assert load_products().canonical(written, DAY) == "SHFE.cu2605"


def test_a_code_of_no_known_product_asks_for_its_exchange() -> None:
    with pytest.raises(RuleBroken) as refusal:
        load_products().canonical("zz2605", DAY)
    assert refusal.value.reason.id == "instrument.exchange_unclear"


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("XNAS,cl,oil,1000,bbl,0.01,no,2020-01-01", "exchange"),
        ("SHFE,cu,copper,five,t,10,yes,2020-01-01", "multiplier"),
        ("SHFE,cu,copper,0,t,10,yes,2020-01-01", "code"),
        ("SHFE,cu,copper,5,t,ten,yes,2020-01-01", "tick"),
        ("SHFE,cu,copper,5,t,10,maybe,2020-01-01", "vat_included"),
        ("SHFE,cu,copper,5,t,10,yes,yesterday", "effective_from"),
        ("SHFE,cu", "multiplier"),
    ],
)
def test_a_wrong_row_of_a_product_table_is_named(row: str, column: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_products("own.csv", (HEADER + row + "\n").encode())
    assert (refusal.value.source, refusal.value.row, refusal.value.field) == ("own.csv", 2, column)


def test_a_product_table_without_a_column_or_with_a_double_row_is_refused() -> None:
    with pytest.raises(InvalidInput, match="multiplier"):
        read_products("own.csv", b"exchange,code,commodity\n")
    row = "SHFE,cu,copper,5,t,10,yes,2020-01-01\n"
    with pytest.raises(InvalidInput, match="two rows"):
        read_products("own.csv", (HEADER + row * 2).encode())
