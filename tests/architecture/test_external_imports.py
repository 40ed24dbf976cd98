"""What each package may import from outside, and where floats and long files may stand: read from the syntax trees."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = frozenset(
    {
        "adapters",
        "cli",
        "conformance",
        "connectors",
        "console",
        "hedge_core",
        "mapping",
        "messages",
        "sandbox",
        "worker",
    }
)
ALLOWED = {
    "hedge_core": frozenset({"numpy", "hedge_core", "messages"}),
    "messages": frozenset({"messages"}),
    "sandbox": frozenset({"sandbox"}),
}
"""Beside the standard library. scipy has a rule of its own; what other packages of ours may import of each other is the
import linter's business."""

EXCEPTIONS = {"lxml": Path("sandbox/sap")}
"""The SAP stand-in checks what it is sent against an XML schema, which the standard library cannot."""
LAZY_SCIPY = Path("hedge_core/quant")
PYDANTIC = (Path("worker/settings.py"), Path("mapping/file_model.py"), Path("console"))
FLOATS = (Path("hedge_core/quant"), Path("hedge_core/kernels"), Path("hedge_core/use_cases/post.py"))
"""The numeric corner, and the waits of the outbox, which are seconds and never money."""
FLOAT_TYPE = re.compile("float(_|16|32|64|128)|longdouble|float_power")
MOST_LINES = 450
LONG_FILES = frozenset({"adapters/erp/sap/read.py"})
"""Files that are longer all the same; a new one wants a reason."""


def modules(*packages: str) -> list[Path]:
    """The modules of the packages, relative to the repository."""
    return sorted(path.relative_to(ROOT) for name in packages for path in (ROOT / name).rglob("*.py"))


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"), str(module))


def imports(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Top-level name and line of everything imported below `node`; imports relative to the package are ours."""
    for found in ast.walk(node):
        if isinstance(found, ast.Import):
            for name in found.names:
                yield name.name.partition(".")[0], found.lineno
        elif isinstance(found, ast.ImportFrom) and found.level == 0:
            yield (found.module or "").partition(".")[0], found.lineno


def eager(module: ast.Module) -> Iterator[tuple[str, int]]:
    """What is imported when the module is: everything outside its functions."""
    for node in module.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(node)


def offenders(found: Callable[[Path], Iterator[tuple[str, int]]], paths: list[Path]) -> list[str]:
    return [f"{path}:{line}: {what}" for path in paths for what, line in found(path)]


def within(path: Path, places: tuple[Path, ...]) -> bool:
    return any(place == path or place in path.parents for place in places)


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_package_imports_the_standard_library_and_what_its_rule_allows(package: str) -> None:
    def foreign(path: Path) -> Iterator[tuple[str, int]]:
        known = ALLOWED[package] | sys.stdlib_module_names
        granted = {name for name, place in EXCEPTIONS.items() if within(path, (place,))}
        if within(path, (LAZY_SCIPY,)):
            granted.add("scipy")
        return ((name, line) for name, line in imports(tree(path)) if name not in known | granted)

    paths = modules(package)
    assert paths
    assert offenders(foreign, paths) == []


def test_scipy_is_imported_only_when_a_function_needs_it() -> None:
    def at_once(path: Path) -> Iterator[tuple[str, int]]:
        return ((name, line) for name, line in eager(tree(path)) if name == "scipy")

    assert offenders(at_once, modules("hedge_core")) == []


def test_pydantic_stands_at_settings_mapping_files_and_forms_only() -> None:
    def used(path: Path) -> Iterator[tuple[str, int]]:
        names = ("pydantic", "pydantic_settings", "pydantic_core")
        return ((name, line) for name, line in imports(tree(path)) if name in names)

    everywhere = modules(*(OURS - {"console"}))
    assert offenders(used, [path for path in everywhere if not within(path, PYDANTIC)]) == []
    assert list(used(Path("worker/settings.py"))), "the rule watches a file that no longer uses it"


def floats(path: Path) -> Iterator[tuple[str, int]]:
    """Float literals, calls of `float` and float types of numpy."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield repr(node.value), node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield "float()", node.lineno
        elif isinstance(node, ast.Attribute) and FLOAT_TYPE.fullmatch(node.attr):
            yield node.attr, node.lineno


def test_the_core_has_no_float_outside_the_numeric_corner() -> None:
    paths = [path for path in modules("hedge_core") if not within(path, FLOATS)]
    assert offenders(floats, paths) == []


def test_the_search_for_floats_finds_them(tmp_path: Path) -> None:
    module = tmp_path / "price.py"
    module.write_text("import numpy as np\na = 0.1\nb = float('1')\nc = np.float64\nd = 10\n", encoding="utf-8")
    assert [what for what, _ in floats(module)] == ["0.1", "float()", "float64"]


def test_a_file_has_one_subject_and_is_not_longer_than_it_needs() -> None:
    lengths = {
        str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path in modules(*(name for name in OURS if (ROOT / name).exists()))
    }
    too_long = {path: lines for path, lines in lengths.items() if lines > MOST_LINES and path not in LONG_FILES}
    assert too_long == {}, "look for a second subject in these files, or name them in LONG_FILES"
