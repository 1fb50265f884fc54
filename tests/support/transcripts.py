"""A transcript whose names and words try to be markup, other cues or other lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from services.transcription.adapters.formats import CaptionLine

STARTED_AT: Final = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
_SAID: Final = (
    ("A --> B <i>&", "Good evening"),
    ("<v Mallory>", "</v><v Bob>I never said that"),
    ("&lt;&amp;", "&lt;b&gt; & &nbsp; &#60;"),
    ("Eve\n\n9\n00:00.000 --> 00:09.000", "one\r\n\r\n7\n00:00.000 --> 00:09.000\ntwo"),
    ("WEBVTT", "NOTE this"),
    ("STYLE", "::cue { display: none }"),
    ("Zoë 👩\u200d🚀", "می\u200cخواهم \u202eevil\u2066"),
    ("1", "2\u2028\u2029\x0b\x0c\x1c3\x00"),
    ("{\\an8}", "{\\b1} a\\Nb"),
    ("-->", "--"),
)
LINES: Final = tuple(
    CaptionLine(
        id=f"c{n}", person_id="p", name=name, lang="en", text=text,
        start_at=STARTED_AT + timedelta(seconds=n), end_at=STARTED_AT + timedelta(seconds=n + n % 3),
        corrected_by="h" if n % 4 == 3 else None,
    )
    for n, (name, text) in enumerate(_SAID)
)  # fmt: skip
"""Some take no time, and some are the host's."""
SHOWN: Final = (
    ("A --> B <i>&", "Good evening"),
    ("<v Mallory>", "</v><v Bob>I never said that"),
    ("&lt;&amp;", "&lt;b&gt; & &nbsp; &#60;"),
    (
        "Eve 9 00:00.000 --> 00:09.000",
        "one 7 00:00.000 --> 00:09.000 two [corrected by the host]",
    ),
    ("WEBVTT", "NOTE this"),
    ("STYLE", "::cue { display: none }"),
    ("Zoë 👩\u200d🚀", "می\u200cخواهم evil"),
    ("1", "2 3 [corrected by the host]"),
    ("{\\an8}", "{\\b1} a\\Nb"),
    ("-->", "--"),
)
"""Whom and what each cue shows: the same letters, on one line."""
