"""A transcript as a document."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.transcription.adapters.formats import CaptionLine, document
from services.transcription.domain.facts import Word

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)


def line(text: str = "Good evening", *, name: str = "Ann", start: float = 1.5, end: float = 3.25) -> CaptionLine:
    return CaptionLine("c1", "p", name, "en", text, AT + timedelta(seconds=start), AT + timedelta(seconds=end))


def shown(srt: str) -> str:
    """What one sees: word joiners are invisible."""
    return srt.replace("\u2060", "")


def test_webvtt_names_who_speaks() -> None:
    kind, body = document("vtt", [line(), line("And now", start=3661.0, end=3662.0015)], AT)
    assert kind == "text/vtt; charset=utf-8"
    assert body == (
        "WEBVTT\n\n"
        "1\n00:00:01.500 --> 00:00:03.250\n<v Ann>Good evening</v>\n\n"
        "2\n01:01:01.000 --> 01:01:02.002\n<v Ann>And now</v>\n"
    )


def test_subrip_has_commas() -> None:
    _, body = document("srt", [line()], AT)
    assert body == "1\n00:00:01,500 --> 00:00:03,250\nAnn: Good evening\n"


def test_text_is_for_reading() -> None:
    assert document("txt", [line()], AT)[1] == "[00:00:01] Ann: Good evening\n"


def test_json_counts_in_seconds() -> None:
    kind, body = document("json", [line()], AT)
    assert kind == "application/json"
    assert json.loads(body) == {
        "captions": [
            {
                "id": "c1", "person_id": "p", "name": "Ann", "lang": "en", "text": "Good evening",
                "start": 1.5, "end": 3.25,
            }
        ]
    }  # fmt: skip


def test_a_space_in_which_nothing_was_said_is_an_empty_document() -> None:
    assert document("vtt", [], AT)[1] == "WEBVTT\n"
    assert document("srt", [], AT)[1] == ""
    assert document("txt", [], AT)[1] == ""
    assert json.loads(document("json", [], AT)[1]) == {"captions": []}


def test_no_time_is_before_the_start_and_no_caption_ends_before_it_begins() -> None:
    # A cue that ends when it begins would be refused: WebVTT, 4.1.
    assert "00:00:00.000 --> 00:00:00.001" in document("vtt", [line(start=-2, end=-1)], AT)[1]
    assert "00:00:05.000 --> 00:00:05.001" in document("vtt", [line(start=5, end=4)], AT)[1]


def test_a_name_cannot_be_markup_or_a_cue() -> None:
    name = "<b>Eve</b>\n\n2\n00:00:00.000 --> 00:01:00.000\r\nMallory & Co"
    _, vtt = document("vtt", [line("a --> b\u2028<v Bob>c", name=name)], AT)
    assert "<b>" not in vtt
    assert "<v Bob>" not in vtt
    assert vtt.count("-->") == 1
    assert "Mallory &amp; Co" in vtt
    _, srt = document("srt", [line("<i>x</i>", name=name)], AT)
    assert len(srt.splitlines()) == 3
    assert "<i>" not in srt
    assert shown(srt.splitlines()[2]).startswith("<b>Eve</b> 2 00:00:00.000 --> 00:01:00.000 Mallory & Co: <i>x")


def test_text_cannot_turn_the_direction_of_what_follows_and_keeps_the_joiners_that_writing_needs() -> None:
    _, txt = document("txt", [line("می\u200cخواهم \u202eevil\u2066 👩\u200d🚀")], AT)
    assert txt == "[00:00:01] Ann: می\u200cخواهم evil 👩\u200d🚀\n"


def test_subrip_takes_no_override_of_a_player() -> None:
    _, srt = document("srt", [line("{\\an8}top {\\b1} a\\Nb {y:i}")], AT)
    assert re.search(r"\{\\|\{y:|\\N", srt) is None
    assert shown(srt).endswith("Ann: {\\an8}top {\\b1} a\\Nb {y:i}\n")


def test_subrip_leaves_alone_what_nobody_takes_for_markup() -> None:
    said = "A --> B: 1 < 2 > 0 & {so} C:\\Users &lt; <3"
    _, srt = document("srt", [line(said)], AT)
    assert srt.endswith(
        "Ann: A --> B: 1 < 2 > 0 & {so} C:\\Users &lt; <3\n".replace("< 2", "<\u2060 2").replace("<3", "<\u20603")
    )


def test_a_correction_is_marked_as_the_hosts_in_every_format() -> None:
    corrected = replace(line("Good evening, A --> B"), corrected_by="h")
    assert (
        "\n<v.corrected Ann>Good evening, A --&gt; B <c.mark>[corrected by the host]</c></v>\n"
        in document("vtt", [corrected], AT)[1]
    )
    assert document("srt", [corrected], AT)[1].endswith("\nAnn: Good evening, A --> B [corrected by the host]\n")
    assert document("txt", [corrected], AT)[1].endswith("Ann: Good evening, A --> B [corrected by the host]\n")
    found = json.loads(document("json", [corrected], AT)[1])["captions"][0]
    assert (found["text"], found["corrected_by"]) == ("Good evening, A --> B", "h")
    assert "corrected_by" not in document("json", [line()], AT)[1]


def test_json_has_the_words_with_their_times_and_confidences() -> None:
    words = (Word("Good", 0.1, 0.35, 0.97), Word("evening", 0.4, 1.7))
    found = json.loads(document("json", [replace(line(), words=words)], AT)[1])["captions"][0]
    assert found["words"] == [
        {"text": "Good", "start": 1.6, "end": 1.85, "confidence": 0.97},
        {"text": "evening", "start": 1.9, "end": 3.2, "confidence": None},
    ]


@given(
    start=st.floats(0, 1e6),
    lasts=st.floats(0, 30),
    times=st.lists(st.tuples(st.floats(0, 31), st.floats(0, 31)).map(sorted), max_size=5),
)
def test_words_are_within_their_caption(start: float, lasts: float, times: list[list[float]]) -> None:
    words = tuple(Word("a", first, last) for first, last in times)
    said = replace(line(start=start, end=start + lasts), words=words)
    found = json.loads(document("json", [said], AT)[1])["captions"][0]
    for word in found.get("words", ()):
        assert found["start"] <= word["start"] <= word["end"] <= found["end"]


@given(name=st.text(), text=st.text())
def test_one_caption_is_one_cue_whatever_is_in_it(name: str, text: str) -> None:
    _, vtt = document("vtt", [line(text, name=name)], AT)
    lines = re.split(r"\r\n|\n|\r", vtt)
    assert len(lines) == 6
    assert lines[4].startswith("<v ")
    assert lines[4].count("<") == 2
    assert vtt.count("-->") == 1
    _, srt = document("srt", [line(text, name=name)], AT)
    assert len(srt.split("\n")) == 4
    assert shown(srt.split("\n")[2]) == document("txt", [line(text, name=name)], AT)[1][len("[00:00:01] ") : -1]
    assert len(document("txt", [line(text, name=name)], AT)[1].splitlines()) == 1
    found = json.loads(document("json", [line(text, name=name)], AT)[1])["captions"][0]
    assert (found["name"], found["text"]) == (name, text)
