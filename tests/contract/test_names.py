"""A version of a context offers every name that its modules define, and each name is defined once."""

from __future__ import annotations

import ast
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

import contracts

ROOT = Path(contracts.__file__).parent
PACKAGES = sorted(path.parent for path in ROOT.glob("*/v1/__init__.py"))


def defined(module: Path) -> list[str]:
    """The public classes, functions and values of a module, but not what it imports."""
    names: list[str] = []
    for node in ast.parse(module.read_text()).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
            case ast.Assign(targets=targets):
                names += [target.id for target in targets if isinstance(target, ast.Name)]
            case _:
                pass
    return [name for name in names if not name.startswith("_")]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parent.name)
def test_a_version_offers_each_name_of_its_modules_from_one_place(package: Path) -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module in package.glob("[!_]*.py"):
        for name in defined(module):
            places[name].append(module.stem)
    assert places
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}
    version = import_module(f"contracts.{package.parent.name}.v1")
    for name, (place,) in places.items():
        assert getattr(version, name) is getattr(import_module(f"{version.__name__}.{place}"), name), name
