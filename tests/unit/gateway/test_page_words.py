"""What the page writes for people, in Node."""

from __future__ import annotations

import json

import pytest

from tests.support.in_node import in_node

_SAY = """
const [module, due] = process.argv.slice(1);
import(module).then(({ dueWords }) => console.log(dueWords(JSON.parse(due))));
"""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("start", "It is time for “Bees”."),
        ("soon", "Your Space “Bees” starts soon ("),
        ("of_tomorrow", "A reminder of “Bees” ("),
    ],
)
def test_a_reminder_of_whatever_kind_says_of_what(kind: str, words: str) -> None:
    due = json.dumps({"kind": kind, "title": "Bees", "scheduled_start": "2026-05-04T18:00:00Z"})
    said = in_node(_SAY, ["lib/format.js"], due)
    assert said.startswith(words)
    assert "undefined" not in said
