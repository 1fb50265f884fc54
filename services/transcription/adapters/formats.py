"""A transcript as a document: WebVTT, SubRip, plain text, JSON. Pure.

Sources: WebVTT: Text Tracks (W3C), 4.1 and 4.2.2 (voice spans); SubRip as players read it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Format = Literal["vtt", "srt", "txt", "json"]


@dataclass(frozen=True, slots=True)
class Line:
    """One caption."""

    id: str
    person_id: str
    name: str
    lang: str
    text: str
    start_at: datetime
    end_at: datetime


def document(format: Format, lines: Iterable[Line], started_at: datetime) -> tuple[str, str]:
    """Media type and text; times count from `started_at`, and never below zero."""
    cues = [(_seconds(line.start_at, started_at), _seconds(line.end_at, started_at), line) for line in lines]
    match format:
        case "vtt":
            return "text/vtt; charset=utf-8", _vtt(cues)
        case "srt":
            return "application/x-subrip; charset=utf-8", _srt(cues)
        case "txt":
            return "text/plain; charset=utf-8", _txt(cues)
        case "json":
            return "application/json", _json(cues)


_Cues = list[tuple[float, float, Line]]


def _seconds(at: datetime, started_at: datetime) -> float:
    return max(0.0, (at - started_at).total_seconds())


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"


def _one_line(text: str) -> str:
    """Whatever could end a line, or a cue, is a space."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())


def _escaped(text: str) -> str:
    """Safe in WebVTT cue text and in a voice span's name: no tag begins or ends, and no `-->` can stand in it."""
    return _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _vtt(cues: _Cues) -> str:
    parts = ["WEBVTT\n"]
    for number, (start, end, line) in enumerate(cues, 1):
        name, text = _escaped(line.name), _escaped(line.text)
        parts.append(f"{number}\n{_clock(start, '.')} --> {_clock(max(end, start), '.')}\n<v {name}>{text}</v>\n")
    return "\n".join(parts)


def _srt(cues: _Cues) -> str:
    parts = []
    for number, (start, end, line) in enumerate(cues, 1):
        # SubRip has no escape: players take <i> and the like for markup, so a bracket is replaced by its look-alike.
        text = f"{_one_line(line.name)}: {_one_line(line.text)}".replace("<", "‹").replace(">", "›")
        parts.append(f"{number}\n{_clock(start, ',')} --> {_clock(max(end, start), ',')}\n{text}\n")
    return "\n".join(parts)


def _txt(cues: _Cues) -> str:
    lines = []
    for start, _, line in cues:
        minutes, seconds = divmod(int(start), 60)
        hours, minutes = divmod(minutes, 60)
        lines.append(f"[{hours:02}:{minutes:02}:{seconds:02}] {_one_line(line.name)}: {_one_line(line.text)}\n")
    return "".join(lines)


def _json(cues: _Cues) -> str:
    captions = [
        {
            "id": line.id,
            "person_id": line.person_id,
            "name": line.name,
            "lang": line.lang,
            "text": line.text,
            "start": round(start, 3),
            "end": round(end, 3),
        }
        for start, end, line in cues
    ]
    return json.dumps({"captions": captions}, ensure_ascii=False, indent=1) + "\n"
