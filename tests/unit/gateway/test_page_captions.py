"""What the page shows of captions, in Node."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.support.in_node import in_node

_SHOW = """
const [module, events] = process.argv.slice(1);
import(module).then(({ Captions }) => {
  const captions = new Captions();
  const shown = JSON.parse(events).map((event) => (captions.apply(event), captions.lines.map((line) => line.text)));
  console.log(JSON.stringify(shown));
  captions.clear();
});
"""


def shown(*events: Mapping[str, object]) -> list[list[str]]:
    """The lines after each event."""
    found: list[list[str]] = json.loads(in_node(_SHOW, ["model/captions.js"], json.dumps(events)))
    return found


def said(text: str, second: int) -> dict[str, object]:
    person = {"id": "p", "handle": "ann", "name": "Ann"}
    return {"person": person, "lang": "en", "text": text, "start_at": f"2026-05-04T18:00:0{second}Z"}


def test_words_that_were_erased_are_no_line() -> None:
    assert shown(
        {"type": "transcription.captioned", "caption": {"id": "one", **said("Hello", 1)}},
        {"type": "captions.partial", "caption_id": "two", **said("Good ev", 2)},
        {"type": "transcription.captioned", "caption": {"id": "two", **said("", 2)}},
        {"type": "transcription.caption_corrected", "caption_id": "one", "text": "", "by": "h"},
    ) == [["Hello"], ["Hello", "Good ev"], ["Hello"], []]
