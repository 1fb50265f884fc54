"""A transcript as a document: WebVTT, SubRip, plain text, JSON. Pure.

Sources: WebVTT: Text Tracks (W3C), 4.1 and 4.2.2 (voice spans); SubRip as players read it.

SubRip has no standard and no escape. FFmpeg (and so mpv) and VLC take <i>, {\\an8}, {y:i} and \\N for markup, hide tags
that they do not know, and show `&lt;` as it stands. None of them takes it for markup if another character comes after
its first one. So there we put one that nobody sees, a word joiner (U+2060), and every letter is shown: `A --> B <i>&`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from services.transcription.domain.facts import Word

_WORD_JOINER: Final = "\u2060"
_MARKUP: Final = re.compile(r"<(?= *[\w/])|\{(?=\\|.:)|\\(?=[nh])|(?<=\d)\s*--(?=>)", re.IGNORECASE)
"""How markup begins in SubRip, or a line that could be taken for the times of a cue."""

Format = Literal["vtt", "srt", "txt", "json"]
_MARK: Final = "[corrected by the host]"
_JOINERS: Final = "\u200c\u200d"
"""Invisible, but Persian, Hindi and composed emoji are written with them."""


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """One caption."""

    id: str
    person_id: str
    name: str
    lang: str
    text: str
    start_at: datetime
    end_at: datetime
    words: tuple[Word, ...] = ()
    corrected_by: str | None = None
    """The host whose words `text` are."""


def document(format: Format, lines: Iterable[CaptionLine], started_at: datetime) -> tuple[str, str]:
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


_Cues = list[tuple[float, float, CaptionLine]]


def _seconds(at: datetime, started_at: datetime) -> float:
    return max(0.0, (at - started_at).total_seconds())


def _times(start: float, end: float, point: str) -> str:
    """When a cue is shown. It ends after it begins, be it by a millisecond: WebVTT demands that."""
    first = round(start * 1000)
    return f"{_clock(first, point)} --> {_clock(max(round(end * 1000), first + 1), point)}"


def _clock(milliseconds: int, point: str) -> str:
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}{point}{milliseconds % 1000:03}"


def _one_line(text: str) -> str:
    """Whatever could end a line or a cue, or turn the direction of what follows, is a space."""
    if not text.isprintable():
        text = "".join(
            " " if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and c not in _JOINERS else c for c in text
        )
    return " ".join(text.split())


def _escaped(text: str) -> str:
    """Safe in WebVTT cue text and in a voice span's name: no tag begins or ends, and no `-->` can stand in it."""
    return _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _vtt(cues: _Cues) -> str:
    parts = ["WEBVTT\n"]
    for number, (start, end, line) in enumerate(cues, 1):
        name, text = _escaped(line.name), _escaped(line.text)
        if line.corrected_by is None:
            said = f"<v {name}>{text}</v>"
        else:
            said = f"<v.corrected {name}>{text} <c.mark>{_MARK}</c></v>"
        parts.append(f"{number}\n{_times(start, end, '.')}\n{said}\n")
    return "\n".join(parts)


def _srt(cues: _Cues) -> str:
    parts = []
    for number, (start, end, line) in enumerate(cues, 1):
        text = _MARKUP.sub(rf"\g<0>{_WORD_JOINER}", f"{_one_line(line.name)}: {_marked(line)}")
        parts.append(f"{number}\n{_times(start, end, ',')}\n{text}\n")
    return "\n".join(parts)


def _txt(cues: _Cues) -> str:
    lines = []
    for start, _, line in cues:
        minutes, seconds = divmod(int(start), 60)
        hours, minutes = divmod(minutes, 60)
        lines.append(f"[{hours:02}:{minutes:02}:{seconds:02}] {_one_line(line.name)}: {_marked(line)}\n")
    return "".join(lines)


def _marked(line: CaptionLine) -> str:
    return _one_line(line.text) if line.corrected_by is None else f"{_one_line(line.text)} {_MARK}"


def _json(cues: _Cues) -> str:
    captions = []
    for start, end, line in cues:
        caption: dict[str, Any] = {
            "id": line.id,
            "person_id": line.person_id,
            "name": line.name,
            "lang": line.lang,
            "text": line.text,
            "start": round(start, 3),
            "end": round(end, 3),
        }
        if line.corrected_by is not None:
            caption["corrected_by"] = line.corrected_by
        if line.words:
            caption["words"] = [
                {
                    "text": word.text,
                    # In captions of earlier versions the last word may end later.
                    "start": round(min(start + word.start, end), 3),
                    "end": round(min(start + word.end, end), 3),
                    "confidence": word.confidence,
                }
                for word in line.words
            ]
        captions.append(caption)
    return json.dumps({"captions": captions}, ensure_ascii=False, indent=1) + "\n"
