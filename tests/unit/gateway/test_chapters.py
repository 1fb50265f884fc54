"""Chapters as players read them: JSON of Podcasting 2.0, and WebVTT that others can read."""

from __future__ import annotations

import json
from io import StringIO

import webvtt

from contracts.envelope import PersonRef
from contracts.recording.v1 import Chapter, Chapters
from services.gateway.http.chapters import as_json, as_vtt

ADA = PersonRef(id="a" * 26, handle="ada", name="Ada <&> --> Lovelace")
FOUND = Chapters(
    space_id="b" * 26,
    seconds=7322.25,
    chapters=(
        Chapter(seconds=0, person=ADA),
        Chapter(seconds=61.5, title="Über Flüsse & Seen", url="https://example.org/a?b=1&c"),
        Chapter(seconds=3661.001, title="The end", person=ADA),
    ),
)


def test_json_has_starts_titles_and_links() -> None:
    assert json.loads(as_json(FOUND)) == {
        "version": "1.2.0",
        "chapters": [
            {"startTime": 0, "title": ADA.name},
            {"startTime": 61.5, "title": "Über Flüsse & Seen", "url": "https://example.org/a?b=1&c"},
            {"startTime": 3661.001, "title": "The end"},
        ],
    }


def test_webvtt_is_read_by_others_and_no_title_is_markup() -> None:
    text = as_vtt(FOUND)
    cues = [(cue.start, cue.end, cue.raw_text) for cue in webvtt.from_buffer(StringIO(text)).captions]
    assert cues == [
        ("00:00:00.000", "00:01:01.500", "Ada &lt;&amp;&gt; --&gt; Lovelace"),
        ("00:01:01.500", "01:01:01.001", "Über Flüsse &amp; Seen"),
        ("01:01:01.001", "02:02:02.250", "The end"),
    ]
