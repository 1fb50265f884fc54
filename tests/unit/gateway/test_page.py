"""The page's files fit together without a build step."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "services" / "gateway" / "page"
MODULES = sorted(PAGE.rglob("*.js"))
IMPORT = re.compile(r'^(?:import|export)\b[^;]*?from "([^"]+)"', re.MULTILINE)


def _imported(start: Path) -> set[Path]:
    found: set[Path] = set()
    todo = [start]
    while todo:
        module = todo.pop()
        if module not in found:
            found.add(module)
            todo += [(module.parent / name).resolve() for name in IMPORT.findall(module.read_text())]
    return found


def test_every_module_that_is_imported_exists_and_is_fetched_at_once() -> None:
    """`modulepreload` spares a slow network one round trip per level of imports."""
    index = (PAGE / "index.html").read_text()
    asked = {PAGE / path for path in re.findall(r'(?:href|src)="/static/([^"]+\.js)"', index)}
    assert asked == _imported(PAGE / "app.js")


def test_the_page_needs_nobody_else_and_keeps_to_a_strict_policy() -> None:
    index = (PAGE / "index.html").read_text()
    assert not re.search(r"<style|\son\w+=|\sstyle=|<script(?![^>]*src=)", index)
    for path in [PAGE / "index.html", PAGE / "style.css", *MODULES]:
        text = path.read_text()
        # The one address that may occur is the name of SVG's namespace.
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)[^\s\"'`)]+", text) == [], path.name
        assert "innerHTML" not in text, path.name
        assert text.count("\n") <= 310, f"{path.name} wants to be two files"


def test_no_module_needs_itself_by_a_detour() -> None:
    for module in MODULES:
        others = {(module.parent / name).resolve() for name in IMPORT.findall(module.read_text())}
        assert all(module not in _imported(other) for other in others), module.name
